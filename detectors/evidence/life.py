"""The evidence of one home: its signs of life, whether somebody may have gone out, and what silent devices hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from detectors.evidence.company import Company
from detectors.evidence.feedback import Told
from detectors.evidence.modes import Modes
from detectors.evidence.places import Places
from detectors.evidence.trust import ALONE, NOTHING_AFTER, Trust
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
CONFIRMED_BY = 3
"""So many pulses within ``SOON_AFTER_EXIT`` of devices that are not believed alone are believed."""
EMPTY: Span = HOUR
"""Where staff say that nobody is at home, a silence so long makes it so for the devices that are not believed alone."""
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
    """True while nothing but a pulse that stood alone says that the home is not empty: it may be a first stray."""
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
        """True when the home may still be empty after it: a silence counts, with a wider limit.

        Not where somebody had company: who left is then not known, and the usual limit holds.
        """
        return self.after_exit is not None and self.after_exit <= SOON_AFTER_EXIT and not self.company

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
    that are no sign of life. So a detector learns of a silence that is over, and of the one that begins, from one place.
    """

    def __init__(self) -> None:
        self.trust = Trust()
        """How far each device is believed."""
        self.modes = Modes()
        """What staff said about the home."""
        self.feedback = Told()
        """What people found in it."""
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
        self._away = False
        """Somebody may have gone out, and nothing that is believed has moved since."""
        self._unsure = False
        """A pulse that stood alone ended the absence, and no second one has borne it out."""
        self._unconfirmed: list[tuple[Instant, DeviceId]] = []
        """Pulses of devices that are not believed alone, the last ten minutes' at most."""
        self._lone: tuple[Instant, DeviceId] | None = None
        """The last pulse, when it is a stray unless another one comes soon."""
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
        """The devices that hide too much of [start, end]: silent ones, those that chatter, those that see nothing any more.

        None when what they would show does not matter at these hours. Where the last sign of life came from a device that
        turned out to chatter, nobody knows when the silence began, nor whether anybody is in: then they hide all of it.
        """
        lost, trust = context.lost(end), self.trust
        lost += [
            d for d in context.devices.values()
            if (trust.chatters(d.id) or d.id in trust.unseeing) and d not in lost
        ]  # fmt: skip
        if not lost or (self.last is not None and trust.chatters(self.last.device)):
            return lost
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
        isolated = at - self.trust.last_at >= ALONE
        if self.trust.note(name, at).chatters_since is not None or name in self.trust.distrusted:
            return  # an outer door too: nobody goes out all the time
        if self._lone is not None:
            self._settle_lone(at, context)
        if device is not None and device.exit and reading.quantity is Quantity.DOOR:
            self._company.left(at, SOON_AFTER_EXIT)
            self.exit = at
        elif reading.quantity is Quantity.MOTION:
            self._company.moved(name, at)
        sign = self._weigh(at, name, device, isolated)
        if sign is not None:
            self._believe(sign, context.local)

    def observe_late(self, reading: Reading, context: HomeContext) -> None:
        """A reading from before the watermark: what it shows counts, but nothing is learnt from it."""
        self.fresh = ()
        at, name = reading.observed_at, reading.device
        if reading.quantity not in SIGNS_OF_LIFE or self.last is None or at <= self.last.at:
            return
        if self.trust.chatters(name) or not self.trust.believed_alone(name, at):
            return
        device = context.devices.get(name)
        if device is not None and device.exit and reading.quantity is Quantity.DOOR:
            self.exit = at
        after_exit = None if self.exit is None else at - self.exit
        sign = Sign(at, name, None if device is None else device.room, after_exit, company=self.company(at))
        before, self.last = self.last, sign
        self._away, self._unsure, self.left = sign.may_be_out, False, sign if sign.may_be_out else None
        self.fresh = ((before, sign),)

    def _settle_lone(self, at: Instant, context: HomeContext) -> None:
        """The next pulse, at ``at``, shows whether the last one was a stray: not where nobody was listening in between."""
        assert self._lone is not None  # noqa: S101 (asked for by the caller)
        then, device = self._lone
        self._lone = None
        if at - then >= NOTHING_AFTER and not context.blind(then, at):
            self.trust.stray(device, then)

    def _weigh(self, at: Instant, name: DeviceId, device: Device | None, isolated: bool) -> Sign | None:
        """What a pulse is worth: a sign of life, or nothing until another one bears it out."""
        after_exit, company = None if self.exit is None else at - self.exit, self.company(at)
        room = None if device is None else device.room
        if after_exit is not None and after_exit <= AFTER_EXIT:
            self._away, self._unsure, self._unconfirmed = not company, False, []
            return Sign(at, name, room, after_exit, False, company)
        away = self._away or self._said_empty(at)
        if isolated and (away or self._unsure):
            self._lone = (at, name)
        if away:
            borne_out = self._borne_out(at, name)
            if not borne_out and not self.trust.believed_alone(name, at):
                return None
            self._away, self._unsure, self._unconfirmed = False, not borne_out, []
        elif self._unsure and not isolated:
            self._unsure = False
        return Sign(at, name, room, after_exit, self._unsure, company)

    def _said_empty(self, at: Instant) -> bool:
        return self.modes.awaited is not None and self.last is not None and at - self.last.at > EMPTY

    def _borne_out(self, at: Instant, name: DeviceId) -> bool:
        """True when pulses that waited bear this one out; otherwise it waits too, ten minutes at most."""
        waiting = [(then, other) for then, other in self._unconfirmed if at - then <= SOON_AFTER_EXIT]
        self._unconfirmed = [*waiting, (at, name)]
        return len(self._unconfirmed) >= CONFIRMED_BY or any(
            other != name and at - then <= ALONE for then, other in waiting
        )

    def _believe(self, sign: Sign, local: LocalTime) -> None:
        self.fresh = ((self.last, sign),)
        self.last = sign
        self._places.note(sign.device, local.hour(sign.at))
        if self.modes.awaited is not None:
            self.modes.moved(sign.at, plain=not sign.may_be_out and not sign.alone)
        if sign.may_be_out:
            self.left = sign
        elif not sign.alone:
            self.left = None

    def due(self) -> Instant | None:
        """The next local midnight, or when what staff said begins or ends to hold, or what people found counts."""
        due = self._midnight
        for at in (self.modes.due(), self.feedback.due()):
            if at is not None and (due is None or at < due):
                due = at
        return due

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
            "feedback": self.feedback.snapshot(),
            "company": self._company.snapshot(),
            "midnight": self._midnight, "exit": self.exit, "last": _list(self.last), "left": _list(self.left),
            "away": self._away, "unsure": self._unsure, "unconfirmed": [list(pulse) for pulse in self._unconfirmed],
            "lone": None if self._lone is None else list(self._lone), "resting": sorted(self._resting),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._places.restore(state["places"])
        self._away = state["left"] is not None
        if "trust" in state:
            self.trust.restore(state["trust"])
            self._company.restore(state["company"])
            self._away, self._unsure, lone = state["away"], state["unsure"], state["lone"]
            self._unconfirmed = [(at, DeviceId(device)) for at, device in state["unconfirmed"]]
            self._lone = None if lone is None else (lone[0], DeviceId(lone[1]))
            self._resting = {DeviceId(d) for d in state["resting"]}
        if "modes" in state:
            self.modes.restore(state["modes"])
        if "feedback" in state:
            self.feedback.restore(state["feedback"])
        self._midnight, self.exit = state["midnight"], state["exit"]
        self.last, self.left = sign_of(state["last"]), sign_of(state["left"])


def _list(sign: Sign | None) -> list[Any] | None:
    return None if sign is None else list(sign)
