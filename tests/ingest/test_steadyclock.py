"""A clock that never steps back, whatever is done to the machine's."""

from __future__ import annotations

from domain.clock import DAY, HOUR, MINUTE, SECOND
from ingest.steadyclock import SteadyClock


class Wrong:
    """A machine whose clock is set by hand, and whose monotonic clock is not."""

    def __init__(self) -> None:
        self.wall, self.ticks = 100 * DAY, 0

    def now(self) -> int:
        return self.wall

    def passes(self, span: int) -> None:
        self.wall += span
        self.ticks += span


def test_a_steady_clock_never_steps_back_and_runs_on_at_nine_tenths_until_the_other_has_caught_up() -> None:
    machine = Wrong()
    steady = SteadyClock(machine, lambda: machine.ticks)
    machine.passes(MINUTE)
    before = steady.now()
    assert before == machine.wall
    machine.wall -= HOUR
    told = [before]
    for _ in range(100):
        machine.passes(MINUTE)
        told.append(steady.now())
    assert told[100] - told[0] == 90 * MINUTE
    machine.passes(9 * HOUR)
    assert steady.now() == machine.wall
    assert steady.leap() is None


def test_a_steady_clock_tells_since_when_a_clock_that_was_set_ahead_was_right() -> None:
    machine = Wrong()
    steady = SteadyClock(machine, lambda: machine.ticks)
    machine.passes(HOUR)
    right = steady.now()
    machine.wall += DAY
    machine.passes(SECOND)
    assert steady.now() == right + DAY + SECOND
    assert steady.leap() == right
    assert steady.leap() is None
    machine.wall -= DAY
    machine.passes(HOUR)
    assert steady.now() == right + DAY + SECOND + 54 * MINUTE
    assert steady.leap() is None


def test_a_steady_clock_begins_no_earlier_than_what_is_written() -> None:
    machine = Wrong()
    steady = SteadyClock(machine, lambda: machine.ticks)
    written = machine.wall + HOUR
    steady.not_before(written)
    assert steady.now() == written
    machine.passes(10 * MINUTE)
    assert steady.now() == written + 9 * MINUTE
