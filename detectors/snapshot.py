"""A home's snapshot: MessagePack of JSON types under a version. Older ones are migrated step by step, newer ones refused.

Each detector's state carries a version of its own (``Detector.snapshot_version``), so that a detector can change what it
keeps without a new version of the whole: its ``migrate`` reads what it kept before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from detectors.context import Detector
from detectors.evidence.older import from_version_1
from domain.errors import KehaiError
from domain.findings import Finding, Level, Subject
from domain.ids import HomeId

VERSION = 3
"""Of the whole. Add a step to MIGRATIONS when it is raised."""
RESET = "state_unreadable"
"""Kind of the finding that says that a detector had to start anew."""

State = dict[str, Any]
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()


class NewerSnapshotError(KehaiError):
    """A snapshot that a newer version of this program wrote: nothing of it is touched."""


class BrokenSnapshotError(ValueError):
    """Bytes that are no snapshot, or one of which a part is missing."""


def _evidence(state: State) -> State:
    """Version 1 kept life, places and 'not returned' inside the state of ``inactivity``."""
    from_version_1(state)
    return state


def _versions_of_detectors(state: State) -> State:
    """Version 2 kept each detector's bare state, and no rules."""
    state["detectors"] = {name: [1, kept] for name, kept in state["detectors"].items()}
    return state | {"rules": None, "voice": None}


MIGRATIONS: Mapping[int, Callable[[State], State]] = {1: _evidence, 2: _versions_of_detectors}
"""Version -> what makes the next version of it. Steps are never changed once released, and never removed."""


def _shared(kept: Any) -> Any:
    """The same, with each word once in this process: the homes of a fleet call their devices alike."""
    kind = type(kept)
    if kind is str:
        return sys.intern(kept)
    if kind is dict:
        return {sys.intern(key): _shared(value) for key, value in kept.items()}
    if kind is list and any(type(value) in _HOLDS_WORDS for value in kept):
        return [_shared(value) for value in kept]
    return kept


_HOLDS_WORDS = (str, dict, list)


def encode(state: State) -> bytes:
    """A snapshot of today's version; ``state`` holds JSON types only."""
    return _encoder.encode({"v": VERSION, **state})


def decode(body: bytes) -> State:
    """A snapshot as today's version has it.

    Raises NewerSnapshotError for one from a newer program, BrokenSnapshotError for anything that is none.
    """
    try:
        state = _shared(_decoder.decode(body))
        version = state["v"]
        if not isinstance(version, int):
            raise TypeError("the version is no number")
        if version > VERSION:
            raise NewerSnapshotError(
                f"The saved state of home {state.get('home')} is of version {version}, and this program knows versions up "
                f"to {VERSION}: start the newer program again."
            )
        while version < VERSION:
            state = MIGRATIONS[version](state)
            version += 1
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BrokenSnapshotError(f"This is no snapshot of a home ({type(error).__name__}: {error}).") from error
    read: State = state
    return read


def detector_states(detectors: Sequence[Detector]) -> State:
    """What the detectors keep, each under its name and with its version."""
    return {detector.name: [detector.snapshot_version, detector.snapshot()] for detector in detectors}


def restore_detectors(
    detectors: list[Detector], states: Mapping[str, Any], anew: Callable[[str], Detector]
) -> list[tuple[str, str]]:
    """Give each detector its state back; (name, reason) of each that could not read it, and that ``anew`` replaced.

    One without a state is a new kind, and starts anew without a word. Raises NewerSnapshotError for a state that a newer
    program wrote.
    """
    lost = []
    for place, detector in enumerate(detectors):
        if detector.name not in states:
            continue
        try:
            version, state = states[detector.name]
            newer = version > detector.snapshot_version
            if not newer:
                current = version == detector.snapshot_version
                detector.restore(state if current else detector.migrate(version, state))
        except Exception as error:  # noqa: BLE001 (whatever is wrong with one detector's state, the home must be watched)
            lost.append((detector.name, f"{type(error).__name__}: {error}"))
            detectors[place] = anew(detector.name)
            continue
        if newer:
            raise NewerSnapshotError(
                f"The saved state of the detector {detector.name} is of version {version}, and this program knows versions "
                f"up to {detector.snapshot_version}: start the newer program again."
            )
    return lost


def reset_finding(home: HomeId, name: str, reason: str, at: int) -> Finding:
    """The system's word that a detector had to start anew; dated by what the home had seen by then."""
    return Finding(
        home=home, kind=RESET, detector="kehai/1", cause=f"{RESET}:{name}", subject=Subject.SYSTEM, level=Level.DIGEST,
        onset=at, raised_at=at, evidence={"detector": name, "reason": reason[:200]},
        text_ja=f"保存された状態を読めなかったため、検知({name})は学習を最初からやり直しています。",
        text_en=f"The saved state could not be read, so the detection ({name}) has started anew and learns from today on.",
    )  # fmt: skip
