"""The evidence of one home: its signs of life, whether somebody may have gone out, and what silent devices hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from detectors.evidence.company import Company
from detectors.evidence.modes import Modes
from detectors.evidence.places import Places
from detectors.evidence.trust import ALONE, Trust
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.ids import DeviceId
from domain.localtime import LocalTime
from domain.readings import SIGNS_OF_LIFE, Device, Quantity, Reading

if TYPE_CHECKING:
    from detectors.context import HomeContext  # which holds the evidence

AFTER_EXIT: Span = 2 * MINUTE
"""A last sign of life this close to a movement of an outer door means that the resident may have gone out."""
SOON_AFTER_EXIT: Span = 10 * MINUTE
"""A last sign of life this close to one may still be somebody on the way out, seen late."""
BLIND: Span = 5 * MINUTE
"""This much blindness within a silence does not matter."""
MATTERS = 0.25
"""Silent devices from which this part of the hour's signs of life came hide too much to call a silence a silence."""
EMPTY: Span = HOUR
"""After an exit and a silence so long, a single pulse is as likely a stray as somebody who never left."""
OWN_PULSES = 3
"""So many pulses of a device that is not believed alone, within ``SOON_AFTER_EXIT``, are believed."""
EMPTY_AT_LEAST: Span = 3 * HOUR
"""A shorter time between two movements of the outer door is not taken for an empty home."""
_AT_REST = 0.0


class Occupancy(StrEnum):
    """Where the resident is taken to be."""

    HOME = "home"
    AWAY = "away"
    """An outer door moved just before the last sign of life, or staff said so."""
    UNKNOWN = "unknown"
    """No sign of life yet, or silent devices hide the rooms that matter at this hour, or a lone pulse after an exit."""
    BLIND = "blind"
    """Too much of the silence was not vouched for."""


class Sign(NamedTuple):
    """A trusted sign of life, and so the beginning of a silence that lasts until the next one."""

    at: Instant
    device: DeviceId
    room: str | None
    after_exit: Span | None
    """How long before it an outer door had last moved, 0 when it is such a movement; None when none is known."""
    alone: bool = False
    """True for a single pulse after an exit: it may be somebody, and it may be a stray in an empty home."""
    company: bool = False
    """True when more than one person was there."""

    @property
    def may_be_out(self) -> bool:
        """True when the silence after it may be that of an empty home.

        Not where somebody had company: whoever went out, the other one may have stayed.
        """
        return self.after_exit is not None and self.after_exit <= AFTER_EXIT and not self.company

    @property
    def soon_after_exit(self) -> bool:
        """True when the home may still be empty after it: a silence counts, with a wider limit."""
        return self.alone or (self.after_exit is not None and self.after_exit <= SOON_AFTER_EXIT)

    @property
    def teaches(self) -> bool:
        """True when the silence after it says something about the resident's habits."""
        return not self.company and not self.may_be_out


def sign_of(state: Sequence[Any] | None) -> Sign | None:
    """The sign of life that a snapshot holds as a list."""
    return None if state is None else Sign(*state)


class Evidence:
    """Fed by the supervision with each released reading before any detector sees it; detectors read it.

    ``fresh`` holds what the reading in hand established: pairs (the sign of life before, the new one), none for most readings
    that are no sign of life. So a detector learns of a silence that is over, and of the one that begins, from one place. A
    reading may establish two signs: a pulse that was not believed alone, and the one that confirms it.
    """

    def __init__(self) -> None:
        self.trust = Trust()
        """How far each device is believed."""
        self.modes = Modes()
        """What staff said about the home."""
        self._places = Places()
        self._company = Company()
        self._midnight: Instant | None = None
        self.last: Sign | None = None
        """The last trusted sign of life."""
        self.exit: Instant | None = None
        """When an outer door last moved."""
        self.left: Sign | None = None
        """The last sign of life of somebody who may have gone out; None once it is plain that somebody is in.

        A single pulse does not make that plain: ``last`` is then that pulse (``Sign.alone``), and ``left`` stays.
        """
        self.fresh: Sequence[tuple[Sign | None, Sign]] = ()
        """What the reading in hand established."""
        self._unconfirmed: list[Sign] = []
        """Pulses of devices that are not believed alone, the last ten minutes' at most."""
        self._since_exit: dict[DeviceId, int] | None = None
        """Lone pulses since the outer door last moved; None once two together showed that somebody is in."""
        self._perhaps_empty: tuple[Span, dict[DeviceId, int]] | None = None
        """How long the outer door had stood still, and the lone pulses then: an empty home, if somebody came in."""
        self._resting: set[DeviceId] = set()
        """Devices whose last word was that all is at rest: saying so again is no sign of life."""

    # ---- what detectors ask ------------------------------------------------------------------------------------------

    def occupancy(self, context: HomeContext) -> Occupancy:
        """Where the resident is taken to be, as of the watermark."""
        if self.last is None:
            return Occupancy.UNKNOWN
        if self.last.may_be_out or self.modes.away():
            return Occupancy.AWAY
        now = max(self.last.at, context.watermark or 0)
        if context.blind(self.last.at, now) > BLIND:
            return Occupancy.BLIND
        unsure = self.last.alone or self.hidden(self.last.at, now, context)
        return Occupancy.UNKNOWN if unsure else Occupancy.HOME

    def company(self, at: Instant) -> bool:
        """True when more than one person is taken to be in the home at ``at``, or staff say so."""
        return self._company.present(at) or self.modes.visitor()

    def hidden(self, start: Instant, end: Instant, context: HomeContext) -> list[Device]:
        """The devices that hide too much of [start, end]: silent ones, and those that chatter.

        None when what they would show does not matter at these hours.
        """
        lost = context.lost(end)
        lost += [d for d in context.devices.values() if self.trust.chatters(d.id) and d not in lost]
        if not lost:
            return []
        hours = {context.local.hour(at) for at in (*range(start, min(end, start + DAY), HOUR), end)}
        return lost if self._places.share({device.id for device in lost}, hours) >= MATTERS else []

    # ---- what the supervision tells ----------------------------------------------------------------------------------

    def observe(self, reading: Reading, context: HomeContext) -> None:
        """A reading, in event-time order."""
        self.fresh = ()
        if reading.quantity not in SIGNS_OF_LIFE:
            return
        at, name = reading.observed_at, reading.device
        if reading.value == _AT_REST:
            if name in self._resting:
                return
            self._resting.add(name)
        elif name in self._resting:
            self._resting.discard(name)
        if self._midnight is None:
            self._midnight = context.local.midnight(context.local.day(at) + 1)
        device = context.devices.get(name)
        if self.trust.note(name, at).chatters_since is not None or name in self.trust.distrusted:
            return  # an outer door too: nobody goes out all the time
        if device is not None and device.exit and reading.quantity is Quantity.DOOR:
            self._door(at)
        else:
            if reading.quantity is Quantity.MOTION:
                self._company.moved(name, at)
            if self._perhaps_empty is not None:
                self._came_in(at)
        sign = self._sign(at, name, device)
        silent = self.last is None or at - self.last.at > ALONE
        if silent and self.exit != at and not self.trust.believed_alone(name) and not self._confirmed(sign):
            self._unconfirmed.append(sign)
            self._note_lone(sign)
            return
        self._believe(sign, context.local)

    def observe_late(self, reading: Reading, context: HomeContext) -> None:
        """A reading from before the watermark: what it shows counts, but nothing is learnt from it."""
        self.fresh = ()
        at, name = reading.observed_at, reading.device
        if reading.quantity not in SIGNS_OF_LIFE or self.last is None or at <= self.last.at:
            return
        if self.trust.chatters(name) or not self.trust.believed_alone(name):
            return
        device = context.devices.get(name)
        if device is not None and device.exit and reading.quantity is Quantity.DOOR:
            self.exit = at
        sign = self._sign(at, name, device)
        before, self.last = self.last, sign
        self.left = sign if sign.may_be_out else self.left if sign.alone else None
        self.fresh = ((before, sign),)

    def _door(self, at: Instant) -> None:
        """An outer door moved at ``at``."""
        empty, before = self._since_exit, self.exit
        somebody_inside = self.last is not None and at - self.last.at <= AFTER_EXIT
        if empty is not None and before is not None and not somebody_inside and at - before >= EMPTY_AT_LEAST:
            self._perhaps_empty = (at - before, empty)
        self._since_exit = {}
        self._company.left(at, SOON_AFTER_EXIT)
        self.exit = at

    def _came_in(self, at: Instant) -> None:
        """The first movement indoors since the outer door moved: right after it somebody came in, or else went out."""
        assert self.exit is not None and self._perhaps_empty is not None  # noqa: S101, PT018 (set together)
        if at - self.exit <= AFTER_EXIT:
            self.trust.was_empty(*self._perhaps_empty)
        self._perhaps_empty = None

    def _sign(self, at: Instant, name: DeviceId, device: Device | None) -> Sign:
        exited, last = self.exit, self.last
        after_exit = None if exited is None else at - exited
        company = self.company(at)
        alone = False
        if (
            (self.left is not None or self.modes.awaited is not None)
            and last is not None
            and not company
            and after_exit != 0
        ):
            alone = at - last.at > EMPTY or (last.alone and at - last.at > ALONE)
            alone = alone and (after_exit is None or after_exit > SOON_AFTER_EXIT)
        return Sign(at, name, None if device is None else device.room, after_exit, alone, company)

    def _confirmed(self, sign: Sign) -> bool:
        """True when pulses that waited bear out this one; they are forgotten when they are too old to."""
        waiting = [other for other in self._unconfirmed if sign.at - other.at <= SOON_AFTER_EXIT]
        self._unconfirmed = waiting
        if any(other.device != sign.device and sign.at - other.at <= ALONE for other in waiting):
            return True
        return sum(other.device == sign.device for other in waiting) >= OWN_PULSES - 1

    def _note_lone(self, sign: Sign) -> None:
        if self._since_exit is not None and sign.after_exit is not None and sign.after_exit > SOON_AFTER_EXIT:
            self._since_exit[sign.device] = self._since_exit.get(sign.device, 0) + 1

    def _believe(self, sign: Sign, local: LocalTime) -> None:
        """``sign`` is life, and so is every pulse that waited and lies close enough before it."""
        if self._unconfirmed:
            fresh: list[tuple[Sign | None, Sign]] = []
            for found in (*(other for other in self._unconfirmed if sign.at - other.at <= ALONE), sign):
                fresh.append((self.last, found))
                self.last = found
                self._places.note(found.device, local.hour(found.at))
            self.fresh, self._unconfirmed = fresh, []
        else:
            self.fresh = ((self.last, sign),)
            self.last = sign
            self._places.note(sign.device, local.hour(sign.at))
        if self.modes.awaited is not None:
            self.modes.moved(sign.at, plain=not sign.may_be_out and not sign.alone)
        if sign.may_be_out:
            self.left = sign
        elif sign.alone:
            self._note_lone(sign)
        else:
            self.left = None
            if sign.after_exit is None or sign.after_exit > SOON_AFTER_EXIT:
                self._since_exit = None

    def due(self) -> Instant | None:
        """The next local midnight, or when what staff said begins or ends to hold."""
        modes = self.modes.due()
        if modes is None or self._midnight is None:
            return self._midnight if modes is None else modes
        return min(self._midnight, modes)

    def fire(self, at: Instant, local: LocalTime) -> bool:
        """The watermark has passed ``at``; True when something that staff said has begun or ceased to hold."""
        if self._midnight is not None and self._midnight <= at:
            self._places.fade()
            self.trust.fade()
            self._company.fade()
            self._midnight = local.midnight(local.day(self._midnight) + 1)
        due = self.modes.due()
        if due is None or due > at:
            return False
        self.modes.fire(at)
        return True

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "places": self._places.snapshot(), "trust": self.trust.snapshot(), "modes": self.modes.snapshot(),
            "company": self._company.snapshot(),
            "midnight": self._midnight, "exit": self.exit, "last": _list(self.last), "left": _list(self.left),
            "unconfirmed": [list(sign) for sign in self._unconfirmed], "since_exit": self._since_exit,
            "resting": sorted(self._resting), "perhaps_empty": self._perhaps_empty,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._places.restore(state["places"])
        if "trust" in state:
            self.trust.restore(state["trust"])
            self._company.restore(state["company"])
            self._unconfirmed = [Sign(*values) for values in state["unconfirmed"]]
            since = state["since_exit"]
            self._since_exit = None if since is None else {DeviceId(d): number for d, number in since.items()}
            empty = state["perhaps_empty"]
            self._perhaps_empty = None if empty is None else (empty[0], {DeviceId(d): n for d, n in empty[1].items()})
            self._resting = {DeviceId(d) for d in state["resting"]}
        if "modes" in state:
            self.modes.restore(state["modes"])
        self._midnight, self.exit = state["midnight"], state["exit"]
        self.last, self.left = sign_of(state["last"]), sign_of(state["left"])


def _list(sign: Sign | None) -> list[Any] | None:
    return None if sign is None else list(sign)
