"""Staff, their passwords and their sessions.

Passwords are Argon2id; a session is a random token of which only the hash is stored. Attempts to log in are counted per
account and per address, and slowed down; nobody is locked out for good.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from sqlalchemy import Connection, Engine, Select, delete, func, insert, select, update

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.ids import check_id
from registry import tables
from registry.factors import use
from registry.sight import EVERYWHERE, NOTHING, Sight, set_sight, sight_of

SESSION_IDLE: Span = 2 * HOUR
SESSION_ABSOLUTE: Span = 12 * HOUR
PENDING: Span = 10 * MINUTE
"""How long after the password the second factor may come."""
_WINDOW: Span = 15 * MINUTE
_FREE_ACCOUNT = 5
_FREE_ADDRESS = 50
_LONGEST: Span = 5 * MINUTE
_TOUCH: Span = 60 * SECOND
MIN_PASSWORD = 10

HASHER = PasswordHash.recommended()
"""Argon2id, as its authors recommend."""
_NOBODY = HASHER.hash(secrets.token_urlsafe(16))


class WeakPasswordError(ValueError):
    """A password that may not be set; ``str`` says why."""


class Role(StrEnum):
    """What somebody is to this installation; what each may do stands in ``dashboard.access``."""

    VIEWER = "viewer"
    """Looks at a home or an area and does no more: a family, a 民生委員."""
    STAFF = "staff"
    """Answers alerts."""
    MANAGER = "manager"
    """Leads a team: decides on which rules a home is watched, and who is called."""
    ADMINISTRATOR = "administrator"
    """Keeps accounts and the system, and looks at no home."""
    AUDITOR = "auditor"
    """Reads everything, who looked at what included, and decides nothing."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who may log in."""

    login: str
    name: str
    disabled: bool = False
    role: Role = Role.STAFF


@dataclass(frozen=True, slots=True)
class Session:
    """A logged-in member, and the token that each of their forms must carry."""

    member: Member
    csrf: str
    sight: Sight = EVERYWHERE
    factor: bool = False
    """The account has a second factor."""


@dataclass(frozen=True, slots=True)
class Open:
    """One of an account's sessions, for its owner to see."""

    began_at: Instant
    seen_at: Instant
    agent: str
    """The browser, as it calls itself."""
    this: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """No session. ``wait`` is how long to wait before another attempt counts; 0 when name or password were wrong."""

    wait: Span = 0


class Staff:
    """Accounts and sessions in the SQL database. Instants are real time, whatever clock the homes run on."""

    def __init__(self, engine: Engine, hasher: PasswordHash = HASHER) -> None:
        """``hasher`` makes hashes of passwords; one that is cheaper than the usual is for tests."""
        self._engine, self._hasher = engine, hasher
        self._nobody = _NOBODY if hasher is HASHER else hasher.hash("nobody")

    def add(
        self, login: str, name: str, password: str, at: Instant, role: Role = Role.STAFF, sight: Sight | None = None
    ) -> None:
        """Make an account; raises WeakPasswordError, BadIdError, or IntegrityError when the login is taken.

        Without a ``sight`` a viewer sees no home yet, and everybody else all of them.
        """
        check_id(login, "staff")
        _check_password(password)
        with self._engine.begin() as connection:
            connection.execute(
                insert(tables.staff).values(
                    login=login, name=name, password=self._hasher.hash(password), created_at=at, role=role.value
                )
            )
            set_sight(connection, login, sight or (NOTHING if role is Role.VIEWER else EVERYWHERE))

    def set_role(self, login: str, role: Role) -> None:
        """Let an account do more or less; it counts from its next page on."""
        with self._engine.begin() as connection:
            connection.execute(update(tables.staff).where(tables.staff.c.login == login).values(role=role.value))

    def set_password(self, login: str, password: str, but: str = "") -> None:
        """Change a password and end the account's sessions, but for the one with the token ``but``.

        Raises WeakPasswordError.
        """
        _check_password(password)
        with self._engine.begin() as connection:
            connection.execute(
                update(tables.staff).where(tables.staff.c.login == login).values(password=self._hasher.hash(password))
            )
            these = (tables.sessions.c.login == login) & (tables.sessions.c.token != _hash(but))
            connection.execute(delete(tables.sessions).where(these))

    def disable(self, login: str, at: Instant) -> None:
        """Close an account and end its sessions."""
        with self._engine.begin() as connection:
            connection.execute(update(tables.staff).where(tables.staff.c.login == login).values(disabled_at=at))
            connection.execute(delete(tables.sessions).where(tables.sessions.c.login == login))

    def all(self) -> list[Member]:
        """Every account, by login."""
        wanted = select(tables.staff).order_by(tables.staff.c.login)
        with self._engine.connect() as connection:
            return [
                Member(row.login, row.name, row.disabled_at is not None, Role(row.role))
                for row in connection.execute(wanted)
            ]

    def names(self) -> dict[str, str]:
        """Login -> name of every account, disabled ones too."""
        with self._engine.connect() as connection:
            return {
                row.login: row.name for row in connection.execute(select(tables.staff.c.login, tables.staff.c.name))
            }

    def sight(self, login: str) -> Sight:
        """Which homes an account sees."""
        with self._engine.connect() as connection:
            return sight_of(connection, login)

    def set_sight(self, login: str, sight: Sight) -> None:
        """Let an account see these homes and no others, from its next page on."""
        with self._engine.begin() as connection:
            set_sight(connection, login, sight)

    def areas(self) -> dict[str, tuple[str, ...]]:
        """Login -> the areas that somebody is called about; whoever is not named is called about all of them."""
        found: dict[str, tuple[str, ...]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(select(tables.staff_areas).order_by(*tables.staff_areas.c)):
                found[row.login] = (*found.get(row.login, ()), row.area)
        return found

    def set_areas(self, login: str, areas: Iterable[str]) -> None:
        """Say about which areas somebody is called, from the next call on; about none in particular: about all of them."""
        with self._engine.begin() as connection:
            connection.execute(delete(tables.staff_areas).where(tables.staff_areas.c.login == login))
            for area in sorted(set(areas)):
                connection.execute(insert(tables.staff_areas).values(login=login, area=area))

    def log_in(self, login: str, password: str, address: str, now: Instant, agent: str = "") -> str | Refused:
        """A new session's token, or why not. Takes as long for a name that does not exist as for a wrong password.

        Where the account has a second factor the session is pending, and good for nothing but ``complete``.
        """
        keys = (f"account:{login[:64].lower()}", f"address:{address[:64]}")
        with self._engine.begin() as connection:
            wait = max(_wait(connection, keys[0], _FREE_ACCOUNT, now), _wait(connection, keys[1], _FREE_ADDRESS, now))
            if wait > 0:
                return Refused(wait)
            row = connection.execute(select(tables.staff).where(tables.staff.c.login == login)).first()
        good = self._fits(password, row.password if row else self._nobody)
        with self._engine.begin() as connection:
            if row is None or not good or row.disabled_at is not None:
                connection.execute(insert(tables.attempts), [{"key": key, "at": now} for key in keys])
                connection.execute(delete(tables.attempts).where(tables.attempts.c.at < now - DAY))
                return Refused()
            connection.execute(delete(tables.attempts).where(tables.attempts.c.key == keys[0]))
            connection.execute(delete(tables.sessions).where(tables.sessions.c.created_at < now - SESSION_ABSOLUTE))
            return _begin(connection, login, now, agent, pending=_has_factor(connection, login))

    def _fits(self, password: str, known: str) -> bool:
        try:
            return self._hasher.verify(password[:1024], known)
        except UnknownHashError:  # an account without a password
            return False

    def pending(self, token: str, now: Instant) -> Session | None:
        """Whose password was right, when a code is still to come; None for any other token."""
        with self._engine.connect() as connection:
            row = connection.execute(_sessions_of(token, pending=True)).first()
        if row is None or now - row.created_at > PENDING:
            return None
        return Session(Member(row.login, row.name, role=Role(row.role)), row.csrf, NOTHING, factor=True)

    def complete(self, token: str, code: str, address: str, now: Instant) -> str | Refused:
        """The token of a whole session in place of a pending one whose code is right; slowed down like passwords."""
        with self._engine.begin() as connection:
            row = connection.execute(_sessions_of(token, pending=True)).first()
            if row is None or now - row.created_at > PENDING:
                return Refused()
            keys = (f"code:{row.login.lower()}", f"address:{address[:64]}")
            wait = max(_wait(connection, keys[0], _FREE_ACCOUNT, now), _wait(connection, keys[1], _FREE_ADDRESS, now))
            if wait > 0:
                return Refused(wait)
            if not use(connection, row.login, code[:64], now):
                connection.execute(insert(tables.attempts), [{"key": key, "at": now} for key in keys])
                return Refused()
            connection.execute(delete(tables.attempts).where(tables.attempts.c.key == keys[0]))
            connection.execute(delete(tables.sessions).where(tables.sessions.c.token == row.token))
            return _begin(connection, row.login, now, row.agent)

    def knows(self, login: str, password: str, now: Instant) -> bool | Refused:
        """Whether this is the account's password, asked of somebody who is logged in; slowed down like a log-in."""
        key = f"account:{login[:64].lower()}"
        with self._engine.begin() as connection:
            wait = _wait(connection, key, _FREE_ACCOUNT, now)
            if wait > 0:
                return Refused(wait)
            known = connection.execute(select(tables.staff.c.password).where(tables.staff.c.login == login)).scalar()
        good = self._fits(password, known or self._nobody)
        if not good:
            with self._engine.begin() as connection:
                connection.execute(insert(tables.attempts).values(key=key, at=now))
        return good

    def sessions(self, login: str, token: str, now: Instant) -> list[Open]:
        """The sessions of an account that are not over, the newest first."""
        columns = tables.sessions.c
        wanted = select(tables.sessions).where(
            columns.login == login, columns.pending.is_(False), columns.seen_at >= now - SESSION_IDLE,
            columns.created_at >= now - SESSION_ABSOLUTE,
        ).order_by(columns.created_at.desc())  # fmt: skip
        with self._engine.connect() as connection:
            return [
                Open(row.created_at, row.seen_at, row.agent, row.token == _hash(token))
                for row in connection.execute(wanted)
            ]

    def end_others(self, login: str, token: str) -> int:
        """End every session of an account but this one; how many there were."""
        columns = tables.sessions.c
        others = (columns.login == login) & (columns.token != _hash(token))
        with self._engine.begin() as connection:
            return connection.execute(delete(tables.sessions).where(others)).rowcount

    def session(self, token: str, now: Instant) -> Session | None:
        """Who a token belongs to, or None when it is unknown, too long unused or too old."""
        with self._engine.connect() as connection:
            row = connection.execute(_sessions_of(token, pending=False)).first()
            sight = NOTHING if row is None else sight_of(connection, row.login)
        if row is None or now - row.seen_at > SESSION_IDLE or now - row.created_at > SESSION_ABSOLUTE:
            return None
        if now - row.seen_at > _TOUCH:
            with self._engine.begin() as connection:
                connection.execute(
                    update(tables.sessions).where(tables.sessions.c.token == row.token).values(seen_at=now)
                )
        member = Member(row.login, row.name, role=Role(row.role))
        return Session(member, row.csrf, narrowed(sight, member.role), row.factor is not None)

    def log_out(self, token: str) -> None:
        """End a session."""
        with self._engine.begin() as connection:
            connection.execute(delete(tables.sessions).where(tables.sessions.c.token == _hash(token)))


def _begin(connection: Connection, login: str, now: Instant, agent: str, *, pending: bool = False) -> str:
    """A session that nobody had before; its token is known to the browser alone."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(tables.sessions).values(
            token=_hash(token), login=login, csrf=secrets.token_urlsafe(24), created_at=now, seen_at=now,
            agent=agent[:200], pending=pending,
        )
    )  # fmt: skip
    return token


def _has_factor(connection: Connection, login: str) -> bool:
    confirmed = tables.second_factors.c.confirmed_at.is_not(None)
    wanted = select(tables.second_factors.c.login).where(tables.second_factors.c.login == login, confirmed)
    return connection.execute(wanted).first() is not None


def _sessions_of(token: str, *, pending: bool) -> Select[Any]:
    """The session with this token, with its account; none where that is closed."""
    factor = (tables.second_factors.c.login == tables.staff.c.login) & tables.second_factors.c.confirmed_at.is_not(None)
    return (
        select(tables.sessions, tables.staff.c.name, tables.staff.c.role, tables.second_factors.c.confirmed_at.label("factor"))
        .join(tables.staff, tables.staff.c.login == tables.sessions.c.login)
        .outerjoin(tables.second_factors, factor)
        .where(
            tables.sessions.c.token == _hash(token), tables.sessions.c.pending.is_(pending),
            tables.staff.c.disabled_at.is_(None),
        )
    )  # fmt: skip


def narrowed(sight: Sight, role: Role) -> Sight:
    """What a role leaves of it: a viewer sees single homes or areas, and no telephone numbers."""
    return replace(sight, everywhere=False, numbers=False) if role is Role.VIEWER else sight


def _check_password(password: str) -> None:
    if len(password) < MIN_PASSWORD:
        raise WeakPasswordError(f"A password needs at least {MIN_PASSWORD} characters.")


def same_token(one: str, other: str) -> bool:
    """Compare two tokens in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _wait(connection: Connection, key: str, free: int, now: Instant) -> Span:
    """How long until the next attempt under ``key``: doubles with each failure past the free ones, bounded."""
    recent = select(func.count(), func.max(tables.attempts.c.at)).where(
        tables.attempts.c.key == key, tables.attempts.c.at > now - _WINDOW
    )
    row = connection.execute(recent).one()
    count, last = int(row[0]), int(row[1] or 0)
    if count < free:
        return 0
    pause = min(_LONGEST, SECOND << min(count - free, 20))
    return max(0, last + pause - now)
