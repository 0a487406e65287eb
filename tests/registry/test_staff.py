"""Who may log in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from domain.clock import HOUR, MINUTE, SECOND
from registry import tables
from registry.database import migrate, open_database
from registry.staff import SESSION_ABSOLUTE, SESSION_IDLE, Refused, Staff, WeakPasswordError

NOW = 1_790_000_000 * SECOND
PASSWORD = "a long enough one"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def staff(engine: Engine) -> Staff:
    made = Staff(engine)
    made.add("suzuki", "鈴木", PASSWORD, NOW)
    return made


def test_the_right_password_opens_a_session_and_a_log_out_ends_it(staff: Staff) -> None:
    token = staff.log_in("suzuki", PASSWORD, "192.0.2.1", NOW)
    assert isinstance(token, str)
    session = staff.session(token, NOW + MINUTE)
    assert session is not None
    assert session.member.name == "鈴木"
    staff.log_out(token)
    assert staff.session(token, NOW + MINUTE) is None


def test_neither_password_nor_token_is_stored_as_it_is(staff: Staff, engine: Engine) -> None:
    token = staff.log_in("suzuki", PASSWORD, "192.0.2.1", NOW)
    with engine.connect() as connection:
        stored = str([connection.execute(select(table)).all() for table in (tables.staff, tables.sessions)])
    assert "$argon2id$" in stored
    assert PASSWORD not in stored
    assert str(token) not in stored


def test_a_session_ends_when_it_is_left_alone_or_grows_too_old(staff: Staff) -> None:
    token = staff.log_in("suzuki", PASSWORD, "192.0.2.1", NOW)
    assert isinstance(token, str)
    assert staff.session(token, NOW + SESSION_IDLE + 1) is None
    at = NOW
    while at < NOW + SESSION_ABSOLUTE:
        assert staff.session(token, at) is not None
        at += HOUR
    assert staff.session(token, NOW + SESSION_ABSOLUTE + 1) is None


def test_guessing_is_slowed_down_and_the_right_password_works_again_after_the_pause(staff: Staff) -> None:
    for _ in range(5):
        assert staff.log_in("suzuki", "wrong", "192.0.2.1", NOW) == Refused()
    refused = staff.log_in("suzuki", PASSWORD, "192.0.2.1", NOW)
    assert isinstance(refused, Refused)
    assert 0 < refused.wait <= 5 * MINUTE
    assert isinstance(staff.log_in("suzuki", PASSWORD, "192.0.2.1", NOW + refused.wait), str)


def test_a_name_that_does_not_exist_is_refused_like_a_wrong_password(staff: Staff) -> None:
    assert staff.log_in("nobody", PASSWORD, "192.0.2.1", NOW) == Refused()


def test_a_short_password_cannot_be_set(staff: Staff) -> None:
    with pytest.raises(WeakPasswordError, match="10 characters"):
        staff.add("sato", "佐藤", "short", NOW)
