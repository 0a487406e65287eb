"""Backup and restore of an installation's data: the journal, and the registry and book where they are in SQLite too.

A backup is one tar file: ``manifest.json`` first, then the databases, each as it was at one instant while everything ran. The
book's instant comes before the journal's, so a restored book never speaks of a commit that the restored journal lacks.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from domain.clock import SECOND, Instant, to_iso
from domain.errors import KehaiError
from ingest.schema import SCRIPTS, version_of
from kehai import __version__
from kehai.running import RESTORING, nobody_running
from registry.database import MIGRATIONS

FORMAT = 1
BOOK, JOURNAL = "kehai.db", "journal.db"
_MANIFEST = "manifest.json"
_PAGES = 2_048
"""Pages copied in one step: 8 MB."""
_BLOCK = 1 << 20
Tell = Callable[[str, int, int], None]
"""(what is being done, done so far, of so many): progress."""


class Part(msgspec.Struct, frozen=True):
    """One database in a backup."""

    name: str
    bytes: int
    sha256: str
    version: str
    """The journal's number of scripts, the book's migration."""


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself."""

    format: int
    kehai: str
    installation: str
    made_at: str
    through: int
    """The last offset of the journal in it."""
    parts: list[Part]


def make(data: Path, book: Path | None, out: Path, installation: str, now: Instant, tell: Tell) -> Manifest:
    """Write a backup of the journal in ``data`` and of ``book`` (None: it is in another database) to ``out``.

    Roles may run. ``out`` appears only when it is whole and checked, readable by this user alone. Raises KehaiError.
    """
    # The order counts: the book is pinned first.
    sources = ({BOOK: book} if book is not None else {}) | {JOURNAL: data / JOURNAL}
    for file in sources.values():
        if not file.exists():
            raise KehaiError(f"There is no {file} to back up: start the installation once, or mend installation.data.")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder, ExitStack() as pinned:
            _make_room(out.parent, list(sources.values()))
            reading = {name: pinned.enter_context(_pinned(file)) for name, file in sources.items()}
            last = reading[JOURNAL].execute("SELECT max(offset) FROM log").fetchone()[0] or 0
            parts = [_copy(name, connection, Path(folder) / name, tell) for name, connection in reading.items()]
            manifest = Manifest(FORMAT, __version__, installation, to_iso(now), last, parts)
            _pack(Path(folder), manifest, Path(folder) / "whole", now, tell)
            (Path(folder) / "whole").replace(out)
            _sync(out.parent)
    except (OSError, sqlite3.Error) as error:
        raise KehaiError(f"The backup {out} cannot be written ({error}): make room, or mend what it names.") from error
    return manifest


def _make_room(folder: Path, files: list[Path]) -> None:
    needed = 2 * sum(side.stat().st_size for file in files for side in file.parent.glob(f"{file.name}*"))
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise KehaiError(
            f"{folder} has {free >> 20} MB free and the backup needs {needed >> 20} MB while it is made: make room there."
        )


@contextmanager
def _pinned(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection inside a read transaction: it sees the file as it is now, however long it reads."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None, timeout=15)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection


def _copy(name: str, source: sqlite3.Connection, target: Path, tell: Tell) -> Part:
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:

        def progress(_status: int, remaining: int, total: int) -> None:
            tell(f"copying {name}", total - remaining, total)

        source.backup(copy, pages=_PAGES, progress=progress)
        source.execute("ROLLBACK")  # the writer's file may shrink again while the copy is checked
        copy.execute("PRAGMA journal_mode = DELETE")
        version = _check(name, copy, tell)
    return Part(name, target.stat().st_size, _digest(target), version)


def _check(name: str, connection: sqlite3.Connection, tell: Tell) -> str:
    """The version of a database that is sound; raises KehaiError."""
    tell(f"checking {name}", 0, 1)
    answer = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if answer != "ok":
        raise KehaiError(f"{name} is damaged ({answer}): run 'kehai doctor', and restore the last good backup.")
    tell(f"checking {name}", 1, 1)
    if name == JOURNAL:
        return str(version_of(connection))
    return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _pack(folder: Path, manifest: Manifest, out: Path, now: Instant, tell: Tell) -> None:
    descriptor = os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w") as archive:
        text = msgspec.json.encode(manifest)
        entry = tarfile.TarInfo(_MANIFEST)
        entry.size, entry.mode, entry.mtime = len(text), 0o600, now // SECOND
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(text)
            file.seek(0)
            archive.addfile(entry, file)
        for number, part in enumerate(manifest.parts):
            tell("packing", number, len(manifest.parts))
            entry = tarfile.TarInfo(part.name)
            entry.size, entry.mode, entry.mtime = part.bytes, 0o600, now // SECOND
            with (folder / part.name).open("rb") as file:
                archive.addfile(entry, file)
            (folder / part.name).unlink()
        archive.close()
        raw.flush()
        os.fsync(raw.fileno())


# ---- restore ---------------------------------------------------------------------------------------------------------


def restore(backup: Path, data: Path, book: Path | None, force: bool, tell: Tell) -> tuple[Manifest, Path | None]:
    """Put a backup's databases in the place of those in ``data``; the manifest, and the folder that keeps the old ones.

    Nothing is touched before all of the backup is unpacked and checked. Raises KehaiError when roles run, when there is
    something to overwrite and no ``force``, and for a backup that is damaged, newer than this version, or of another shape.
    """
    places = {JOURNAL: data / JOURNAL} | ({BOOK: book} if book is not None else {})
    with nobody_running(data):
        there = [file for file in places.values() if file.exists()]
        if there and not force:
            raise KehaiError(
                f"{there[0]} is there already: say --force to put the backup in its place (the old is kept)."
            )
        staged = data / f".{RESTORING}"
        shutil.rmtree(staged, ignore_errors=True)
        try:
            staged.mkdir(mode=0o700)
            manifest = _unpack(backup, staged, set(places), tell)
            for part in manifest.parts:
                _like(data, staged / part.name)
            old = _swap(staged, data, places)
        except OSError as error:
            raise KehaiError(f"{data} cannot be written ({error}): make room, or mend its rights.") from error
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return manifest, old


def _unpack(backup: Path, folder: Path, wanted: set[str], tell: Tell) -> Manifest:
    """Every part of a backup, checked, in ``folder``."""
    try:
        with tarfile.open(backup, mode="r:") as archive:
            manifest = _manifest(backup, archive)
            names = {part.name for part in manifest.parts}
            if names != wanted:
                lacks, more = wanted - names, names - wanted
                raise KehaiError(
                    f"{backup} {'lacks' if lacks else 'also holds'} {', '.join(sorted(lacks or more))}: "
                    "restore it with the installation.database that it was made with."
                )
            for part in manifest.parts:
                entry = archive.next()
                file = None if entry is None or entry.name != part.name else archive.extractfile(entry)
                if file is None:
                    raise KehaiError(f"{backup} is damaged (it lacks {part.name}): take another backup.")
                _write(file, folder / part.name, part, backup, tell)
    except (tarfile.TarError, EOFError) as error:
        raise KehaiError(f"{backup} is no whole backup ({error}): take another.") from error
    except FileNotFoundError as error:
        raise KehaiError(f"There is no file {error.filename}: mend the path.") from error
    for part in manifest.parts:
        _try_version(folder / part.name, part, tell)
    return manifest


def _manifest(backup: Path, archive: tarfile.TarFile) -> Manifest:
    entry = archive.next()
    file = None if entry is None or entry.name != _MANIFEST or entry.size > _BLOCK else archive.extractfile(entry)
    if file is None:
        raise KehaiError(f"{backup} is no backup of Kehai: it does not begin with {_MANIFEST}.")
    text = file.read()
    try:
        found = json.loads(text)["format"]
        if found != FORMAT:
            raise KehaiError(
                f"{backup} has format {found}, this version reads {FORMAT}: restore it with a newer Kehai."
            )
        return msgspec.json.decode(text, type=Manifest)
    except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise KehaiError(f"{backup} is damaged ({_MANIFEST} cannot be read): take another backup.") from error


def _write(file: IO[bytes], target: Path, part: Part, backup: Path, tell: Tell) -> None:
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while block := file.read(_BLOCK):
            out.write(block)
            digest.update(block)
            size += len(block)
            tell(f"unpacking {part.name}", size, part.bytes)
        out.flush()
        os.fsync(out.fileno())
    if (size, digest.hexdigest()) != (part.bytes, part.sha256):
        raise KehaiError(f"{backup} is damaged (the checksum of {part.name} is another): take another backup.")


def _try_version(file: Path, part: Part, tell: Tell) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        try:
            version = _check(part.name, connection, tell)
        except sqlite3.Error as error:
            raise KehaiError(f"{part.name} in the backup is no database ({error}): take another backup.") from error
    known = int(version) <= len(SCRIPTS) if part.name == JOURNAL else _is_migration(version)
    if not known:
        raise KehaiError(f"The backup's {part.name} was made by a newer Kehai: install that version, then restore.")


def _is_migration(revision: str) -> bool:
    try:
        return ScriptDirectory(str(MIGRATIONS)).get_revision(revision) is not None
    except CommandError:
        return False


def _swap(staged: Path, data: Path, places: dict[str, Path]) -> Path | None:
    """Old files out, new files in; while the folder ``restoring`` is there no role starts."""
    marker = data / RESTORING
    shutil.rmtree(marker, ignore_errors=True)
    staged.rename(marker)
    _sync(data)
    number, old = 1, None
    for file in places.values():
        for side in [file, *(file.with_name(file.name + suffix) for suffix in ("-wal", "-shm"))]:
            if not side.exists():
                continue
            while old is None:
                candidate, number = data / f"before-restore-{number}", number + 1
                if not candidate.exists():
                    candidate.mkdir(mode=0o700)
                    old = candidate
            shutil.move(side, old / side.name)
    for name, file in places.items():
        shutil.move(marker / name, file)  # the database may live on another disk
        _sync(file.parent)
    marker.rmdir()
    _sync(data)
    return old


def _like(data: Path, file: Path) -> None:
    """Give a file to whoever owns the data folder: root restores, kehai runs."""
    owner = data.stat()
    if os.geteuid() == 0:
        os.chown(file, owner.st_uid, owner.st_gid)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def silent(*_: Any) -> None:
    """Progress that nobody watches."""
