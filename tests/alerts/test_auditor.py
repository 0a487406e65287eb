"""The auditor: what can only be a fault, and areas in which nobody can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, update

from alerts.auditor import OVERDUE, Fault, Wrong, audit
from alerts.duty_tables import ladders, policies
from alerts.places import Due, Place, put
from alerts.policy import SYSTEM_AREA, Policy, Rung, write
from alerts.sqlbook import SqlBook
from domain.alerts import Outcome, Reason, State
from domain.clock import DAY, Instant
from domain.findings import Level
from domain.localtime import LocalTime
from registry.staff import Staff
from registry.tables import addresses
from tests.alerts.duty import SILENCE, T, installation

TOKYO = LocalTime("Asia/Tokyo")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = installation(tmp_path, [("tanaka", "南"), ("sato", "北"), ("suzuki", "北")])
    with SqlBook(made).transaction() as page:
        page.open(SILENCE, State.OPEN, Reason.RAISED, T, late=False)
    yield made
    made.dispose()


def found(engine: Engine, at: Instant = T) -> list[Fault]:
    with engine.connect() as connection:
        return audit(connection, at, TOKYO)


def test_where_all_is_well_it_finds_nothing(engine: Engine) -> None:
    assert found(engine) == []
    assert found(engine, T + OVERDUE) == []


def test_an_alert_without_a_next_step_and_one_whose_step_is_overdue_are_found(engine: Engine) -> None:
    assert found(engine, T + OVERDUE + 1) == [Fault(Wrong.OVERDUE, 1, since=T)]
    with engine.begin() as connection:
        connection.execute(delete(ladders))
    assert found(engine) == [Fault(Wrong.NO_NEXT_STEP, 1)]


@pytest.mark.parametrize(
    ("action", "due", "wrong"),
    [
        ("claim", Due.RUNG, Wrong.WRONG_STEP),
        ("claim", Due.OLD, None),
        ("comment", Due.LAPSE, Wrong.WRONG_STEP),
        ("comment", Due.OLD, None),
        ("close", Due.RUNG, Wrong.NOBODYS_STEP),
    ],
)
def test_a_step_that_does_not_fit_its_alert_is_found(
    engine: Engine, action: str, due: Due, wrong: Wrong | None
) -> None:
    outcome = Outcome.VISIT_SAFE if action == "close" else None
    SqlBook(engine).act(1, 1, action, "tanaka", T, note="…", outcome=outcome)
    with engine.begin() as connection:
        put(connection, Place(1, T + DAY, due))
    assert [fault.what for fault in found(engine)] == ([] if wrong is None else [wrong])


def test_an_area_in_which_nobody_can_be_reached_is_found_and_so_are_we_ourselves(engine: Engine) -> None:
    Staff(engine).disable("tanaka", T)
    assert found(engine) == [], "the managers are called"
    with engine.begin() as connection:
        connection.execute(update(addresses).where(addresses.c.owner == "boss").values(broken_at=T))
    assert found(engine) == [Fault(Wrong.REACHES_NOBODY, area="南"), Fault(Wrong.REACHES_NOBODY, area=SYSTEM_AREA)]


def test_a_policy_that_cannot_be_read_is_found_until_it_is_saved_anew(engine: Engine) -> None:
    policy = Policy((Rung(("area",)),))
    with engine.begin() as connection:
        write(connection, "南", Level.PAGE, policy, "boss", "", T)
        connection.execute(update(policies).values(body="{}"))
    assert found(engine) == [Fault(Wrong.BAD_POLICY, area="南")]
    with engine.begin() as connection:
        write(connection, "南", Level.PAGE, policy, "boss", "", T)
    assert found(engine) == []
