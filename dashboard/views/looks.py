"""Who looked at a home: the audit log's rows about it, in words that its resident can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from dashboard import words
from dashboard.language import Speech
from domain.clock import DAY, Instant, Span
from domain.ids import HomeId
from registry import tables
from registry.audit import Event, Row

SHOWN: Span = 92 * DAY
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Look:
    """One row, as it is shown."""

    at: Instant
    who: str
    role: str
    why: str


def looks_at(connection: Connection, home: HomeId, since: Instant) -> tuple[list[Row], int]:
    """The newest rows about a home since then, and how many there are in all."""
    about = tables.audit.c
    these = (about.about == f"home:{home}") & (about.at >= since)
    found = select(tables.audit).where(these).order_by(about.number.desc()).limit(MOST)
    count = connection.execute(select(func.count()).select_from(tables.audit).where(these)).scalar_one()
    return [Row(*row) for row in connection.execute(found)], int(count)


def in_words(rows: Sequence[Row], names: Mapping[str, str], roles: Mapping[str, str], speech: Speech) -> list[Look]:
    """Each row as a sentence; somebody whose account is gone by the login."""
    return [
        Look(
            row.at,
            names.get(row.who, row.who),
            speech.gettext(roles[row.who]) if row.who in roles else "",
            _why(row, speech),
        )
        for row in rows
    ]


def _why(row: Row, speech: Speech) -> str:
    purpose, _, called = row.detail.partition(", ")
    if row.what == Event.LOOKED:
        said = speech.gettext(words.LOOKED_FOR.get(purpose, words.LOOKED_FOR["other"]))
        return said + (speech.gettext(" (was called about an alert)") if called else "")
    return speech.gettext(words.EVENT.get(row.what, row.what))
