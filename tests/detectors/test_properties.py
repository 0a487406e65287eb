"""For any home: however the same facts are doubled, reordered, split and interrupted on their way, the same is found.

Over the whole catalogue, byte for byte. The seed is fixed, so that a run says the same twice; ``--rounds 2000`` looks further.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from alerts.book import MemoryBook
from alerts.log import alert_log
from alerts.watch import Watch
from detectors.catalogue import CATALOGUE, build
from detectors.context import HomeContext, Quiet, State
from detectors.home import HomeWatch
from domain.alerts import Outcome
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.feedback import Feedback, Means
from domain.findings import Finding, FindingEvent, Level, Subject
from domain.modes import TAKES
from domain.readings import Mark, Reading, Vouch
from domain.recording import BadLines, RecordedHome, RecordedReading
from domain.stage import ListFeed, drive
from ingest.intake import Intake
from ingest.journal import Journal
from simulators.player import Player, steps
from simulators.recording import Recording
from simulators.replay import directory_of
from tests.detectors.homes import HOME, T0, ZONE
from tests.detectors.worlds import (
    OF_THE_FIRST,
    OF_THE_SECOND,
    STEP,
    World,
    again,
    found,
    happened,
    otherwise,
    plainly,
    worlds,
)

Make = Callable[[], HomeWatch]
PLENTY = World(
    seed=5, days=4, gateways=2, outages=((T0 + DAY + 10 * HOUR, T0 + DAY + 15 * HOUR),),
    dies=(("air", T0 + 2 * DAY), ("living", T0 + 3 * DAY + 9 * HOUR)), falls=(T0 + DAY + 20 * HOUR,),
    out=((T0 + 2 * DAY + 18 * HOUR, T0 + 3 * DAY + 23 * HOUR),), heat=38.0, stuck="kitchen",
)  # fmt: skip
"""A home in which nearly everything happens."""
NEVER_HEARD = World(seed=0, days=1, gateways=1, dies=(("living", T0),), heat=12.0)
"""A gateway that greeted again before the first reading once moved the instant from which a silent device was missed."""


def examined(examples: int, rounds: int | None) -> settings:
    return settings(
        max_examples=rounds or examples, derandomize=rounds is None, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )  # fmt: skip


def a_home() -> HomeWatch:
    return HomeWatch(HOME, ZONE)


def the_same(world: World, seed: int, make: Make = a_home, restart: Callable[[HomeWatch], HomeWatch] = again) -> None:
    """Raises AssertionError where the way in which a world was told shows in what was found."""
    rng, messages = random.Random(seed), plainly(world)
    told = otherwise(messages, world, rng)
    restarts = rng.sample(range(1, len(told)), 6)
    assert found(told, make(), restarts, restart) == found(messages, make())


def test_however_the_same_facts_come_the_same_is_found(rounds: int | None) -> None:
    @examined(12, rounds)
    @given(worlds(), st.integers(0, 999))
    @example(NEVER_HEARD, 1)
    def told(world: World, seed: int) -> None:
        the_same(world, seed)

    told()


def found_by_people(world: World, rng: random.Random) -> list[Feedback]:
    """Outcomes and words, written at any time: about each fall, and now and then about nothing in particular."""
    onsets = [*world.falls, *(T0 + rng.randrange(world.days * DAY // MINUTE) * MINUTE for _ in range(6))]
    rows = []
    for number, onset in enumerate(onsets, start=1):
        at = onset + rng.randrange(1, 20 * 60) * MINUTE
        means = rng.choice([None, None, *Means])
        outcome = rng.choice(list(Outcome)) if means is None else None
        rows.append(
            Feedback(number, HOME, number, "inactivity", onset, Level.PAGE, means, outcome, at, at + TAKES, "x", at)
        )
    return rows


def test_what_people_found_is_taken_in_at_the_same_place_however_the_facts_come(rounds: int | None) -> None:
    @examined(6, rounds)
    @given(worlds(), st.integers(0, 999))
    @example(PLENTY, 3)
    def told(world: World, seed: int) -> None:
        rows = found_by_people(world, random.Random(seed))

        def home() -> HomeWatch:
            made = a_home()
            made.heed(rows)
            return made

        the_same(world, seed, home)

    told()


def test_the_worlds_hold_something_for_nearly_every_detector() -> None:
    """The control: where nothing is found, nothing is compared."""
    log = found(plainly(PLENTY), a_home()) + found(plainly(replace(PLENTY, stuck="", outages=(), dies=())), a_home())
    seen = {name for name in CATALOGUE if f'"kind": "{name}"' in log}
    assert seen >= {
        "inactivity", "not_returned", "heat", "door_left_open", "battery_low", "device_silent", "gateway_silent",
    }  # fmt: skip


# ---- detectors that must be caught -------------------------------------------------------------------------------------


class _Broken(Quiet):
    """Says something about each full hundred of what it counts."""

    name = "broken"

    def __init__(self) -> None:
        self._count = 0

    def counted(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        self._count += 1
        if self._count % 100:
            return ()
        return [Finding(context.home, "broken", "", "broken", Subject.SYSTEM, Level.DIGEST, at, at)]

    def snapshot(self) -> State:
        return {"count": self._count}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._count = state["count"]


class CountsMessages(_Broken):
    """What it says depends on how often a gateway spoke."""

    def vouched(self, vouch: Vouch, context: HomeContext) -> Sequence[FindingEvent]:
        return self.counted(vouch.through, context)


class ForgetsAtARestart(_Broken):
    """Its snapshot leaves out what it has counted."""

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        return self.counted(reading.observed_at, context)

    def snapshot(self) -> State:
        return {"count": 0}


@pytest.mark.parametrize("broken", [CountsMessages, ForgetsAtARestart])
def test_a_detector_that_depends_on_the_way_is_caught(broken: type[_Broken]) -> None:
    """The control that must fail. It stands in the place of one that is asked at every reading and every heartbeat."""
    place = list(CATALOGUE).index("clock_wrong")

    def made(state: Mapping[str, Any] | None = None, watch: HomeWatch | None = None) -> HomeWatch:
        home, detector = watch or a_home(), broken()
        if state is not None:
            detector.restore(state)
        home._detectors[place] = detector
        return home

    def restart(watch: HomeWatch) -> HomeWatch:
        state = watch._detectors[place].snapshot()
        watch._detectors[place] = build("clock_wrong", {})
        return made(state, again(watch))

    world = World(seed=1, days=2, gateways=1)
    assert found(plainly(world), made()) == found(plainly(world), made()), "told the same way it says the same"
    with pytest.raises(AssertionError):
        the_same(world, 1, made, restart)


# ---- at every event of one day -----------------------------------------------------------------------------------------


def test_a_home_may_be_saved_and_read_again_at_every_event_of_a_day() -> None:
    messages = plainly(PLENTY)
    day = [number for number, (now, _) in enumerate(messages) if now >= T0 + 3 * DAY]
    told = messages[: day[0]]
    for now, items in messages[day[0] :]:
        told += [(now, [item]) for item in items]
    restarts = range(day[0], len(told))
    assert len(restarts) > 400

    def restart(watch: HomeWatch) -> HomeWatch:
        body = watch.snapshot()
        fresh = HomeWatch.restore(body)
        assert fresh.snapshot() == body
        return fresh

    assert found(told, a_home(), restarts, restart) == found(messages, a_home())


# ---- through admit and journal -----------------------------------------------------------------------------------------


def recording_of(world: World) -> Recording:
    devices = {device.id: device for device in (*OF_THE_FIRST, *OF_THE_SECOND)}
    said = [RecordedReading(r.observed_at, r.device, r.quantity, r.value) for r in happened(world)]
    home = RecordedHome(HOME, world.local, {str(name): device for name, device in devices.items()})
    inside = [(a, b) for a, b in world.outages if said[0].at < a and b < said[-1].at]
    return Recording(home, said, inside, BadLines())


def ingested(recording: Recording, folder: Path, rng: random.Random | None) -> str:
    """The alert log after admit, journal and watch; with ``rng`` messages come late, jumbled, twice, and all is restarted."""
    journal, book = Journal(folder / "journal.db", durable=False), MemoryBook()
    directory, player = directory_of(recording), Player(recording)
    intake: Intake[None] = Intake(journal, directory)
    offset = 0

    def watched(watch: Watch) -> Watch:
        nonlocal offset
        read = list(journal.read(offset))
        while read:
            drive(ListFeed(read), watch)
            offset = read[-1].offset
            read = list(journal.read(offset))
        return watch

    watch = Watch(book, save_every=100 * DAY)
    intake.commit(recording.start, Mark(recording.start))
    for step in steps(recording, STEP):
        now, messages = step.now, list(player.messages(step))
        if rng is not None:
            now += rng.randint(0, 110) * SECOND
            rng.shuffle(messages)
            messages += rng.sample(messages, rng.randint(0, len(messages)))
        for topic, payload in messages:
            intake.take(topic, payload, now, None)
            if rng is not None and rng.random() < 0.3:
                intake.commit(now)
        intake.commit(now, Mark(now))
        if rng is not None and rng.random() < 0.02:
            watch = watched(watch)
            watch.save(watch.now)
            watch, intake = Watch(book, save_every=100 * DAY), Intake(journal, directory)
    watched(watch)
    journal.close()
    return alert_log(book.findings.values(), lambda _home: recording.home.zone)


def test_through_admit_and_journal_the_same_is_found_too(
    rounds: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @examined(3, rounds)
    @given(worlds(days=2, gateways=1), st.integers(0, 999))
    def told(world: World, seed: int) -> None:
        recording = recording_of(world)
        plain = ingested(recording, tmp_path_factory.mktemp("plain"), None)
        assert ingested(recording, tmp_path_factory.mktemp("jumbled"), random.Random(seed)) == plain

    told()
