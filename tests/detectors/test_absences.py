"""not_returned: what is learnt of absences, and what follows."""

from __future__ import annotations

from detectors.kinds.not_returned.absences import ENOUGH, LEAST, Absences, part_of_day
from detectors.kinds.not_returned.detector import NotReturned
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.findings import Ended, EndReason, Finding, Level
from domain.localtime import LocalTime
from domain.readings import Reading
from tests.detectors.homes import DOOR, GATEWAY, HOME, LIVING, T0, ZONE
from tests.detectors.readings import Seen


class Home(Seen):
    """A home that everybody vouches for, with this one detector."""

    def __init__(self) -> None:
        super().__init__()
        self.context.coverage.add(T0 - DAY, T0 + 400 * DAY)
        self.detector = NotReturned()
        self.events: list[Finding | Ended] = []

    def move(self, door: bool, at: Instant) -> None:
        self.until(at)
        device = DOOR if door else LIVING
        self.see(device, at)
        reading = Reading(HOME, device.id, device.kind, 1.0, at, at, GATEWAY, "e", self._seq)
        self.events += self.detector.observe(reading, self.context)

    def until(self, at: Instant) -> None:
        while (due := self.detector.due()) is not None and due <= at:
            self.events += self.detector.fire(due, self.context)

    def outing(self, leaves: Instant, lasts: int) -> None:
        back = leaves + lasts
        for door, at in (
            (False, leaves - MINUTE), (True, leaves), (True, back), (False, back + 5 * MINUTE), (False, back + 8 * MINUTE)
        ):  # fmt: skip
            self.move(door, at)

    def outings(self, days: int, hour: int = 9, lasts: int = 2 * HOUR) -> Instant:
        for day in range(days):
            self.outing(T0 + day * DAY + hour * HOUR, lasts)
        return T0 + days * DAY


def raised(home: Home) -> list[tuple[Level, int]]:
    return [(e.level, e.raised_at - e.onset) for e in home.events if isinstance(e, Finding)]


def test_before_enough_absences_are_known_somebody_asks_after_a_day() -> None:
    home = Home()
    today = home.outings(ENOUGH - 1)
    home.move(True, today + 9 * HOUR)
    home.until(today + 3 * DAY)
    assert raised(home) == [(Level.PROMPT, 24 * HOUR)]


def test_then_after_half_as_long_again_as_the_longest_of_this_part_of_the_day_and_an_hour() -> None:
    home = Home()
    today = home.outings(ENOUGH, lasts=3 * HOUR)
    home.move(True, today + 9 * HOUR)
    home.until(today + 20 * HOUR)
    assert raised(home) == [(Level.PROMPT, 3 * HOUR * 3 // 2 + HOUR)]
    finding = next(e for e in home.events if isinstance(e, Finding))
    assert finding.evidence["comparable"] == ENOUGH
    assert f"{ENOUGH} absences began in the morning; the longest lasted 3 h" in finding.text_en
    assert f"午前に始まった外出は{ENOUGH}回" in finding.text_ja


def test_the_evening_is_not_judged_by_mornings() -> None:
    home = Home()
    today = home.outings(30)
    home.move(True, today + 19 * HOUR)
    home.until(today + 3 * DAY)
    assert raised(home)[0] == (Level.PROMPT, 24 * HOUR)


def test_far_beyond_anything_it_pages_and_ends_when_somebody_is_back() -> None:
    home = Home()
    today = home.outings(30)
    home.move(True, today + 9 * HOUR)
    home.until(today + 4 * DAY)
    assert raised(home) == [(Level.PROMPT, LEAST), (Level.PAGE, 48 * HOUR)]
    home.move(True, today + 4 * DAY)
    reasons = [e.reason for e in home.events if isinstance(e, Ended)]
    assert reasons == [EndReason.REPLACED, EndReason.ACTIVITY]
    assert "The longest absence of the last three months was 2 h" in next(
        e.text_en for e in home.events if isinstance(e, Finding) and e.level is Level.PAGE
    )


def test_a_home_of_which_little_is_known_is_never_paged_for_an_absence() -> None:
    home = Home()
    home.move(True, T0 + 9 * HOUR)
    home.until(T0 + 10 * DAY)
    assert raised(home) == [(Level.PROMPT, 24 * HOUR)]


def test_an_absence_that_was_asked_about_counts_as_no_longer_than_its_limit_so_a_new_habit_is_learnt_in_steps() -> None:
    home = Home()
    today = home.outings(ENOUGH)
    asked = []
    for day in range(8):
        before = len(raised(home))
        home.outing(today + day * DAY + 9 * HOUR, 9 * HOUR)
        asked.append(len(raised(home)) - before)
    assert asked[0] == 1
    assert asked[-1] == 0
    assert sum(asked) <= 3


def test_absences_fade_out_of_memory_after_three_months() -> None:
    local, known = LocalTime(ZONE), Absences(24 * HOUR)
    for day in range(100):
        known.learn(T0 + day * DAY + 9 * HOUR, 5 * HOUR if day == 3 else HOUR, local)
    assert known.longest() == HOUR
    assert known.limit(part_of_day(9)) == LEAST
    assert known.total <= 91


def test_a_night_elsewhere_is_no_habit_and_ten_minutes_make_no_limit() -> None:
    local, known = LocalTime(ZONE), Absences(24 * HOUR)
    for day in range(30):
        known.learn(T0 + day * DAY + 9 * HOUR, 22 * HOUR, local)
        known.learn(T0 + day * DAY + 9 * HOUR, 10 * MINUTE, local)
    assert known.total == 0


def test_what_it_remembers_is_small() -> None:
    local, known = LocalTime(ZONE), Absences(24 * HOUR)
    for number in range(2_000):
        known.learn(T0 + number * HOUR, HOUR + SECOND, local)
    assert known.total <= 200
    again = Absences(24 * HOUR)
    again.restore(known.snapshot())
    assert again.snapshot() == known.snapshot()
