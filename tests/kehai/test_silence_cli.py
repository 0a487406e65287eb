"""``kehai silence``: about what nobody is called, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.duty_tables import ladders
from alerts.ladder import Ladder
from alerts.sqlbook import SqlBook
from domain.alerts import Reason, State
from domain.clock import MINUTE, SystemClock
from domain.findings import Finding, Level, Subject
from domain.ids import HomeId
from domain.localtime import LocalTime
from registry.database import open_database
from tests.kehai.test_home_cli import config, kehai

__all__ = ["config"]  # the fixture


def test_a_silence_holds_back_the_calls_and_its_end_makes_them_at_once(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--by", "hana", "--config", config)
    assert kehai("silence", "add", "--home", "h1", "--until", "3d", "--why", "moving house", *more) == 0
    engine = open_database(f"sqlite:///{config.parent / 'kehai.db'}")
    now, ladder = SystemClock().now(), Ladder(engine, LocalTime("Asia/Tokyo"))
    silent = Finding(
        HomeId("h1"), "inactivity", "inactivity/2", "inactivity", Subject.PERSON, Level.PAGE, now - MINUTE, now
    )
    with SqlBook(engine).transaction() as page:
        number = page.open(silent, State.OPEN, Reason.RAISED, now, late=False).id
    ladder.step(now + MINUTE)
    assert [row.reason for row in SqlBook(engine).history(number)] == [Reason.RAISED]
    capsys.readouterr()
    assert kehai("silence", "list", "--config", config) == 0
    assert "hana\tholds\tmoving house" in capsys.readouterr().out
    assert kehai("silence", "end", 1, *more) == 0
    with engine.connect() as connection:
        assert connection.execute(select(ladders.c.due_at)).scalar_one() <= SystemClock().now()
    assert kehai("silence", "end", 1, *more) == 2
    engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say what is to be silent"),
        (("--home", "nowhere"), "no home"),
        (("--area", "nowhere"), "No home lies"),
        (("--home", "h1", "--until", "40d"), "30 days"),
        (("--home", "h1", "--by", "nobody"), "nobody"),
    ],
)
def test_a_silence_that_cannot_be_is_refused_in_one_sentence(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    given = {"--until": "2h", "--by": "hana", "--why": "because"} | dict(
        zip(arguments[::2], arguments[1::2], strict=True)
    )
    words = [word for pair in given.items() for word in pair]
    assert kehai("silence", "add", *words, "--config", config) == 2
    assert said in capsys.readouterr().err
