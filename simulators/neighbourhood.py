"""An invented neighbourhood: residents with a past, and a day on which something happens to three of their homes.

Every name, number and address in it is made up.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.book import Book
from alerts.watch import Watch
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.ids import DeviceId, GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import Mark
from domain.recording import BadLines, RecordedReading
from domain.stage import drive
from ingest.feed import JournalFeed
from ingest.intake import Intake
from ingest.journal import Journal
from registry.directory import Directory
from registry.homes import Contact, Home
from simulators.home import SimulatedHome, build_home, live
from simulators.incidents import collapse, sensor_dead
from simulators.person import draw_person
from simulators.player import Player, gateway_of, in_one
from simulators.recording import Recording

HISTORY_DAYS = 10
LIVE_DAYS = 5
FALL_AFTER: Span = MINUTE
FOUND_AFTER: Span = 8 * HOUR
DEVICE_DEAD_BEFORE: Span = 45 * MINUTE
GATEWAY_STOPS_AFTER: Span = 3 * MINUTE
_NAMES = (
    "青空 花子", "月見 太郎", "雪見 うめ", "花見 まつ", "山彦 たけ", "若葉 はる", "夕凪 なつ", "朝霧 あき",
    "小春 ふゆ", "千鳥 ふみ", "初音 すず", "海風 なぎ",
)  # fmt: skip
_KANA = (
    "アオゾラ ハナコ", "ツキミ タロウ", "ユキミ ウメ", "ハナミ マツ", "ヤマビコ タケ", "ワカバ ハル", "ユウナギ ナツ",
    "アサギリ アキ", "コハル フユ", "チドリ フミ", "ハツネ スズ", "ウミカゼ ナギ",
)  # fmt: skip
_AREAS = ("架空町一丁目", "架空町二丁目", "見本町")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One home of the neighbourhood."""

    entry: Home
    home: SimulatedHome
    past: list[RecordedReading]
    future: list[RecordedReading]

    @property
    def gateway(self) -> GatewayId:
        """The gateway in the home: that of its past too."""
        return gateway_of(self.recording())

    def recording(self) -> Recording:
        """The past, as a recording."""
        return Recording(self.home.recorded, self.past, [], BadLines())


def build_neighbourhood(homes: int, start: Instant, seed: int, zone: str) -> list[Neighbour]:
    """``homes`` residents with ten days behind them and five to come, seen from ``start``."""
    local = LocalTime(zone)
    first = local.day(start) - HISTORY_DAYS
    made = []
    for number in range(1, homes + 1):
        own = f"neighbourhood/{seed}/{number}"
        rng = random.Random(own)  # noqa: S311 (a simulation)
        person = draw_person(rng)
        if number == 1:  # somebody who is always up and about in the morning: there a fall is noticed soonest
            person = replace(
                person,
                wakes=350,
                wakes_spread=8,
                bustle=1.8,
                stillness=0.5,
                unlike=0.0,
                outings_a_week=0.0,
                nap_share=0.0,
            )
        home = build_home(f"home-{number:02d}", zone, person, own, japanese_rooms=True)
        lived = live(home, first, HISTORY_DAYS + LIVE_DAYS)
        past = [reading for reading in lived if reading.at < start]
        made.append(Neighbour(_entry(number, zone), home, past, [reading for reading in lived if reading.at >= start]))
    return made


def _entry(number: int, zone: str) -> Home:
    turn, pick = divmod(number - 1, len(_NAMES))
    suffix = f" {turn + 1}" if turn else ""
    contacts = (
        Contact("(架空)ご家族", "長女", f"000-0000-{1000 + number:04d}"),
        Contact("(架空)民生委員", "民生委員", f"000-0000-{2000 + number:04d}", has_key=number % 3 == 0),
    )
    return Home(
        HomeId(f"home-{number:02d}"), f"A-{100 + number}", zone, _AREAS[(number - 1) % len(_AREAS)], _NAMES[pick] + suffix,
        _KANA[pick] + suffix, f"000-0000-{number:04d}", f"{_AREAS[(number - 1) % len(_AREAS)]} 0-0-{number}", "", contacts,
    )  # fmt: skip


def lay_down_the_past(neighbours: Sequence[Neighbour], journal: Journal, directory: Directory, start: Instant) -> None:
    """Send every home's past through admit into the journal, as gateways would that had been cut off until ``start``."""
    intake: Intake[None] = Intake(journal, directory)
    intake.commit(start, Mark(start))
    for neighbour in neighbours:
        recording = neighbour.recording()
        for topic, payload in Player(recording).messages(in_one(recording, start)):
            intake.take(topic, payload, start, None)
        intake.commit(start)
    intake.commit(start, Mark(start))


def learn_the_past(journal: Journal, book: Book, zone: str, start: Instant) -> Watch:
    """Let a watch read the journal and save what it learnt, so that the watch role goes on from there."""
    watch = Watch(book, default_zone=zone, catching_up=lambda _now: True, save_every=10_000 * DAY)
    drive(JournalFeed(journal, watch.offset), watch)
    watch.save(start)
    return watch


def let_a_sensor_die(neighbours: list[Neighbour], start: Instant) -> tuple[HomeId, DeviceId]:
    """A thermometer of one home has said nothing for a while at ``start``; changes ``neighbours``."""
    number, device, at = _third(neighbours, 1), DeviceId("living-climate"), start - DEVICE_DEAD_BEFORE
    n = neighbours[number]
    recorded = replace(n.home.recorded, silent_from={device: at})
    past, future = sensor_dead(n.past, device, at), sensor_dead(n.future, device, at)
    neighbours[number] = replace(n, home=replace(n.home, recorded=recorded), past=past, future=future)
    return n.entry.id, device


def let_somebody_fall(
    neighbours: list[Neighbour], limits: Mapping[HomeId, Span], start: Instant
) -> tuple[HomeId, Instant] | None:
    """One resident falls soon after ``start``, where it will be noticed soonest; changes ``neighbours``.

    The homes of the other incidents are spared. Returns who and when, or None when nobody moves.
    """
    spared = {_third(neighbours, 1), _third(neighbours, 2)}
    found: list[tuple[Instant, int, Instant, list[RecordedReading]]] = []
    for number, neighbour in enumerate(neighbours):
        limit = limits.get(neighbour.entry.id)
        if number in spared or limit is None:
            continue
        fallen = collapse(neighbour.home.recorded, neighbour.future, start + FALL_AFTER, FOUND_AFTER)
        if fallen is not None:
            readings, incident = fallen
            found.append((incident.start + limit, number, incident.start, readings))
    if not found:
        return None
    _, number, at, readings = min(found, key=lambda one: one[:2])
    neighbours[number] = replace(neighbours[number], future=readings)
    return neighbours[number].entry.id, at


def cut_off(neighbours: Sequence[Neighbour]) -> HomeId:
    """The home whose gateway will fall silent."""
    return neighbours[_third(neighbours, 2)].entry.id


def _third(neighbours: Sequence[Neighbour], part: int) -> int:
    return part * len(neighbours) // 3
