"""``kehai replay`` and ``kehai backtest``: recordings through the pipeline."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from alerts.desk import Decision
from domain.clock import DAY, SECOND, Instant, monotonic
from domain.errors import ConfigurationError
from domain.findings import Finding
from domain.localtime import LocalTime
from simulators.backtest import Tested, find_recordings
from simulators.backtest import backtest as run_backtest
from simulators.broker import parse_url
from simulators.recording import Recording, read_recording
from simulators.replay import Replay
from simulators.through_broker import through_broker


def replay(
    *, recordings: Sequence[Path], speed: float | None, broker: str | None, page_budget: float, out: Path | None
) -> None:
    """Replay recordings one after the other: alerts on standard output as they come, the summary on standard error."""
    read = [read_recording(folder) for folder in recordings]
    url = parse_url(broker) if broker is not None else None
    logs: list[str] = []
    for recording in read:
        for line in recording.bad.named:
            typer.echo(f"left out: {line}", err=True)
        began = monotonic()
        run = Replay(recording, _parameters(page_budget), _Teller(recording.home.zone).tell)
        pace = _Pace(speed)
        if url is None:
            run.full(pace)
        else:
            asyncio.run(through_broker(run, url, pace))
        logs.append(run.log())
        typer.echo(_summary(recording, run, (monotonic() - began) / SECOND), err=True)
    if out is not None:
        write(out, "".join(logs))


def _parameters(page_budget: float) -> dict[str, dict[str, float]]:
    return {"inactivity": {"page_budget": page_budget}}


class _Pace:
    """Waits so that a replay runs at ``speed`` times real time; without one it never waits."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._begun: tuple[int, Instant] | None = None
        self._never = threading.Event()

    def __call__(self, now: Instant) -> None:
        if self._speed is None:
            return
        if self._begun is None:
            self._begun = (monotonic(), now)
        real, virtual = self._begun
        wait = (now - virtual) / self._speed - (monotonic() - real)
        if wait > 0:
            self._never.wait(wait / SECOND)


class _Teller:
    """Says what the alert desk decided, as it decides it."""

    def __init__(self, local: LocalTime) -> None:
        self._local = local

    def tell(self, made: Sequence[Decision]) -> None:
        """One line for each decision; what opened no alert is told too, with the reason why."""
        for decision in made:
            event = decision.event
            if isinstance(event, Finding):
                level = "unknown" if event.unknown else event.level.value
                said = f"{level:7} {event.kind} ({decision.reason}): {event.text_en}"
                at = event.raised_at
            else:
                said, at = f"over    {event.cause} ({event.reason})", event.ended_at
            typer.echo(f"{self._local.iso(at)[:16].replace('T', ' ')}  {event.home}  {said}")


def _summary(recording: Recording, run: Replay, seconds: float) -> str:
    span = recording.end - recording.start
    raised = Counter(row.finding.kind for row in run.book.findings.values() if row.finding.unknown is None)
    unknown = sum(row.finding.unknown is not None for row in run.book.findings.values())
    parts = [f"{count} {kind}" for kind, count in sorted(raised.items())] or ["nothing"]
    lines = f"; {recording.bad.count} bad lines" if recording.bad.count else ""
    return (
        f"{recording.home.home}: {span / DAY:.0f} days, {len(recording.readings):,} readings{lines}; "
        f"found {', '.join(parts)}, {unknown} times unknown; {seconds:.1f} s, {span / SECOND / seconds:,.0f} x real time"
    )


def backtest(*, recordings: Path, out: Path, page_budget: float, jobs: int | None) -> None:
    """Write one JSON line per finding, by home and deadline."""
    folders = find_recordings(recordings)
    if not out.parent.is_dir():
        raise ConfigurationError(f"There is no folder {out.parent}: make it, or name another file with --out.")
    began = monotonic()
    running = run_backtest(folders, _parameters(page_budget), jobs or os.cpu_count() or 1)
    shown = track(
        running, "backtest", total=len(folders), disable=not sys.stderr.isatty(), transient=True, console=_console()
    )
    done = sorted(shown, key=lambda tested: tested.name)
    for tested in done:
        if tested.refused:
            typer.echo(f"left out: {tested.refused}", err=True)
    used = [tested for tested in done if not tested.refused]
    if not used:
        raise ConfigurationError(f"None of the recordings in {recordings} could be read: see above.")
    write(out, "".join(tested.log for tested in used))
    typer.echo(_backtest_summary(used, out, (monotonic() - began) / SECOND), err=True)


def _backtest_summary(used: Sequence[Tested], out: Path, seconds: float) -> str:
    days = sum(tested.days for tested in used)
    findings = sum(tested.log.count("\n") for tested in used)
    bad = sum(tested.bad_lines for tested in used)
    left_out = f", {bad} bad lines" if bad else ""
    return (
        f"{len(used)} homes, {days:.0f} home-days, {sum(t.readings for t in used):,} readings{left_out}: "
        f"{findings} findings in {out}; {seconds:.1f} s"
    )


def _console() -> Console:
    return Console(stderr=True)


def write(out: Path, text: str) -> None:
    """All of it or nothing: a reader never sees half a file."""
    part = out.with_name(out.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(out)
    except OSError as error:
        raise ConfigurationError(
            f"{out} cannot be written ({error.strerror}): name another file with --out."
        ) from error
