"""``kehai rota``: who is on call when, and who stands in."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import typer

from alerts.modes import read_until
from domain.errors import ConfigurationError
from domain.localtime import LocalTime
from kehai.commands.admin import registry_of
from kehai.commands.home import must_be_staff
from registry import rota
from registry.rota import Cover, Shift

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def show(config: Path, name: str | None) -> None:
    """Who is on call, the shifts, the covers."""
    with registry_of(config) as (settings, engine), engine.connect() as connection:
        local, now = LocalTime(settings.installation.zone), settings.make_clock().now()
        for each in rota.names(connection) if name is None else [name]:
            called = ", ".join(rota.on_call(connection, each, now, local)) or "nobody"
            change = rota.next_change(connection, each, now, local)
            typer.echo(f"{each}: {called}" + (f"; others from {local.iso(change)}" if change is not None else ""))
            for shift in rota.all_shifts(connection, each):
                typer.echo(f"  shift {shift.id}\t{shift.position}\t{shift.login}\t{_days(shift)}\t{_hours(shift)}")
            for cover in rota.coming_covers(connection, now):
                if cover.rota == each:
                    whom = f"instead of {cover.instead_of}" if cover.instead_of else "in addition"
                    times = f"{local.iso(cover.since)} to {local.iso(cover.until)}"
                    typer.echo(f"  cover {cover.id}\t{cover.login}\t{whom}\t{times}\tby {cover.by}\t{cover.why}")


def add(config: Path, name: str, login: str, start: str, end: str, days: str, position: int) -> None:
    """Add a weekly shift."""
    begins, minutes = _minute(start), (_minute(end) - _minute(start) - 1) % 1440 + 1
    shift = Shift(name, login, read_days(days), begins, minutes, position)
    with registry_of(config) as (_, engine), engine.begin() as connection:
        number = rota.add_shift(connection, shift)
    typer.echo(f"Shift {number}: {login} on {_days(shift)}, {_hours(shift)}.", err=True)


def remove(config: Path, number: int) -> None:
    """Take a shift away."""
    with registry_of(config) as (_, engine), engine.begin() as connection:
        if not rota.remove_shift(connection, number):
            raise ConfigurationError(f"There is no shift {number}: 'kehai rota show' shows those that are.")


def cover(config: Path, name: str, login: str, start: str, until: str, instead_of: str, by: str, why: str) -> None:
    """Let somebody stand in, once."""
    with registry_of(config) as (settings, engine):
        must_be_staff(engine, by)
        local, now = LocalTime(settings.installation.zone), settings.make_clock().now()
        try:
            since = read_until(start, local, now) if start else now
            wanted = Cover(name, login, since, read_until(until, local, now), by, instead_of or None, why)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        with engine.begin() as connection:
            number = rota.add_cover(connection, wanted)
    typer.echo(f"Cover {number}: {login} until {local.iso(wanted.until)}.", err=True)


def uncover(config: Path, number: int) -> None:
    """End a cover."""
    with registry_of(config) as (settings, engine), engine.begin() as connection:
        if not rota.end_cover(connection, number, settings.make_clock().now()):
            raise ConfigurationError(f"No cover {number} holds or is to come: 'kehai rota show' shows those that do.")


def read_days(text: str) -> frozenset[int]:
    """The days of the week that ``mon-fri,sun`` names, Monday 0; raises ConfigurationError."""
    found: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last and last not in _DAYS):
            raise ConfigurationError(f"{part!r} is no day: write mon, tue, wed, thu, fri, sat or sun, or mon-fri.")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        found.update(day % 7 for day in range(begin, (end if end >= begin else end + 7) + 1))
    return frozenset(found)


def _minute(text: str) -> int:
    try:
        read = time.fromisoformat(text.zfill(5))
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no time of day: write it as 22:00.") from error
    return read.hour * 60 + read.minute


def _days(shift: Shift) -> str:
    return ",".join(_DAYS[day] for day in sorted(shift.weekdays))


def _hours(shift: Shift) -> str:
    end = (shift.begins + shift.minutes) % 1440
    return f"{shift.begins // 60:02d}:{shift.begins % 60:02d}-{end // 60:02d}:{end % 60:02d}"
