"""night_wandering: somebody who walks from room to room at night far more than the nights of this home ever held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.evidence.life import Sign
from detectors.kinds.night_wandering.nights import Nights
from detectors.parameters import numbers
from detectors.standing import Standing
from detectors.words import moment_en, moment_ja
from domain.clock import HOUR, MINUTE, Instant, Span
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.localtime import LocalTime
from domain.readings import Reading

NAME = "night_wandering"
WINDOW: Span = 90 * MINUTE
WALKING: Span = 10 * MINUTE
"""A sign of life in another room this soon after the one before is a walk from there; later, nobody knows the way."""
SETTLED: Span = 2 * HOUR
"""Somebody who has been still for so long has gone to bed: what comes before belongs to the evening."""
UNSETTLED: Span = 2 * HOUR
"""So long after the night's beginning it is night, whoever has not gone to bed."""
UNSEEN: Span = 30 * MINUTE
"""A night of which more than this was not seen teaches nothing."""
REMEMBERED_DAYS = 28


class NightWandering(Quiet):
    """Prompts when the changes of room within 90 minutes of a night exceed its limit (see ``nights``).

    The night begins once the resident has settled. One finding a night; it ends after 90 minutes without a change of room.
    Where it has become a habit it only goes into the digest.
    """

    name = NAME

    def __init__(self, from_hour: float = 23.0, to_hour: float = 4.0, least: float = 24.0, habit: float = 3.0) -> None:
        self._from, self._to, self._habit = time(int(from_hour)), time(int(to_hour)), int(habit)
        self._nights = Nights(int(least))
        self._standing = Standing(NAME)
        self._opens: Instant = 0
        self._closes: Instant | None = None
        self._limit = self._nights.limit()
        self._settled = False
        self._seen = False
        """Whether anybody was seen this night."""
        self._guests = False
        """Whether more than one person was: then nobody knows whose walk it is."""
        self._walks: list[Instant] = []
        """The changes of room of the last 90 minutes."""
        self._rooms: dict[str, int] = {}
        """Signs of life by room after those changes."""
        self._most = 0
        self._told = False
        self._busy: list[int] = []
        """Nights on which it spoke, the last four weeks."""

    def due(self) -> Instant | None:
        """See Detector.due: when the night is over, or a wandering has been."""
        if self._standing and self._walks:
            quiet = self._walks[-1] + WINDOW
            return quiet if self._closes is None else min(quiet, self._closes)
        return self._closes

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.observe."""
        found: list[FindingEvent] = []
        for before, sign in context.evidence.fresh:
            if self._closes is None:
                self._plan(sign.at, context.local)
            if sign.at >= self._opens and before is not None:
                found += self._follow(before, sign, context)
        return found

    def _follow(self, before: Sign, sign: Sign, context: HomeContext) -> Sequence[FindingEvent]:
        """A sign of life at night, after the one ``before``."""
        self._seen = True
        self._guests = self._guests or sign.company
        if not self._settled:
            self._settled = sign.at - before.at >= SETTLED or sign.at - self._opens >= UNSETTLED
            if not self._settled:
                return ()
        if before.room == sign.room or sign.at - before.at > WALKING:
            return ()
        walks = self._walks
        walks.append(sign.at)
        while walks[0] <= sign.at - WINDOW:
            del walks[0]
        room = sign.room or ""
        self._rooms[room] = self._rooms.get(room, 0) + 1
        self._most = max(self._most, len(walks))
        if self._told or len(walks) <= self._limit or self._guests or context.evidence.modes.away():
            return ()
        self._told = True
        return [self._raise(sign, context)]

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        closes, found = self._closes, []
        if self._standing and self._walks and min(self._walks[-1] + WINDOW, closes or at) <= at:
            found += self._standing.end(context, min(self._walks[-1] + WINDOW, closes or at), EndReason.ACTIVITY)
        if closes is not None and closes <= at:
            last = context.evidence.last
            nobody = not self._seen and (last is None or last.may_be_out)
            if not nobody and not self._guests and context.blind(self._opens, closes) <= UNSEEN:
                # What was told must not teach that it is normal: it counts as no more than the limit.
                self._nights.learn(context.local.day(closes), min(self._most, self._limit))
            self._plan(closes, context.local)
        return found

    def _plan(self, at: Instant, local: LocalTime) -> None:
        """The night that is not over at ``at``, or the next one."""
        day = local.day(at)
        closes = local.at(local.date(at), self._to)
        if closes <= at:
            day += 1
            closes = local.at(local.date(local.midnight(day)), self._to)
        evening = local.midnight(day - 1 if self._from > self._to else day)
        self._opens, self._closes = local.at(local.date(evening), self._from), closes
        self._settled = self._seen = self._told = self._guests = False
        self._most, self._limit = 0, self._nights.limit()
        self._walks.clear()
        self._rooms.clear()

    def _raise(self, sign: Sign, context: HomeContext) -> Finding:
        local, since, changes = context.local, self._walks[0], len(self._walks)
        night = local.day(self._closes or sign.at)
        self._busy = [before for before in self._busy if before > night - REMEMBERED_DAYS]
        before = len(self._busy)
        self._busy.append(night)
        rooms = [room for room in sorted(self._rooms, key=lambda room: (-self._rooms[room], room)) if room][:4]
        known, most, seldom = len(self._nights), self._nights.most(), round(self._nights.busy())
        said_en = f"Walking about since {moment_en(since, sign.at, local)}: {changes} changes of room within 90 minutes"
        said_ja = f"{moment_ja(since, sign.at, local)}から歩き回っています。90分以内に部屋の移動が{changes}回"
        if rooms:
            said_en += f" ({', '.join(rooms)})"
            said_ja += f"({'、'.join(rooms)})"
        if known:
            said_en += (
                f". Of the last {known} nights 9 in 10 held at most {seldom} in as long, and none more than {most}."
            )
            said_ja += f"ありました。過去{known}夜のうち9割は同じ時間で{seldom}回以下、最多でも{most}回でした。"
        else:
            said_en += ". Little is known of this home's nights yet."
            said_ja += "ありました。このお宅の夜の様子はまだ学習中です。"
        return self._standing.begin(Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=NAME, subject=Subject.PERSON,
            level=Level.DIGEST if before >= self._habit else Level.PROMPT, onset=since, raised_at=sign.at, room=sign.room,
            evidence={
                "began": local.iso(since), "room": sign.room, "rooms": list(rooms), "room_changes": changes,
                "room_changes_limit": self._limit, "nights": known, "usual_room_changes": seldom,
                "most_room_changes": most, "nights_before": before, "remembered_days": REMEMBERED_DAYS,
            },
            text_en=f"{said_en} Ask the resident.", text_ja=f"{said_ja}声をかけてください。",
        ))  # fmt: skip

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "nights": self._nights.snapshot(), "standing": self._standing.snapshot(), "opens": self._opens,
            "closes": self._closes, "limit": self._limit, "settled": self._settled, "seen": self._seen, "guests": self._guests,
            "walks": list(self._walks), "rooms": dict(sorted(self._rooms.items())), "most": self._most,
            "told": self._told, "busy": list(self._busy),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._nights.restore(state["nights"])
        self._standing.restore(state["standing"])
        self._opens, self._closes, self._limit = state["opens"], state["closes"], state["limit"]
        self._settled, self._seen, self._walks = state["settled"], state["seen"], list(state["walks"])
        self._guests = state["guests"]
        self._rooms, self._most = dict(state["rooms"]), state["most"]
        self._told, self._busy = state["told"], list(state["busy"])


def build(settings: Mapping[str, Any]) -> NightWandering:
    """A detector; see the README for its parameters."""
    return NightWandering(
        **numbers(
            NAME, settings, from_hour=(23.0, 0, 23), to_hour=(4.0, 0, 23), least=(24.0, 4, 200), habit=(3.0, 1, 28)
        )
    )
