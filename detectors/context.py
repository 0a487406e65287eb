"""What a detector is, and what it may ask about its home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from detectors.clocks import Clocks
from detectors.evidence.life import Evidence
from domain.clock import MINUTE, Instant, Span
from domain.feedback import Feedback
from domain.findings import FindingEvent
from domain.ids import DeviceId, HomeId
from domain.localtime import LocalTime
from domain.readings import Device, Reading, Vouch
from domain.watermark import Coverage

LATENESS: Span = 2 * MINUTE
"""How late a message may be on its way without changing what is found."""
GATEWAY_SILENT: Span = 10 * MINUTE
"""A gateway that has vouched for nothing for so long is silent."""

State = dict[str, Any]
"""A detector's snapshot: JSON types only."""


@dataclass(slots=True)
class HomeContext:
    """One home as its detectors see it; they read it and never change it."""

    home: HomeId
    local: LocalTime
    devices: dict[DeviceId, Device] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)
    """When every gateway of the home vouched."""
    watermark: Instant | None = None
    vouched: dict[str, Instant] = field(default_factory=dict)
    """Gateway -> the latest instant up to which it has vouched."""
    heard: dict[DeviceId, Instant] = field(default_factory=dict)
    """When each device last said anything, in event time, as far as the watermark has passed."""
    evidence: Evidence = field(default_factory=Evidence)
    """What the readings prove about the resident; it holds the reading in hand when a detector sees that."""
    clocks: Clocks = field(default_factory=Clocks)
    """What the heartbeats say about the gateways' clocks."""
    passed: list[tuple[Instant, Instant]] = field(default_factory=list)
    """Within one step: (watermark, when the message that moved it there was received), in their order."""
    resumed_at: Instant = 0
    """Processing time of our own last start: no silence is counted from before it in processing time."""

    def blind(self, start: Instant, end: Instant) -> Span:
        """How much of [start, end] nobody vouched for."""
        return max(0, end - start) - self.coverage.covered(start, end)

    def known_at(self, at: Instant) -> Instant:
        """When it could be known that the watermark had passed ``at``: the receipt of the message that told, or ``at``."""
        return next((received for watermark, received in self.passed if watermark >= at), at)

    def lost(self, at: Instant) -> list[Device]:
        """The devices that should have been heard by ``at`` and were not, though somebody listened: blind spots.

        A device vouches for itself up to half a check-in period past its next check-in; one without a period never does, and
        is taken to work.
        """
        found = []
        for device in self.devices.values():
            heard = self.heard.get(device.id)
            if device.check_in is None or heard is None:
                continue
            allowed = device.check_in * 3 // 2
            if at - heard > allowed and at - heard - self.blind(heard, at) > allowed:
                found.append(device)
        return found

    def cut_off_at(self, deadline: Instant) -> Instant:
        """The processing time at which it is certain that an event-time ``deadline`` passed while nobody vouched."""
        heard = min(self.vouched.values(), default=0)
        return max(deadline + LATENESS, max(heard, self.resumed_at) + GATEWAY_SILENT + LATENESS)


class Detector(Protocol):
    """Readings and passing time of one home -> findings. Synchronous, pure, and equal for equal facts.

    Event time reaches it in order: readings as they happened, interleaved with its own timers. Processing time reaches it
    only through ``due_now`` and ``fire_now``, and what those say is dated by the deadline too.
    """

    name: str
    version: int
    """Of what it decides: it stands on each finding, and is raised when the same facts may give another answer."""
    snapshot_version: int
    """Of what ``snapshot`` gives: raised together with a step in ``migrate``."""

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """The home's devices or gateways have changed, or what staff say about it."""
        ...

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """A reading, in event-time order."""
        ...

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """A reading from before the watermark: it may end a finding and must not raise one."""
        ...

    def due(self) -> Instant | None:
        """The next event-time timer."""
        ...

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """The watermark has passed ``at``, which was due."""
        ...

    def told(self, feedback: Feedback, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """The watermark has passed ``at``, from when on counts what people found."""
        ...

    def vouched(self, vouch: Vouch, context: HomeContext) -> Sequence[FindingEvent]:
        """A gateway spoke; ``context`` holds it already."""
        ...

    def due_now(self, context: HomeContext) -> Instant | None:
        """The next processing-time timer."""
        ...

    def fire_now(self, now: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """Processing time has reached ``now``, which was due."""
        ...

    def snapshot(self) -> State:
        """Everything that ``restore`` needs to go on as if nothing had happened."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        ...

    def migrate(self, version: int, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """A state that ``snapshot`` gave under an older ``version``, as today's; raises ValueError when it cannot be read."""
        ...

    def retuned(self, context: HomeContext) -> Sequence[FindingEvent]:
        """It was made anew with other parameters, and then given its old state back: what it draws from both changes now."""
        ...


class Quiet:
    """The answers of a detector that has nothing to say: a base for those that answer only some of the calls."""

    name = "quiet"
    version = 1
    snapshot_version = 1

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002 (the protocol's signature)
        """See Detector.configured."""
        return ()

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.observe."""
        return ()

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.observe_late."""
        return ()

    def due(self) -> Instant | None:
        """See Detector.due."""
        return None

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.fire."""
        return ()

    def told(self, feedback: Feedback, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.told."""
        return ()

    def vouched(self, vouch: Vouch, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.vouched."""
        return ()

    def due_now(self, context: HomeContext) -> Instant | None:  # noqa: ARG002
        """See Detector.due_now."""
        return None

    def fire_now(self, now: Instant, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.fire_now."""
        return ()

    def migrate(self, version: int, state: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        """See Detector.migrate."""
        raise ValueError(f"a state of version {version} cannot be read any more")

    def retuned(self, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.retuned."""
        return ()
