"""``kehai outbox``: what waits, what was given up and why, and trying it again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.notices import Notice, Purpose
from alerts.outbox import How, Job, Outbox, Stand, deliveries, enqueue
from alerts.sqlbook import SqlBook
from domain.alerts import Outcome, Reason, State
from domain.clock import DAY, MINUTE, SystemClock
from domain.findings import Finding, Level, Subject
from domain.ids import HomeId
from registry.database import open_database
from tests.kehai.test_home_cli import config, kehai

__all__ = ["config"]  # the fixture
NOW = SystemClock().now()


@pytest.fixture
def engine(config: Path) -> Iterator[Engine]:
    """The database of an installation with one open alert."""
    made = open_database(f"sqlite:///{config.parent / 'kehai.db'}")
    silent = Finding(
        HomeId("h1"), "inactivity", "inactivity/2", "inactivity", Subject.PERSON, Level.PAGE, NOW - MINUTE, NOW
    )
    with SqlBook(made).transaction() as page:
        page.note(silent, NOW)
        page.open(silent, State.OPEN, Reason.RAISED, NOW, late=False)
    yield made
    made.dispose()


def tell(engine: Engine, channel: str, to: str = "hana") -> Job:
    """Something that is on its way."""
    with engine.begin() as connection:
        enqueue(connection, [Notice(1, Purpose.ALERT, to, (channel,), NOW, climb=NOW)], NOW)
    (job,) = Outbox(engine).claim(channel, 1, NOW)
    return job


def fail(engine: Engine, channel: str, to: str = "hana") -> Job:
    job = tell(engine, channel, to)
    assert Outbox(engine).failed(job, How.PERMANENT, "The server refuses the message (403).", NOW)
    return job


def stands(engine: Engine) -> list[Stand]:
    with engine.connect() as connection:
        return [delivery.stand for delivery in deliveries(connection, 1)]


def test_what_waits_and_what_failed_is_listed_with_the_reason_and_what_was_sent_only_if_asked_for(
    config: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(engine, "mail")
    tell(engine, "line")
    Outbox(engine).sent(tell(engine, "hook"), "", NOW)
    assert kehai("outbox", "list", "--config", config) == 0
    said = capsys.readouterr()
    assert [line.split("\t")[1:7] for line in said.out.splitlines()] == [
        ["line", "hana", "alert", "alert 1", "sending", "1"],
        ["mail", "hana", "alert", "alert 1", "failed", "1"],
    ]
    assert said.out.endswith("The server refuses the message (403).\n")
    assert "mail: 1 failed" in said.err
    assert kehai("outbox", "list", "--state", "sent", "--config", config) == 0
    assert "hook" in capsys.readouterr().out
    assert kehai("outbox", "list", "--channel", "pigeon", "--config", config) == 0
    assert "Nothing waits" in capsys.readouterr().err
    assert kehai("outbox", "list", "--state", "lost", "--config", config) == 2


def test_what_failed_is_tried_again_by_its_number_as_if_it_were_new_under_the_same_id(
    config: Path, engine: Engine
) -> None:
    job = fail(engine, "mail")
    assert kehai("outbox", "retry", job.id, "--config", config) == 0
    later = SystemClock().now()
    (again,) = Outbox(engine).claim("mail", 1, later)
    assert (again.id, again.key, again.number) == (job.id, job.key, 2)
    assert again.made_at > NOW


def test_all_that_a_channel_failed_to_deliver_is_tried_again_and_nothing_of_another_channel(
    config: Path, engine: Engine
) -> None:
    fail(engine, "mail")
    fail(engine, "mail", "boss")
    fail(engine, "line")
    assert kehai("outbox", "retry", "--channel", "mail", "--config", config) == 0
    assert stands(engine) == [Stand.WAITING, Stand.WAITING, Stand.FAILED]


@pytest.mark.parametrize(("action", "said"), [("close", "is closed"), ("claim", "in somebody's hand")])
def test_nobody_is_called_again_about_what_is_closed_or_in_hand(
    config: Path, engine: Engine, capsys: pytest.CaptureFixture[str], action: str, said: str
) -> None:
    job = fail(engine, "mail")
    more = {"outcome": Outcome.SPOKE_SAFE} if action == "close" else {}
    SqlBook(engine).act(1, 1, action, "hana", NOW, **more)  # type: ignore[arg-type]  # what ``act`` takes
    assert kehai("outbox", "retry", job.id, "--config", config) == 2
    assert said in capsys.readouterr().err
    assert stands(engine) == [Stand.FAILED]


def test_what_is_on_its_way_or_does_not_exist_or_is_not_named_is_not_put_back(
    config: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tell(engine, "mail")
    for words in ((job.id,), (999,), (), (1, "--channel", "mail"), ("--channel", "mail")):
        assert kehai("outbox", "retry", *words, "--config", config) == 2
    assert "only what failed" in capsys.readouterr().err
    assert Outbox(engine).sent(job, "", NOW), "it was left alone"


def test_what_failed_long_ago_is_neither_listed_nor_put_back_with_its_channel(
    config: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tell(engine, "mail")
    Outbox(engine).failed(job, How.PERMANENT, "No.", NOW - 8 * DAY)
    assert kehai("outbox", "retry", "--channel", "mail", "--config", config) == 2
    assert kehai("outbox", "list", "--config", config) == 0
    assert capsys.readouterr().out == ""
    assert kehai("outbox", "list", "--days", "9", "--config", config) == 0
    assert "failed" in capsys.readouterr().out
