"""The caller's own thread, on the real clock."""

from __future__ import annotations

import threading
from pathlib import Path

from alerts.caller import Caller
from domain.clock import Instant, SystemClock
from tests.alerts.duty import installation
from tests.programs import until


class Broken:
    """A part that fails in a way that nobody thought of."""

    def __init__(self) -> None:
        self.tried = 0

    def next_due(self) -> Instant | None:
        """Always."""
        return None

    def step(self, _now: Instant) -> int:
        """Fail."""
        self.tried += 1
        raise TypeError("a fault of ours")


class Sound:
    """A part that works."""

    def __init__(self) -> None:
        self.stepped = threading.Event()

    def next_due(self) -> Instant | None:
        """Always."""
        return None

    def step(self, _now: Instant) -> int:
        """Work."""
        self.stepped.set()
        return 0


def test_a_part_that_breaks_down_keeps_no_other_from_its_work_and_is_tried_again(tmp_path: Path) -> None:
    engine, broken, sound = installation(tmp_path), Broken(), Sound()
    caller = Caller(engine, SystemClock(), [broken, sound], {}, lambda _job: None)
    caller.start()
    try:
        assert sound.stepped.wait(10)
        caller.wake()
        until(lambda: broken.tried > 2, 10, "second try")
    finally:
        caller.stop()
        engine.dispose()
