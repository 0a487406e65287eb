"""Who did and who looked at what: a log to which rows are only added, each bound to the one before by a hash.

A row's digest covers the digest before it and all that the row says, so a row that is changed, taken out or put elsewhere
shows in ``check``, and a cut end shows because ``audit_head`` names the last row. Whoever may write to the whole database
can compute a chain of their own: hence the anchors, a number and a digest that somebody keeps elsewhere.

All writers lock the head's row first, so that two processes never bind to the same row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, insert, select, update

from domain.clock import Instant
from registry.tables import audit, audit_head

NOBODY = "~"
"""Who, where nobody is known."""
_PAGE = 5_000


class Event(StrEnum):
    """What happened."""

    LOGGED_IN = "logged_in"
    LOG_IN_FAILED = "log_in_failed"
    LOGGED_OUT = "logged_out"
    LOOKED = "looked"
    """Somebody was shown a home, or a list of homes."""
    DID = "did"
    """Somebody sent a form, and it was taken."""
    REFUSED = "refused"
    EXPORTED = "exported"
    ACCOUNT = "account"
    """An account was made or changed, or another may see or do something."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to write down. It holds opaque ids and logins, never a name, a telephone number or what somebody typed."""

    at: Instant
    who: str
    what: Event
    about: str
    """``home:ID``, ``staff:LOGIN``, ``list`` or ``""``."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the log."""

    number: int
    at: Instant
    who: str
    what: str
    about: str
    detail: str
    digest: str

    def follows(self, before: str) -> bool:
        """Whether it is what was bound to the digest ``before``."""
        return self.digest == digest_of(before, self.number, self.at, self.who, self.what, self.about, self.detail)


class Broken(StrEnum):
    """What is wrong with a log."""

    CHANGED = "changed"
    """This row does not say what it said when it was written, or stands in another place."""
    MISSING = "missing"
    """This row is not there."""
    ANCHOR = "anchor"
    """This row is not the one that somebody noted elsewhere."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a log holds."""

    rows: int
    """As many were looked at."""
    last: int
    digest: str
    """Of the last row: to be kept elsewhere, as ``NUMBER:DIGEST``."""
    broken: Broken | None = None
    at: int = 0
    """The first row that is wrong."""


def digest_of(before: str, number: int, at: Instant, who: str, what: str, about: str, detail: str) -> str:
    """The digest that binds a row to the one with the digest ``before``."""
    body = json.dumps([before, number, at, who, what, about, detail], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()


def write(connection: Connection, entries: Iterable[Entry]) -> None:
    """Add rows, in this transaction, which should be a short one: others wait for its end."""
    for entry in entries:
        locked = update(audit_head).where(audit_head.c.id == 1).values(number=audit_head.c.number + 1)
        head = connection.execute(locked.returning(audit_head.c.number, audit_head.c.digest)).one()
        said = {
            "who": entry.who[:70],
            "what": entry.what.value,
            "about": entry.about[:140],
            "detail": entry.detail[:500],
        }
        digest = digest_of(head.digest, head.number, entry.at, **said)
        connection.execute(insert(audit).values(number=head.number, at=entry.at, digest=digest, **said))
        connection.execute(update(audit_head).where(audit_head.c.id == 1).values(digest=digest))


def record(engine: Engine, *entries: Entry) -> None:
    """Add rows in a transaction of their own."""
    if entries:
        with engine.begin() as connection:
            write(connection, entries)


def rows(connection: Connection, since: int = 0) -> Iterator[Row]:
    """Every row after number ``since``, in order."""
    while True:
        wanted = select(audit).where(audit.c.number > since).order_by(audit.c.number).limit(_PAGE)
        found = [_row(row) for row in connection.execute(wanted)]
        yield from found
        if len(found) < _PAGE:
            return
        since = found[-1].number


def latest(connection: Connection, limit: int, *, about: str = "", who: str = "", what: str = "") -> list[Row]:
    """The newest rows first; only those about something, by somebody or of one kind, where that is named."""
    wanted = select(audit).order_by(audit.c.number.desc()).limit(limit)
    for column, value in ((audit.c.about, about), (audit.c.who, who), (audit.c.what, what)):
        wanted = wanted.where(column == value) if value else wanted
    return [_row(row) for row in connection.execute(wanted)]


def check(connection: Connection, newest: int | None = None, anchor: tuple[int, str] | None = None) -> Verdict:
    """Look whether the log is whole: all of it, or only its ``newest`` rows, which a page has time for.

    ``anchor`` is a number and the digest that its row had once, as somebody noted them elsewhere.
    """
    head = connection.execute(select(audit_head)).first()
    last = head.number if head else 0
    since = 0 if newest is None else max(0, last - newest)
    before = connection.execute(select(audit.c.digest).where(audit.c.number == since)).scalar() if since else ""
    if before is None:
        return Verdict(0, last, "", Broken.MISSING, since)
    verdict = check_rows(rows(connection, since), since, before, anchor)
    if verdict.broken is None and (verdict.last, verdict.digest) != (last, head.digest if head else ""):
        wrong = Broken.MISSING if verdict.last < last else Broken.CHANGED
        at = last if verdict.last == last else min(verdict.last, last) + 1
        return Verdict(verdict.rows, verdict.last, verdict.digest, wrong, at)
    return verdict


def check_rows(
    found: Iterable[Row], since: int = 0, before: str = "", anchor: tuple[int, str] | None = None
) -> Verdict:
    """Look whether each row follows the one before it; for what was exported as well."""
    count = 0
    last, digest, held = since, before, anchor is None or anchor[0] <= since
    for row in found:
        if row.number != last + 1:
            wrong = Broken.MISSING if row.number > last + 1 else Broken.CHANGED
            return Verdict(count, last, digest, wrong, last + 1)
        if not row.follows(digest):
            return Verdict(count, last, digest, Broken.CHANGED, row.number)
        if anchor is not None and row.number == anchor[0]:
            if row.digest != anchor[1]:
                return Verdict(count, last, digest, Broken.ANCHOR, row.number)
            held = True
        count, last, digest = count + 1, row.number, row.digest
    if not held and anchor is not None:
        return Verdict(count, last, digest, Broken.ANCHOR, anchor[0])
    return Verdict(count, last, digest)


def _row(row: object) -> Row:
    return Row(*row)  # type: ignore[misc]  # the table's columns are the fields, in their order
