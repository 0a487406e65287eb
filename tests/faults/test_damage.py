"""Bytes of spool and journal are overwritten while nobody uses them: found and told, or nothing has changed.

python -m pytest tests/faults/test_damage.py --rounds 200 --seed 7
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.clock import SECOND
from domain.ids import GatewayId, HomeId
from domain.readings import Quantity, Reading
from domain.wire import ClockState, Up, encode_heartbeat, encode_readings, up_topic
from gateway.spool import Observation, Spool
from ingest.intake import Intake
from ingest.journal import Journal, JournalDamagedError, read_all
from ingest.scrub import faults
from registry.directory import MemoryDirectory
from tests.faults.relay import METER, T

_ROUNDS = 8
_GROUPS = 150
_GATEWAYS = 5
_ACKED = 40
_LAST = 2
"""Commits at the very end of a write-ahead log whose damage cannot be told from a death in the middle of them."""
_SIZES = (1, 4, 40, 512, 4096)


@dataclass(frozen=True, slots=True)
class Wound:
    """What was overwritten, and where."""

    file: str
    at: int
    size: int


def wound(folder: Path, name: str, chance: random.Random) -> Wound:
    """Overwrite a few bytes of the file or of its log, each byte as likely as another."""
    files = [file for file in (folder / name, folder / f"{name}-wal") if file.exists() and file.stat().st_size]
    file = chance.choices(files, [each.stat().st_size for each in files])[0]
    content = bytearray(file.read_bytes())
    size, at = chance.choice(_SIZES), chance.randrange(len(content))
    for place in range(at, min(at + size, len(content))):
        content[place] ^= chance.randrange(1, 256)
    file.write_bytes(content)
    return Wound(file.name, at, size)


def copy_of(whole: Path, name: str, folder: Path) -> None:
    folder.mkdir()
    for suffix in ("", "-wal"):
        if (whole / f"{name}{suffix}").exists():
            shutil.copy(whole / f"{name}{suffix}", folder / f"{name}{suffix}")


# ---- the spool -------------------------------------------------------------------------------------------------------


def filled_spool(folder: Path) -> dict[int, float]:
    """``closed`` and ``open`` spools, the second as a death leaves it; what both hold and nobody acknowledged."""
    spool = Spool(folder / "work" / "spool.db")
    held: dict[int, float] = {}
    for n in range(_GROUPS):
        seen = [Observation(METER.id, Quantity.POWER, 1000.0 + 3 * n + k, T + n * SECOND + k) for k in range(1 + n % 3)]
        last = spool.add(seen)
        held |= {last - len(seen) + 1 + k: o.value for k, o in enumerate(seen)}
        if n == _ACKED:
            spool.acknowledge(spool.epoch, last)
            held = {}
    copy_of(folder / "work", "spool.db", folder / "open")
    spool.close()
    copy_of(folder / "work", "spool.db", folder / "closed")
    return held


def judged_spool(folder: Path, held: dict[int, float], hurt: Wound) -> str:
    """What is wrong after a start on a wounded spool; empty when all is told or nothing has changed."""
    spool = Spool(folder / "spool.db")
    try:
        if spool.moved_aside is not None:
            return "" if spool.add([Observation(METER.id, Quantity.POWER, 1.0, T)]) == 1 else "it does not go on"
        found: dict[int, float] = {}
        at = 0
        while run := spool.after(at, 500):
            found |= {reading.seq: reading.value for reading in run}
            at = run[-1].seq
        told = {seq for first, last, _ in spool.lost() for seq in range(first, last + 1)}
        changed = {seq for seq, value in found.items() if seq in held and held[seq] != value}
        silent = {seq for seq in held if seq not in found and seq not in told}
        number = spool.add([Observation(METER.id, Quantity.POWER, 1.0, T)])
    finally:
        spool.close()
    if changed:
        return f"numbers {sorted(changed)[:5]} say something else"
    if hurt.file.endswith("-wal") and silent and min(silent) > max(held) - 3 * _LAST:
        return ""
    if silent:
        return f"{len(silent)} readings are gone and nobody says so"
    return f"number {number} is given again" if number in held else ""


@pytest.fixture(scope="module")
def spools(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, float]]:
    folder = tmp_path_factory.mktemp("spools")
    return folder, filled_spool(folder)


@pytest.mark.parametrize("kind", ["closed", "open"])
def test_a_damaged_spool_says_what_is_lost_and_sends_nothing_that_is_not_so(
    spools: tuple[Path, dict[int, float]], tmp_path: Path, kind: str, rounds: int | None, chance: random.Random
) -> None:
    whole, held = spools
    wrong = []
    for number in range(rounds or _ROUNDS):
        folder = tmp_path / str(number)
        copy_of(whole / kind, "spool.db", folder)
        hurt = wound(folder, "spool.db", chance)
        complaint = judged_spool(folder, held, hurt)
        if complaint:
            wrong.append(f"round {number}, {hurt}: {complaint}")
        shutil.rmtree(folder)
    assert not wrong, "\n".join(wrong)


def test_a_spool_without_sums_sends_a_value_that_nobody_measured(
    spools: tuple[Path, dict[int, float]], tmp_path: Path
) -> None:
    """The control: a value changed within a sound page, in a spool that knows no sums."""
    whole, held = spools
    for update, caught in (
        ("UPDATE readings SET value = value + 0.5 WHERE seq = ?", False),
        ("UPDATE readings SET value = value + 0.5, sum = NULL WHERE seq = ?", True),
    ):
        folder = tmp_path / str(caught)
        copy_of(whole / "closed", "spool.db", folder)
        connection = sqlite3.connect(folder / "spool.db", isolation_level=None)
        connection.execute(update, (max(held),))
        connection.close()
        assert ("say something else" in judged_spool(folder, held, Wound("spool.db", 0, 8))) is caught


# ---- the journal -----------------------------------------------------------------------------------------------------


def filled_journal(folder: Path) -> dict[tuple[str, int], float]:
    """``closed`` and ``open`` journals, the second as a death leaves it; what both hold."""
    journal = Journal(folder / "work" / "journal.db")
    held: dict[tuple[str, int], float] = {}
    intake = intake_of(journal)
    intake.start(T)
    for n in range(_GROUPS):
        for g in range(_GATEWAYS):
            name, seq = f"g{g}", 1 + 2 * n
            values = [float(10_000 * g + seq), float(10_000 * g + seq + 1)]
            rows = [(str(METER.id), Quantity.POWER, value, T + n * SECOND) for value in values]
            intake.take(
                up_topic(name, Up.READINGS), encode_readings(name, "e1", seq, T, CLOCK, rows), T + n * SECOND, n
            )
            held |= {(name, seq): values[0], (name, seq + 1): values[1]}
        intake.commit(T + n * SECOND)
    copy_of(folder / "work", "journal.db", folder / "open")
    journal.close()
    copy_of(folder / "work", "journal.db", folder / "closed")
    return held


CLOCK = ClockState("boot-1", True)


def intake_of(journal: Journal) -> Intake[int]:
    directory = MemoryDirectory()
    for g in range(_GATEWAYS):
        directory.enrol(GatewayId(f"g{g}"), HomeId(f"h{g}"), "Asia/Tokyo")
        directory.introduce(GatewayId(f"g{g}"), [METER], T)
    return Intake(journal, directory)


def judged_journal(folder: Path, held: dict[tuple[str, int], float], hurt: Wound) -> str:
    """What is wrong after a start on a wounded journal; empty when all is told or nothing has changed."""
    file = folder / "journal.db"
    journal = Journal(file)
    try:
        told = bool(journal.damage)
        first, through = at_work(journal)
    except JournalDamagedError:  # the process ends, and starts again
        journal.close()
        journal = Journal(file)
        return "" if journal.moved_aside and at_work(journal)[0] > _GROUPS + 2 else "it does not go on in a new journal"
    finally:
        journal.close()
    if told:
        return "" if first > _GROUPS + 2 else "an offset is given again"
    return "" if is_found_later(file) else silently_wrong(file, through, held, hurt)


def is_found_later(file: Path) -> bool:
    """True when the look in the background finds something."""
    try:
        return bool(list(faults(file)))
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return True


def silently_wrong(file: Path, through: int, held: dict[tuple[str, int], float], hurt: Wound) -> str:
    reader = Journal(file, read_only=True)
    logged = {(str(i.gateway), i.seq): i.value for a in read_all(reader) for i in a.items if isinstance(i, Reading)}
    reader.close()
    if any(logged.get(key, value) != value for key, value in held.items()):
        return "a reading says something else"
    if through > 2 * _GROUPS or logged.keys() - held.keys():
        return "it speaks of what was never sent"
    lost = [seq for _, seq in held.keys() - logged.keys()]
    if hurt.file.endswith("-wal") and lost and min(lost) > 2 * (_GROUPS - _LAST):
        return ""
    return f"{len(lost)} readings are gone and nobody says so" if lost else ""


def at_work(journal: Journal) -> tuple[int, int]:
    """Start on a journal and let every gateway ask what it has: the first offset, and the highest number acknowledged."""
    intake, now = intake_of(journal), T + 1000 * SECOND
    started = intake.start(now)
    for g in range(_GATEWAYS):
        beat = encode_heartbeat(f"g{g}", "e1", 0, T, CLOCK, T, [], {}, [], 1)
        intake.take(up_topic(f"g{g}", Up.HEARTBEAT), beat, now, 0)
    acks = intake.commit(now).acks
    assert started.arrival is not None
    return started.arrival.offset, max(ack.stored_through for ack in acks)


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, int], float]]:
    folder = tmp_path_factory.mktemp("journals")
    return folder, filled_journal(folder)


@pytest.mark.parametrize("kind", ["closed", "open"])
def test_a_damaged_journal_is_found_out_and_work_goes_on(
    journals: tuple[Path, dict[tuple[str, int], float]],
    tmp_path: Path,
    kind: str,
    rounds: int | None,
    chance: random.Random,
) -> None:
    whole, held = journals
    wrong = []
    for number in range(rounds or _ROUNDS):
        folder = tmp_path / str(number)
        copy_of(whole / kind, "journal.db", folder)
        hurt = wound(folder, "journal.db", chance)
        complaint = judged_journal(folder, held, hurt)
        if complaint:
            wrong.append(f"round {number}, {hurt}: {complaint}")
        shutil.rmtree(folder)
    assert not wrong, "\n".join(wrong)
