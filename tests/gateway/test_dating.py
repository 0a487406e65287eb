"""A gateway that boots in 1970: what dates its readings, and that it dates them once."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.ids import DeviceId
from domain.readings import Quantity
from gateway.dating import Anchor, Boot, Dating, placed
from gateway.spool import Observation, Spool
from gateway.timekeeping import Timekeeper

T = 1_790_000_000 * SECOND
HALL = DeviceId("hall")


class World:
    """A machine without a clock battery: true time, a wall clock that is wrong until NTP sets it, a monotonic clock."""

    def __init__(self, booted: Instant = T, wall_at_boot: Instant = 0) -> None:
        self.booted, self.mono = booted, 0
        self._wall_at_boot = wall_at_boot
        self.ntp = False

    def now(self) -> Instant:
        return self.true if self.ntp else self._wall_at_boot + self.mono

    @property
    def true(self) -> Instant:
        return self.booted + self.mono

    def keeper(self, boot: str = "b1") -> Timekeeper:
        return Timekeeper(self, mono=lambda: self.mono, synced=lambda: self.ntp, boot=boot, real=True)


def seen(keeper: Timekeeper) -> Observation:
    stamp = keeper.clock.now()
    return Observation(HALL, Quantity.MOTION, 1.0, keeper.label(stamp), keeper.to_mono(stamp))


def dates(spool: Spool) -> list[tuple[Instant, Dating]]:
    return [(reading.at, reading.dated) for reading in spool.waiting(0, spool.last_seq, 100)]


def raw(spool: Spool) -> list[Instant | None]:
    return [row[0] for row in spool._file.read("SELECT raw FROM readings ORDER BY seq")]


def test_what_was_seen_before_ntp_set_the_clock_is_dated_once_it_has_and_the_wall_clock_s_word_is_kept(
    tmp_path: Path,
) -> None:
    spool, world = Spool(tmp_path / "spool.db"), World()
    keeper = world.keeper()
    spool.begin_boot("b1")
    world.mono = 10 * SECOND
    spool.add([seen(keeper)])
    assert dates(spool) == [], "nothing is sent that has no date"
    assert spool.depth == 1
    world.mono, world.ntp = MINUTE, True
    anchor = keeper.by_ntp(spool.anchor)
    assert anchor == Anchor(T, Dating.NTP)
    spool.set_anchor(anchor)
    spool.add([seen(keeper)])
    assert dates(spool) == [(T + 10 * SECOND, Dating.NTP), (T + MINUTE, Dating.NTP)]
    assert raw(spool) == [10 * SECOND, None]


def test_without_ntp_the_server_s_answer_dates_and_the_reading_says_so(tmp_path: Path) -> None:
    spool, world = Spool(tmp_path / "spool.db"), World()
    keeper = world.keeper()
    spool.begin_boot("b1")
    spool.add([seen(keeper)])
    world.mono = HOUR
    anchor = keeper.by_server(world.true - SECOND // 5, spool.anchor)
    assert anchor is not None
    spool.set_anchor(anchor)
    assert dates(spool) == [(T - SECOND // 5, Dating.SERVER)], "late by the way of the answer"
    state = keeper.state(spool.anchor)
    assert (state.synced, state.anchor) == (False, "server")


def test_a_date_once_given_is_never_changed_by_a_better_anchor(tmp_path: Path) -> None:
    spool, world = Spool(tmp_path / "spool.db"), World()
    keeper = world.keeper()
    spool.begin_boot("b1")
    spool.add([seen(keeper)])
    spool.set_anchor(Anchor(T - 30 * SECOND, Dating.SERVER))
    world.mono, world.ntp = MINUTE, True
    better = keeper.by_ntp(spool.anchor)
    assert better is not None
    spool.set_anchor(better)
    spool.add([seen(keeper)])
    assert dates(spool) == [(T - 30 * SECOND, Dating.SERVER), (T + MINUTE, Dating.NTP)]


def test_a_server_that_does_not_tell_the_time_leaves_the_machine_s_own_clock(tmp_path: Path) -> None:
    spool, world = Spool(tmp_path / "spool.db"), World(wall_at_boot=T - DAY)
    keeper = world.keeper()
    spool.begin_boot("b1")
    spool.add([seen(keeper)])
    own = keeper.by_server(None, spool.anchor)
    assert own == Anchor(T - DAY, Dating.OWN)
    spool.set_anchor(own)
    assert dates(spool) == [(T - DAY, Dating.OWN)]
    assert keeper.by_server(None, spool.anchor) is None


def test_a_second_program_in_the_same_boot_knows_the_time_at_once(tmp_path: Path) -> None:
    world = World()
    first = Spool(tmp_path / "spool.db")
    first.begin_boot("b1")
    first.set_anchor(Anchor(T, Dating.NTP))
    first.close()
    world.mono = HOUR
    spool = Spool(tmp_path / "spool.db")
    spool.begin_boot("b1")
    spool.add([seen(world.keeper())])
    assert dates(spool) == [(T + HOUR, Dating.NTP)]


def test_a_boot_that_never_learnt_the_time_is_put_right_after_what_is_known_and_vouches_for_nothing(
    tmp_path: Path,
) -> None:
    file, worlds = tmp_path / "spool.db", [World(T), World(T + 3 * HOUR), World(T + DAY)]
    spool = Spool(file)
    spool.begin_boot("b1")
    spool.set_anchor(Anchor(T, Dating.NTP))
    spool.run_through(0, HOUR, in_monotonic=True)
    spool.close()
    spool = Spool(file)  # the power came back, and neither NTP nor the server was there
    spool.begin_boot("b2")
    worlds[1].mono = 10 * MINUTE
    keeper = worlds[1].keeper("b2")
    spool.add([seen(keeper)])
    worlds[1].mono = 20 * MINUTE
    spool.add([seen(keeper)])
    spool.run_through(0, 20 * MINUTE, in_monotonic=True)
    spool.close()
    spool = Spool(file)
    spool.begin_boot("b3")
    spool.run_through(0, MINUTE, in_monotonic=True)
    assert dates(spool) == []
    spool.set_anchor(Anchor(T + DAY, Dating.SERVER))
    assert dates(spool) == [(T + HOUR + 10 * MINUTE, Dating.GUESS), (T + HOUR + 20 * MINUTE, Dating.GUESS)]
    assert spool.spells(T + DAY + MINUTE) == [(T, T + HOUR), (T + DAY, T + DAY + MINUTE)]


BOOTS = st.lists(st.tuples(st.none() | st.just(True), st.integers(0, 5 * HOUR)), max_size=6)


@given(BOOTS, st.booleans())
def test_guessed_boots_keep_their_order_and_never_reach_into_the_next_known_one(
    drawn: list[tuple[bool | None, Span]], something_known: bool
) -> None:
    boots, at = [], T
    for number, (known, mono) in enumerate(drawn):
        boots.append(Boot(number, at if known else None, mono))
        at += mono + HOUR
    shifts = dict(placed(boots, T if something_known else None, at))
    assert set(shifts) == {boot.id for boot in boots if boot.shift is None}
    end = None
    for boot in boots:
        start = shifts.get(boot.id, boot.shift)
        assert start is not None
        assert end is None or start >= end
        end = start + boot.mono
    assert end is None or end <= at


def test_a_wall_clock_that_is_corrected_by_hours_changes_no_span_and_no_date(tmp_path: Path) -> None:
    spool, world = Spool(tmp_path / "spool.db"), World()
    world.ntp = True
    keeper = world.keeper()
    spool.begin_boot("b1")
    anchor = keeper.by_ntp(None)
    assert anchor is not None
    spool.set_anchor(anchor)
    before = keeper.clock.now()
    world.ntp, world._wall_at_boot, world.mono = False, T + 5 * HOUR, SECOND  # somebody sets the date by hand
    assert keeper.clock.now() - before == SECOND
    assert keeper.by_ntp(spool.anchor) is None
    spool.add([seen(keeper)])
    assert dates(spool) == [(T + SECOND, Dating.NTP)]


def test_of_several_answers_the_one_that_took_the_shortest_way_counts_and_a_drifting_clock_is_led_back() -> None:
    world = World()
    keeper = world.keeper()
    anchor = keeper.by_server(world.true - 3 * SECOND, None)
    assert anchor is not None
    world.mono = MINUTE
    nearer = keeper.by_server(world.true - SECOND, anchor)
    assert nearer == Anchor(T - SECOND, Dating.SERVER)
    world.mono = 2 * MINUTE
    assert keeper.by_server(world.true - 10 * SECOND, nearer) is None, "a slow answer says nothing new"
    world.booted -= 2 * SECOND  # our clock runs too fast
    world.mono = 2 * HOUR
    assert keeper.by_server(world.true, nearer) == Anchor(T - 2 * SECOND, Dating.SERVER)


def test_a_simulated_clock_is_right_by_definition() -> None:
    keeper = Timekeeper(World(wall_at_boot=T), real=False)
    assert keeper.to_mono(T) is None
    assert keeper.by_server(T + DAY, None) is None
    assert keeper.by_ntp(None) is None
    assert keeper.instant(T, None) == T
    assert keeper.state(None).synced
