"""``kehai dead-letters``: looks into the journal, leaves requests there for ingest, waits for what ingest makes of them."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import typer

from domain.clock import DAY, HOUR, SECOND, Instant, from_datetime, monotonic, to_iso
from domain.errors import ConfigurationError, KehaiError
from domain.localtime import LocalTime
from ingest.letters import DeadLetter, LetterBox, LetterState, Selection, Wish
from kehai.running import is_running
from kehai.settings import Settings, load

_PATIENCE = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Filter:
    """Options as they were typed; empty for one that was not."""

    reason: str
    gateway: str
    since: str
    state: str

    def selection(self, settings: Settings, ids: tuple[int, ...] = ()) -> Selection:
        """What is meant; raises ConfigurationError for a time or a state that is none."""
        if self.state not in {"all", *(state.value for state in LetterState)}:
            raise ConfigurationError(f"There is no state {self.state!r}: use kept, stored, discarded or all.")
        return Selection(
            ids, self.reason or None, self.gateway or None, _since(self.since, settings) if self.since else None,
            None if self.state == "all" else LetterState(self.state),
        )  # fmt: skip


def _since(text: str, settings: Settings) -> Instant:
    ago = re.fullmatch(r"(\d{1,5})([hd])", text)
    if ago is not None:
        return settings.make_clock().now() - int(ago[1]) * (HOUR if ago[2] == "h" else DAY)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=LocalTime(settings.installation.zone).zone)
        return from_datetime(moment)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"{text!r} is no time: write 2026-11-20, 2026-11-20T10:00, 12h or 3d.") from error


@contextmanager
def _box(settings: Settings) -> Iterator[LetterBox]:
    box = LetterBox(settings.journal)
    try:
        yield box
    finally:
        box.close()


def list_letters(config: Path, which: Filter, limit: int, as_json: bool) -> None:
    """Print letters in columns, or as JSON lines."""
    settings = load(config)
    local = LocalTime(settings.installation.zone)
    with _box(settings) as box:
        found = box.select(which.selection(settings), limit)
    if as_json:
        for letter in found:
            typer.echo(json.dumps(_described(letter), ensure_ascii=False))
        return
    rows = [("id", "received", "gateway", "reason", "bytes", "state", "tries", "detail")]
    rows += [
        (str(x.id), local.iso(x.received_at // SECOND * SECOND), x.gateway or "-", x.reason, _size(x), x.state.value,
         str(x.tries), x.detail)
        for x in found
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(7)]
    for row in rows if found else []:
        typer.echo("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[7]]).rstrip())
    if len(found) == limit:
        typer.echo(f"Only the newest {limit} are shown: --limit shows more.", err=True)


def _size(letter: DeadLetter) -> str:
    return f"{letter.kept}" if letter.whole else f"{letter.kept} of {letter.size or 'more'}"


def _described(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id, "received_at": to_iso(letter.received_at), "topic": letter.topic, "gateway": letter.gateway,
        "reason": letter.reason, "detail": letter.detail, "seq": letter.seq, "size": letter.size,
        "whole": letter.whole, "state": letter.state.value, "tries": letter.tries,
        "tried_at": None if letter.tried_at is None else to_iso(letter.tried_at), "outcome": letter.outcome,
    }  # fmt: skip


def show(config: Path, number: int, raw: bool, as_json: bool) -> None:
    """Print one letter; raises ConfigurationError when there is none of that number."""
    settings = load(config)
    with _box(settings) as box:
        found = box.select(Selection((number,)), payloads=True)
    if not found:
        raise ConfigurationError(f"There is no dead letter {number}: 'kehai dead-letters list --state all' shows all.")
    letter = found[0]
    if raw:
        sys.stdout.buffer.write(letter.payload)
        sys.stdout.buffer.flush()
        return
    text = letter.payload.decode("utf-8", "backslashreplace")
    if as_json:
        typer.echo(json.dumps({**_described(letter), "payload": text}, ensure_ascii=False))
        return
    for name, value in _described(letter).items():
        typer.echo(f"{name:12} {'-' if value is None or value == '' else value}")
    if letter.unmendable is not None:
        typer.echo(f"{'note':12} it cannot be tried again: {letter.unmendable}")
    typer.echo(f"\n{text}")


def ask(config: Path, wanted: str, ids: list[int], every: bool, which: Filter) -> None:
    """Leave a request for each letter and print what became of it; raises KehaiError unless all of them were dealt with."""
    if bool(ids) == every:
        raise ConfigurationError(
            "Name letters by their ids, or say --all (with --reason, --gateway, --since if need be)."
        )
    settings, wish = load(config), Wish(wanted)
    with _box(settings) as box:
        asked = box.ask(which.selection(settings, tuple(ids)), wish, settings.make_clock().now())
        for number in sorted(set(ids) - set(asked)):
            typer.echo(f"{number}: there is no such letter, or it was dealt with before.", err=True)
        if not asked:
            if ids:
                raise KehaiError("Nothing was asked: 'kehai dead-letters list' shows the letters that are kept.")
            typer.echo("There is no such letter.", err=True)
            return
        left = _wait(box, asked, settings)
        failed = _tell(box, asked, left)
    if left:
        why = "it does not answer" if is_running(settings.installation.data, "ingest") else "it is not running"
        raise KehaiError(
            f"{left} of {len(asked)} requests wait for ingest ({why}): they are taken up as soon as it does."
        )
    if failed and wish is Wish.RETRY:
        raise KehaiError(f"{failed} of {len(asked)} were refused again: mend the cause, then try again.")


def _wait(box: LetterBox, asked: list[int], settings: Settings) -> int:
    """How many requests are still open when all are dealt with, ingest is gone, or patience is at its end."""
    deadline, pause, shown = monotonic() + _PATIENCE, threading.Event(), sys.stderr.isatty()
    while (left := box.still_asked(asked)) and monotonic() < deadline:
        if not is_running(settings.installation.data, "ingest"):
            break
        if shown:
            sys.stderr.write(f"\r{len(asked) - left} of {len(asked)} ")
            sys.stderr.flush()
        pause.wait(0.1)
    if shown:
        sys.stderr.write("\r")
    return left


def _tell(box: LetterBox, asked: list[int], left: int) -> int:
    """Print one line a letter; how many of those that were dealt with are still kept."""
    failed = 0
    for letter in reversed(box.select(Selection(tuple(asked)))):
        if left and box.still_asked([letter.id]):
            continue
        kept = letter.state is LetterState.KEPT
        failed += kept
        typer.echo(f"{letter.id}: {letter.outcome}" + (f" ({letter.detail})" if kept and letter.detail else ""))
    return failed
