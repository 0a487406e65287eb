"""Second factors: time-based one-time passwords (RFC 6238), and recovery codes for whoever has lost the authenticator."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b32encode

import pyotp
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from domain.clock import SECOND, Instant
from registry.tables import recovery_codes, second_factors

STEP_SECONDS = 30
CODES = 10
"""Recovery codes of one account."""
_AROUND = 1
"""Steps by which an authenticator's clock may be off, either way."""
_RANDOM_BYTES = 10


class Factors:
    """The second factors of an installation. Instants are real time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def has(self, login: str) -> bool:
        """Whether an account is asked for a code when it logs in."""
        with self._engine.connect() as connection:
            return _secret(connection, login) is not None

    def left(self, login: str) -> int:
        """How many recovery codes an account has left."""
        wanted = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.login == login)
        with self._engine.connect() as connection:
            return int(connection.execute(wanted).scalar_one())

    def begin(self, login: str, at: Instant) -> str | None:
        """A new secret for the authenticator; nothing is asked for before ``confirm``. None where one is confirmed already."""
        with self._engine.begin() as connection:
            if _secret(connection, login) is not None:
                return None
            secret = pyotp.random_base32()
            connection.execute(delete(second_factors).where(second_factors.c.login == login))
            connection.execute(insert(second_factors).values(login=login, secret=secret, made_at=at))
        return secret

    def begun(self, login: str) -> str | None:
        """The secret that was shown and is not confirmed yet."""
        with self._engine.connect() as connection:
            wanted = select(second_factors.c.secret).where(
                second_factors.c.login == login, second_factors.c.confirmed_at.is_(None)
            )
            return connection.execute(wanted).scalar()

    def confirm(self, login: str, code: str, at: Instant) -> list[str] | None:
        """The authenticator shows the right code: from now on it is asked for. The recovery codes, which nobody sees again."""
        with self._engine.begin() as connection:
            wanted = select(second_factors.c.secret).where(
                second_factors.c.login == login, second_factors.c.confirmed_at.is_(None)
            )
            secret = connection.execute(wanted).scalar()
            step = None if secret is None else _step_of(secret, code, at)
            if step is None:
                return None
            this = second_factors.c.login == login
            connection.execute(update(second_factors).where(this).values(confirmed_at=at, last_step=step))
            return _new_codes(connection, login)

    def renew_codes(self, login: str) -> list[str]:
        """Other recovery codes; the old ones are good no more."""
        with self._engine.begin() as connection:
            return _new_codes(connection, login)

    def remove(self, login: str) -> bool:
        """Ask this account for no code any more; False when it was asked for none."""
        with self._engine.begin() as connection:
            connection.execute(delete(recovery_codes).where(recovery_codes.c.login == login))
            return connection.execute(delete(second_factors).where(second_factors.c.login == login)).rowcount > 0


def use(connection: Connection, login: str, code: str, at: Instant) -> bool:
    """Whether this code is good now, of the authenticator or for recovery; either is good once, whoever else sends it too."""
    typed = "".join(code.split())
    secret = _secret(connection, login)
    if secret is None:
        return False
    step = _step_of(secret, typed, at)
    if step is not None:
        this = (second_factors.c.login == login) & (second_factors.c.last_step < step)
        return connection.execute(update(second_factors).where(this).values(last_step=step)).rowcount == 1
    this_code = (recovery_codes.c.login == login) & (recovery_codes.c.digest == _digest(typed))
    return connection.execute(delete(recovery_codes).where(this_code)).rowcount == 1


def _secret(connection: Connection, login: str) -> str | None:
    wanted = select(second_factors.c.secret).where(
        second_factors.c.login == login, second_factors.c.confirmed_at.is_not(None)
    )
    return connection.execute(wanted).scalar()


def _step_of(secret: str, code: str, at: Instant) -> int | None:
    """The step whose code this is, of those around ``at``; every one is compared, whichever fits."""
    totp, now = pyotp.TOTP(secret, interval=STEP_SECONDS), at // (STEP_SECONDS * SECOND)
    typed = "".join(code.split())
    found = None
    for step in range(now - _AROUND, now + _AROUND + 1):
        if secrets.compare_digest(totp.generate_otp(step).encode(), typed.encode()):
            found = step
    return found


def _new_codes(connection: Connection, login: str) -> list[str]:
    connection.execute(delete(recovery_codes).where(recovery_codes.c.login == login))
    codes = [_code() for _ in range(CODES)]
    connection.execute(insert(recovery_codes), [{"login": login, "digest": _digest(code)} for code in codes])
    return codes


def _code() -> str:
    """80 random bits, in groups that can be read from paper."""
    text = b32encode(secrets.token_bytes(_RANDOM_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _digest(code: str) -> str:
    return hashlib.sha256("".join(code.lower().replace("-", "").split()).encode()).hexdigest()
