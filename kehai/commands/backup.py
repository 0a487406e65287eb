"""``kehai backup`` and ``kehai restore``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from domain.clock import SystemClock
from domain.errors import ConfigurationError, KehaiError
from kehai import backup as work
from kehai.settings import Settings, load

_ELSEWHERE = (
    "Registry and book are in another database, which is not in this file: save them with its own tool just before this "
    "command (PostgreSQL: pg_dump --format=custom), never after it."
)


def backup(config: Path, out: Path, force: bool) -> None:
    """Write a backup; it may be called while everything runs."""
    settings = load(config)
    if out.is_dir() or (out.exists() and not force):
        raise ConfigurationError(f"{out} is there already: name another file, or say --force to replace it.")
    if not out.parent.is_dir():
        raise ConfigurationError(f"There is no folder {out.parent}: make it, or name another.")
    book = _book(settings)
    with _progress() as tell:
        made = work.make(
            settings.installation.data, book, out, settings.installation.name, SystemClock().now(), tell
        )  # fmt: skip
    sizes = ", ".join(f"{part.name} {part.bytes / 1e6:.1f} MB" for part in made.parts)
    typer.echo(f"{out}: {sizes}; the journal up to commit {made.through}, checked.", err=True)
    if book is None:
        typer.echo(_ELSEWHERE, err=True)


def restore(file: Path, config: Path, force: bool) -> None:
    """Put a backup in place; refuses while roles run."""
    settings = load(config)
    data, book = settings.installation.data, _book(settings)
    if book is not None and book.parent.resolve() != data.resolve() and not book.parent.is_dir():
        raise KehaiError(f"There is no folder {book.parent} for the database: make it, or mend installation.database.")
    with _progress() as tell:
        made, old = work.restore(file, data, book, force, tell)
    typer.echo(f"{data} is as it was at {made.made_at}; what gateways have kept since then they send again.", err=True)
    if old is not None:
        typer.echo(f"What was there before is in {old}: remove it when nobody needs it any more.", err=True)
    if book is None:
        typer.echo(
            "Restore registry and book with their database's own tool, from the copy made just before.", err=True
        )


def _book(settings: Settings) -> Path | None:
    """The file of registry and book; None when they are not in SQLite."""
    try:
        url = make_url(settings.database_url)
    except ArgumentError as error:
        raise ConfigurationError(f"The database URL cannot be read ({error}): mend installation.database.") from error
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


@contextmanager
def _progress() -> Iterator[work.Tell]:
    """A bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield work.silent
        return
    with Progress(console=console, transient=True) as bar:
        tasks: dict[str, int] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]  # a TaskID is an int

        yield tell
