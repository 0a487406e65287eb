"""The audit log: what is done to its rows is found, and two processes may write to it at once."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, Executable, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from registry.audit import Broken, Entry, Event, check, check_rows, digest_of, latest, record, rows, write
from registry.database import migrate, open_database
from registry.tables import audit, audit_head


def entries(count: int, first: int = 0) -> list[Entry]:
    return [Entry(1_000 + n, "hana", Event.LOOKED, f"home:home-{n % 3}", "day") for n in range(first, first + count)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(engine)
    record(engine, *entries(9))
    yield engine
    engine.dispose()


def tamper(engine: Engine, *statements: str | Executable) -> None:
    """As somebody does who has the file: the triggers are no hindrance to them."""
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_is_not_changed"))
        connection.execute(text("DROP TRIGGER audit_is_not_cut"))
        for statement in statements:
            connection.execute(text(statement) if isinstance(statement, str) else statement)


def found(engine: Engine, anchor: tuple[int, str] | None = None) -> tuple[Broken | None, int]:
    with engine.connect() as connection:
        verdict = check(connection, anchor=anchor)
    return verdict.broken, verdict.at


def test_a_log_that_nobody_touched_is_whole(engine: Engine) -> None:
    with engine.connect() as connection:
        verdict = check(connection)
        assert (verdict.broken, verdict.rows, verdict.last) == (None, 9, 9)
        assert check(connection, newest=4).rows == 4
        assert check(connection, anchor=(9, verdict.digest)).broken is None
        assert [row.number for row in latest(connection, 2, about="home:home-1")] == [8, 5]


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE audit SET who = 'ken' WHERE number = 4", (Broken.CHANGED, 4)),
        ("UPDATE audit SET about = 'home:home-9' WHERE number = 4", (Broken.CHANGED, 4)),
        ("UPDATE audit SET at = at + 1 WHERE number = 4", (Broken.CHANGED, 4)),
        ("UPDATE audit SET detail = '' WHERE number = 1", (Broken.CHANGED, 1)),
        ("UPDATE audit SET digest = 'x' WHERE number = 9", (Broken.CHANGED, 9)),
        ("DELETE FROM audit WHERE number = 1", (Broken.MISSING, 1)),
        ("DELETE FROM audit WHERE number = 4", (Broken.MISSING, 4)),
        ("DELETE FROM audit WHERE number = 9", (Broken.MISSING, 9)),
        ("DELETE FROM audit", (Broken.MISSING, 1)),
    ],
)
def test_a_row_that_was_changed_or_taken_out_is_found(engine: Engine, change: str, broken: tuple[Broken, int]) -> None:
    tamper(engine, change)
    assert found(engine) == broken


def test_rows_that_changed_places_are_found(engine: Engine) -> None:
    swap = ("SET number = -1 WHERE number = 4", "SET number = 4 WHERE number = 5", "SET number = 5 WHERE number = -1")
    tamper(engine, *(f"UPDATE audit {part}" for part in swap))
    assert found(engine) == (Broken.CHANGED, 4)


def test_a_row_that_was_put_in_at_the_end_is_found(engine: Engine) -> None:
    with engine.begin() as connection:
        last = list(rows(connection))[-1]
        digest = digest_of(last.digest, 10, 1, "ken", "looked", "", "")
        connection.execute(
            text("INSERT INTO audit VALUES (10, 1, 'ken', 'looked', '', '', :digest)"), {"digest": digest}
        )
    assert found(engine) == (Broken.CHANGED, 10)


def test_a_chain_that_was_computed_anew_is_found_by_an_anchor_that_was_kept_elsewhere(engine: Engine) -> None:
    with engine.connect() as connection:
        anchor = check(connection).last, check(connection).digest
        old = list(rows(connection))
    before, statements = "", list[Executable]()
    for row in old:
        who = "ken" if row.number == 4 else row.who
        before = digest_of(before, row.number, row.at, who, row.what, row.about, row.detail)
        statements.append(update(audit).where(audit.c.number == row.number).values(who=who, digest=before))
    tamper(engine, *statements, update(audit_head).values(digest=before))
    assert found(engine) == (None, 0), "the control: without the anchor nothing shows"
    assert found(engine, anchor) == (Broken.ANCHOR, 9)
    assert found(engine, (12, "x")) == (Broken.ANCHOR, 12)


def test_the_database_itself_refuses_to_change_or_to_remove_a_row(engine: Engine) -> None:
    for statement in ("UPDATE audit SET who = 'ken'", "DELETE FROM audit WHERE number = 9"):
        with engine.begin() as connection, pytest.raises((OperationalError, IntegrityError), match="append-only"):
            connection.execute(text(statement))
    assert found(engine) == (None, 0)


def test_what_was_taken_back_leaves_no_hole(engine: Engine) -> None:
    with engine.connect() as connection:
        write(connection, entries(1))
        connection.rollback()
    record(engine, *entries(2, 9))
    assert found(engine) == (None, 0)


WRITER = """
    import sys
    from registry.audit import Entry, Event, record
    from registry.database import open_database
    engine = open_database(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(int(sys.argv[2])):
        record(engine, Entry(n, sys.argv[3], Event.LOOKED, "home:home-1"))
"""


def test_processes_that_write_at_once_make_one_chain(engine: Engine) -> None:
    each = 40
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(engine.url), str(each), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name in ("one", "two")
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.communicate("go\n", timeout=60)
        assert writer.returncode == 0
    with engine.connect() as connection:
        assert check(connection).broken is None
        found = [row.who for row in rows(connection)][9:]
    assert sorted(found) == ["one"] * each + ["two"] * each


def test_what_was_exported_can_be_checked_by_itself(engine: Engine) -> None:
    with engine.connect() as connection:
        exported = list(rows(connection))
    assert check_rows(exported).broken is None
    assert check_rows([*exported[:3], *exported[4:]]).broken is Broken.MISSING
    assert check_rows(reversed(exported)).broken is Broken.MISSING
