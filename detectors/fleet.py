"""The fleet: what many homes have in common at once is one finding about the installation, and not one about each home.

It stands above the homes and sees one thing of each: when it last spoke, by our own clock. A home that has said nothing for
ten minutes is silent. When many that spoke until a moment ago fall silent together, the cause is not in the homes: the
broker, the carrier, a power cut in an area, an update. Synchronous, pure and deterministic, like a detector.

A word of a home costs two look-ups: its next deadline is looked at when it comes, once in ten minutes.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from detectors.context import GATEWAY_SILENT
from detectors.words import moment_en, moment_ja
from domain.clock import DAY, MINUTE, SECOND, Instant, Span
from domain.findings import Ended, EndReason, Evidence, Finding, FindingEvent, Level, Subject
from domain.ids import INSTALLATION, HomeId
from domain.localtime import LocalTime

NAME = "fleet_outage"
SHARE = 0.3
"""Part of a group's homes that must have fallen silent together."""
HANDFUL = 5
"""With fewer homes than this, chance will do."""
TOGETHER: Span = 20 * MINUTE
"""Homes whose last words lie no further apart fell silent together."""
GATHERS: Span = MINUTE
"""How long the silent ones are gathered before the finding is raised; a home's own finding comes a minute later still."""
HEALED = 0.1
"""It is over when no more than this part of its homes are silent."""
LISTED = 20
"""Homes that the evidence names."""
_STEP: Span = 10 * SECOND
STAYS: Span = DAY
"""After so long an outage takes in no further homes."""
EVERYWHERE = ""
_SINCE = "\n"
"""Between a group and the onset of an outage of it that has been set aside."""
WITHHELD = frozenset({"gateway_silent"})
"""Kinds that follow from an outage: of a home that takes part in one they open no alert of their own."""


@dataclass(slots=True)
class _Outage:
    """What stands, or is being gathered."""

    onset: Instant
    members: dict[HomeId, bool]
    """Home -> True while it is silent."""
    finding: str = ""
    raises_at: Instant | None = None
    """When it will be raised; None once it has been."""


class Fleet:
    """Every home of an installation, as far as it speaks."""

    def __init__(self, zone: str = "UTC", *, share: float = SHARE, handful: int = HANDFUL) -> None:
        self._local = LocalTime(zone)
        self._share, self._handful = share, handful
        self._spoke: dict[HomeId, Instant] = {}
        self._groups: dict[HomeId, tuple[str, ...]] = {}
        self._total: Counter[str] = Counter()
        self._waiting: list[tuple[Instant, HomeId]] = []
        self._silent: dict[HomeId, Instant] = {}
        """Home -> its last word, of those that are silent."""
        self._recent: dict[HomeId, Instant] = {}
        """Those of them that fell silent a moment ago, by their last words, and take part in no outage."""
        self._outages: dict[str, _Outage] = {}
        self._of: dict[HomeId, str] = {}
        """Silent home -> the outage that it takes part in."""
        self._outlasted: list[HomeId] = []
        self._resumed: Instant = 0
        self.changed = False
        """True when there is something that a snapshot would tell anew; whoever saves it sets it back."""

    # ---- what the watch tells ----------------------------------------------------------------------------------------

    def meet(self, home: HomeId, groups: Iterable[str]) -> None:
        """A home belongs to ``groups``, words such as ``area:north`` or ``software:kehai 2``; in place of those before."""
        known, wanted = self._groups.get(home), (EVERYWHERE, *sorted(set(groups) - {EVERYWHERE}))
        if known != wanted:
            self._total.subtract(known or ())
            self._total.update(wanted)
            self._groups[home] = wanted

    def spoke(self, home: HomeId, at: Instant) -> list[FindingEvent]:
        """A gateway of ``home`` spoke at processing time ``at``."""
        before = self._spoke.get(home)
        if before is None:
            if home not in self._groups:
                self.meet(home, ())
            self._spoke[home] = at
            self._expect(home, at)
            return []
        if at <= before:
            return []
        self._spoke[home] = at
        return self._back(home, at) if home in self._silent else []

    def resumed(self, at: Instant) -> None:
        """Our own hole ended at ``at``: nobody's silence is counted from before it."""
        if at > self._resumed:
            self._resumed, self.changed = at, True

    def holds(self, home: HomeId, kind: str) -> bool:
        """True when a finding of ``kind`` about ``home`` follows from an outage, and is to open no alert."""
        return kind in WITHHELD and home in self._of

    def outlasted(self) -> list[HomeId]:
        """The homes that were still silent when their outage ended; each is told once."""
        homes, self._outlasted = self._outlasted, []
        return homes

    # ---- time --------------------------------------------------------------------------------------------------------

    def next_due(self) -> Instant | None:
        """The next processing-time deadline."""
        times = [outage.raises_at for outage in self._outages.values() if outage.raises_at is not None]
        if self._waiting:
            times.append(self._waiting[0][0])
        return min(times, default=None)

    def tick(self, now: Instant) -> list[FindingEvent]:
        """Processing time has reached ``now``."""
        fallen: set[str] = set()
        while self._waiting and self._waiting[0][0] <= now:
            _, home = heapq.heappop(self._waiting)
            since = max(self._spoke[home], self._resumed)
            if since + GATEWAY_SILENT > now:
                self._expect(home, since)
                continue
            self._silent[home] = self._spoke[home]
            if not self._join(home, since):
                self._recent[home] = since
                fallen.update(self._groups[home])
        for home in [home for home, since in self._recent.items() if since < now - GATEWAY_SILENT - TOGETHER]:
            del self._recent[home]
        self._set_aside(now)
        if fallen:
            self._gather(fallen, now)
        return self._raise_due(now)

    def _expect(self, home: HomeId, since: Instant) -> None:
        deadline = since + GATEWAY_SILENT
        heapq.heappush(self._waiting, (-(-deadline // _STEP) * _STEP, home))

    # ---- what begins -------------------------------------------------------------------------------------------------

    def _join(self, home: HomeId, since: Instant) -> bool:
        """Take ``home`` into an outage that is there already."""
        for key in self._groups[home]:
            outage = self._outages.get(key)
            if outage is not None and since >= outage.onset - TOGETHER:
                self._add(key, outage, home)
                return True
        return False

    def _add(self, key: str, outage: _Outage, home: HomeId) -> None:
        outage.members[home] = True
        self._of[home] = key
        self._recent.pop(home, None)
        self.changed = True

    def _gather(self, fallen: set[str], now: Instant) -> None:
        """Homes have fallen silent: are they many enough, everywhere or in one of ``fallen``?"""
        for key in sorted(fallen, key=lambda key: (key != EVERYWHERE, key)):
            if key in self._outages:
                continue
            members = [home for home in self._recent if key in self._groups[home]]
            if not self._is_many(key, len(members)) or (key == EVERYWHERE and self._is_of_one(fallen)):
                continue
            taken = list(self._outages.items()) if key == EVERYWHERE else []
            outage = _Outage(min(self._recent[home] for home in members), {}, raises_at=now + GATHERS)
            self._outages[key] = outage
            for home in members:
                self._add(key, outage, home)
            for smaller, part in taken:
                if part.raises_at is not None:  # not raised yet: it was a part of this one
                    del self._outages[smaller]
                    for home in part.members:
                        self._add(key, outage, home)

    def _is_many(self, key: str, count: int) -> bool:
        """True when ``count`` homes of a group are too many to have fallen silent each by itself."""
        if count < self._handful:
            return False
        quiet = sum(key in self._groups[home] for home in self._silent if home not in self._recent)
        speaking = self._total[key] - quiet
        if count < self._share * speaking:
            return False
        if key == EVERYWHERE:
            return True
        # What befalls all alike does not lie in the group: there it must be far more frequent than elsewhere.
        others = self._total[EVERYWHERE] - self._total[key]
        outside = sum(key not in self._groups[home] for home in self._recent)
        return outside * speaking * 2 <= count * others

    def _is_of_one(self, fallen: set[str]) -> bool:
        """True when those that fell silent all belong to one of ``fallen``, and others do not: there lies the cause."""
        everywhere = self._total[EVERYWHERE]
        shared = set.intersection(*(set(self._groups[home]) for home in self._recent)) & fallen - {EVERYWHERE}
        return any(self._total[key] <= everywhere - self._handful for key in shared)

    def _set_aside(self, now: Instant) -> None:
        """What has lasted for a day goes on standing, and makes room: what befalls the others now is another matter."""
        for key, outage in list(self._outages.items()):
            if _SINCE not in key and outage.raises_at is None and now - outage.onset > STAYS:
                del self._outages[key]
                aside = f"{key}{_SINCE}{outage.onset}"
                self._outages[aside] = outage
                self._of.update({home: aside for home, silent in outage.members.items() if silent})
                self.changed = True

    def _raise_due(self, now: Instant) -> list[FindingEvent]:
        found: list[FindingEvent] = []
        for key, outage in sorted(self._outages.items()):
            if outage.raises_at is None or outage.raises_at > now:
                continue
            outage.raises_at = None
            self.changed = True
            finding = self._finding(key, outage, now)
            outage.finding = finding.id
            found.append(finding)
        return found

    # ---- what ends ---------------------------------------------------------------------------------------------------

    def _back(self, home: HomeId, at: Instant) -> list[FindingEvent]:
        del self._silent[home]
        self._recent.pop(home, None)
        self._expect(home, at)
        key = self._of.pop(home, None)
        outage = self._outages.get(key) if key is not None else None
        if key is None or outage is None:
            return []
        outage.members[home] = False
        self.changed = True
        silent = sum(outage.members.values())
        if silent > HEALED * len(outage.members) and silent > 0:
            return []
        return self._end(key, outage, at)

    def _end(self, key: str, outage: _Outage, at: Instant) -> list[FindingEvent]:
        del self._outages[key]
        for home, silent in sorted(outage.members.items()):
            if silent:
                del self._of[home]
                self._outlasted.append(home)
        if not outage.finding:
            return []
        return [Ended(INSTALLATION, _cause(key), outage.finding, at, EndReason.ACTIVITY)]

    # ---- what is said ------------------------------------------------------------------------------------------------

    def _finding(self, key: str, outage: _Outage, now: Instant) -> Finding:
        local, what, _, which = self._local, *key.partition(":")
        silent = sorted(home for home, is_silent in outage.members.items() if is_silent)
        total, since_en, since_ja = (
            self._total[key],
            moment_en(outage.onset, now, local),
            moment_ja(outage.onset, now, local),
        )
        evidence: Evidence = {
            "began": local.iso(outage.onset), "silent_homes": len(silent), "of_homes": total,
            "homes": list(silent[:LISTED]),
        }  # fmt: skip
        if what:
            evidence[what] = which
        where_en = {"area": f" in {which}", "software": f" that run {which}"}.get(what, "")
        where_ja = {"area": f"{which}の", "software": f"「{which}」を使う"}.get(what, "")
        cause_en = {
            "area": "See to the line and the power of that area.",
            "software": "See to that program: was it updated a moment ago?",
        }.get(what, "See to the broker, the line and this installation.")
        cause_ja = {
            "area": "地域の回線と電源を確認してください。", "software": "プログラムの更新の影響を確認してください。",
        }.get(what, "ブローカー、回線、サーバーを確認してください。")  # fmt: skip
        return Finding(
            home=INSTALLATION, kind=NAME, detector=f"{NAME}/1", cause=_cause(key), subject=Subject.SYSTEM,
            level=Level.PAGE, onset=outage.onset, raised_at=now, evidence=evidence,
            text_en=f"{len(silent)} of {total} homes{where_en} fell silent together at {since_en}: nothing is known of them "
            f"since then. {cause_en} No alert is raised for each of their gateways while this lasts.",
            text_ja=f"{since_ja}から、{where_ja}{total}軒のうち{len(silent)}軒の通信が同時に途絶え、様子が分からなくなっています。"
            f"{cause_ja}復旧まで、各お宅の通信断は個別には通知しません。",
        )  # fmt: skip

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """What the homes' own states do not tell: the outages, and who takes part in them."""
        return msgspec.msgpack.encode(
            {
                "v": 1,
                "resumed": self._resumed,
                "outages": {
                    key: [
                        o.onset,
                        {home: self._silent[home] if silent else 0 for home, silent in sorted(o.members.items())},
                        o.finding,
                        o.raises_at,
                    ]
                    for key, o in sorted(self._outages.items())
                },
            }
        )

    def restore(self, body: bytes, spoke: Mapping[HomeId, Instant]) -> None:
        """Become what ``snapshot`` described; ``spoke`` says when each home last spoke, as its own state knows it."""
        for home, at in sorted(spoke.items()):
            self.spoke(home, at)
        if not body:
            return
        state: dict[str, Any] = msgspec.msgpack.decode(body)
        self._resumed = state["resumed"]
        for key, (onset, members, finding, raises_at) in state["outages"].items():
            outage = self._outages[key] = _Outage(onset, {}, finding, raises_at)
            for home, last in members.items():
                outage.members[home] = last > 0
                if last:
                    self._of[home] = key
                    self._silent[home] = self._spoke[home] = max(last, self._spoke.get(home, 0))
        waiting = [(deadline, home) for deadline, home in self._waiting if home not in self._silent]
        heapq.heapify(waiting)
        self._waiting = waiting


def _cause(key: str) -> str:
    group = key.partition(_SINCE)[0]
    return f"{NAME}:{group}" if group else NAME
