"""Backup and restore: one instant of both databases, checked, never half in place."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
import threading
from pathlib import Path

import pytest

from alerts.book import WatchedHome
from alerts.sqlbook import SqlBook
from domain.clock import SECOND
from domain.errors import KehaiError
from domain.ids import HomeId
from domain.readings import Mark
from ingest.intake import Intake
from ingest.journal import Journal
from kehai import backup
from kehai.running import RESTORING, running
from registry.database import migrate, open_database
from tests.ingest.gateways import READINGS, T, directory, motions


class Place:
    """A data folder with a journal and a book that has read all of it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder
        self.engine = open_database(f"sqlite:///{folder / backup.BOOK}")
        migrate(self.engine)
        self.book = SqlBook(self.engine)
        self.journal = Journal(folder / backup.JOURNAL)
        self.intake: Intake[str] = Intake(self.journal, directory())
        self.seq = 0

    def store(self) -> None:
        """One more reading, read by the watch at once."""
        self.seq += 1
        at = T + self.seq * SECOND
        self.intake.take(READINGS, motions(self.seq, at), at, "m")
        self.intake.commit(at, Mark(at))
        last = self.journal.last()
        assert last is not None
        with self.book.transaction() as page:
            page.save(WatchedHome(HomeId("h1"), last[0], b"", b""))
            page.save_cursor(last[0])

    def close(self) -> None:
        self.journal.close()
        self.engine.dispose()


def make(place: Place, out: Path, tell: backup.Tell = backup.silent) -> backup.Manifest:
    return backup.make(place.data, place.data / backup.BOOK, out, "a place", T, tell)


def restore(file: Path, data: Path, force: bool = False) -> Path | None:
    return backup.restore(file, data, data / backup.BOOK, force, backup.silent)[1]


def cursor_and_last(data: Path) -> tuple[int, int]:
    with sqlite3.connect(data / backup.BOOK) as book, sqlite3.connect(data / backup.JOURNAL) as journal:
        read = book.execute("SELECT max(offset) FROM cursors").fetchone()[0]
        last = journal.execute("SELECT max(offset) FROM log").fetchone()[0]
    book.close()
    journal.close()
    return read, last


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "data").mkdir()
    made = Place(tmp_path / "data")
    for _ in range(30):
        made.store()
    return made


@pytest.fixture
def saved(place: Place, tmp_path: Path) -> Path:
    make(place, tmp_path / "backup.tar")
    place.close()
    return tmp_path / "backup.tar"


def test_a_backup_made_while_readings_come_in_is_one_instant_and_its_book_is_never_ahead(
    place: Place, tmp_path: Path
) -> None:
    enough = threading.Event()

    def keep_storing() -> None:
        while not enough.is_set():
            place.store()

    def restored(number: int) -> tuple[int, int]:
        file = tmp_path / f"{number}.tar"
        make(place, file)
        assert file.stat().st_mode & 0o777 == 0o600
        restore(file, tmp_path / f"restored-{number}")
        return cursor_and_last(tmp_path / f"restored-{number}")

    writer = threading.Thread(target=keep_storing)
    writer.start()
    try:
        pairs = [restored(number) for number in range(5)]
    finally:
        enough.set()
        writer.join()
    assert all(30 <= read <= last for read, last in pairs)
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")], "nothing half is left"
    place.close()


def test_the_other_order_is_seen_to_give_a_book_that_is_ahead(place: Place) -> None:
    with backup._pinned(place.data / backup.JOURNAL) as journal:
        place.store()
        with backup._pinned(place.data / backup.BOOK) as book:
            read = book.execute("SELECT max(offset) FROM cursors").fetchone()[0]
            assert read > journal.execute("SELECT max(offset) FROM log").fetchone()[0]
    place.close()


def test_what_is_restored_is_what_was_there_and_the_old_is_kept_aside(
    saved: Path, place: Place, tmp_path: Path
) -> None:
    before = Journal(place.data / backup.JOURNAL)
    keys = before.stored_keys()
    before.close()
    with pytest.raises(KehaiError, match="--force"):
        restore(saved, place.data)
    old = restore(saved, place.data, force=True)
    assert old is not None
    assert {file.name for file in old.iterdir()} >= {backup.BOOK, backup.JOURNAL}
    after = Journal(place.data / backup.JOURNAL)
    assert after.stored_keys() == keys
    after.close()
    assert not (place.data / RESTORING).exists()


def test_nothing_is_restored_under_a_role_that_runs_and_no_role_starts_on_a_half_restored_folder(
    saved: Path, tmp_path: Path
) -> None:
    data = tmp_path / "other"
    with running(data, "watch"), pytest.raises(KehaiError, match="watch run on"):
        restore(saved, data)
    assert not (data / backup.JOURNAL).exists()
    (data / RESTORING).mkdir()
    with pytest.raises(KehaiError, match="cut short"), running(data, "ingest"):
        pass
    restore(saved, data)
    with running(data, "ingest"):
        assert (data / backup.JOURNAL).exists()


def rewritten(file: Path, out: Path, name: str, change: bytes) -> Path:
    """A copy of a backup in which one member's content is another of the same length."""
    with tarfile.open(file) as old, tarfile.open(out, "w") as new:
        for entry in old:
            content = old.extractfile(entry)
            assert content is not None
            body = content.read()
            if entry.name == name:
                body = body[: len(body) // 2] + change + body[len(body) // 2 + len(change) :]
            new.addfile(entry, io.BytesIO(body))
    return out


@pytest.mark.parametrize("name", [backup.BOOK, backup.JOURNAL, "manifest.json"])
def test_a_flipped_byte_anywhere_is_found_and_nothing_is_touched(saved: Path, tmp_path: Path, name: str) -> None:
    data = tmp_path / "other"
    with pytest.raises(KehaiError, match="damaged"):
        restore(rewritten(saved, tmp_path / "bad.tar", name, b"\xff\xfe\xff"), data)
    assert not [file for file in data.iterdir() if file.suffix != ".lock"]


def test_a_backup_that_is_cut_or_no_backup_at_all_is_refused_in_a_sentence(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.tar").write_text("hello")
    for name in ("cut.tar", "text.tar", "missing.tar"):
        with pytest.raises(KehaiError, match=r"\.$"):
            restore(tmp_path / name, tmp_path / "other")


def test_a_backup_of_a_newer_version_is_refused(saved: Path, tmp_path: Path) -> None:
    with tarfile.open(saved) as archive:
        (tmp_path / "parts").mkdir()
        for part in archive:
            body = archive.extractfile(part)
            assert body is not None
            (tmp_path / "parts" / part.name).write_bytes(body.read())
    newer = sqlite3.connect(tmp_path / "parts" / backup.JOURNAL)
    newer.execute("PRAGMA user_version = 999")
    newer.close()
    manifest = json.loads((tmp_path / "parts" / "manifest.json").read_text())
    for part in manifest["parts"]:
        part["sha256"] = backup._digest(tmp_path / "parts" / part["name"])
    (tmp_path / "parts" / "manifest.json").write_text(json.dumps(manifest))
    with tarfile.open(tmp_path / "newer.tar", "w") as archive:
        for name in ("manifest.json", *(part["name"] for part in manifest["parts"])):
            archive.add(tmp_path / "parts" / name, name)
    with pytest.raises(KehaiError, match="newer Kehai"):
        restore(tmp_path / "newer.tar", tmp_path / "other")


def test_a_journal_that_is_restored_alone_goes_on_above_what_the_book_has_seen(saved: Path, place: Place) -> None:
    behind = Journal(place.data / backup.JOURNAL)
    behind.go_on_above(500)
    intake: Intake[str] = Intake(behind, directory())
    first = intake.commit(T, Mark(T)).arrival
    second = intake.commit(T, Mark(T)).arrival
    assert first is not None
    assert second is not None
    assert (first.offset, second.offset) == (501, 502)
    behind.close()
