"""Where each alert that is not closed stands on its ladder: one row, which says what happens next and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from alerts.duty_tables import ladders
from domain.clock import Instant


class Due(StrEnum):
    """What falls due."""

    ASK = "ask"
    """The resident is asked, where that is possible; otherwise the first rung calls at once."""
    ANSWER = "answer"
    """The resident was asked and has until then; after it the prompt becomes a page."""
    RUNG = "rung"
    """The people of the next rung are called."""
    HELD = "held"
    """The next rung was due and waits: for the end of a silence, of the quiet hours, or of the alert from which it follows."""
    LAPSE = "lapse"
    """Who has it in hand has done nothing: everybody is called again."""
    OLD = "old"
    """It was to be called about a week ago, and nothing was written of it since: it stands on the board and calls nobody until
    something is."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an alert stands on its ladder: its row."""

    alert: int
    due_at: Instant
    what: Due
    rung: int = 0
    """The rung that is next, from 0."""
    lap: int = 0
    """How often the whole ladder was climbed."""
    since: Instant = 0
    """When this climb, or this claim, began; no other climb of the alert has the same."""
    page_at: Instant | None = None
    """When a prompt that nobody answers and nobody takes becomes a page."""
    policy: int | None = None
    """The row of the policy by which the last rung called; None: the one that comes with the program."""


def place_of(connection: Connection, alert: int) -> Place | None:
    """Where an alert stands on its ladder; None for one that is closed or held."""
    row = connection.execute(select(ladders).where(ladders.c.alert == alert)).first()
    return None if row is None else place_from(row)


def place_from(row: Any) -> Place:
    """A place from its row."""
    return Place(row.alert, row.due_at, Due(row.what), row.rung, row.lap, row.since, row.page_at, row.policy)


def put(connection: Connection, place: Place) -> None:
    """Write an alert's row, in the place of the one that it has."""
    values: dict[str, Any] = {
        "due_at": place.due_at, "what": place.what.value, "rung": place.rung, "lap": place.lap, "since": place.since,
        "page_at": place.page_at, "policy": place.policy,
    }  # fmt: skip
    done = connection.execute(update(ladders).where(ladders.c.alert == place.alert).values(**values))
    if done.rowcount == 0:
        connection.execute(insert(ladders).values(alert=place.alert, **values))


def look_again(connection: Connection, now: Instant) -> int:
    """What held alerts back may be over: each is looked at at once, and waits again where it still has to."""
    held = ladders.c.what.in_((Due.HELD.value, Due.ASK.value)) & (ladders.c.due_at > now)
    return connection.execute(update(ladders).where(held).values(due_at=now)).rowcount
