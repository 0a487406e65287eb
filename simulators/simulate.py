"""Simulated homes as recordings: the same seed writes the same bytes."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from domain.clock import DAY, SECOND, Instant
from domain.errors import ConfigurationError, KehaiError
from domain.localtime import LocalTime
from domain.readings import DoorState, Quantity
from domain.recording import ClockFault, DeviceSilence, RecordedHome, RecordedReading
from simulators.home import live
from simulators.incidents import INCIDENTS, Incident, IncidentKind
from simulators.profiles import DEFAULT, Profile, draw_home, profile
from simulators.simulated import Simulated

_DOOR_WORDS = {DoorState.OPEN: "open", DoorState.CLOSED: "closed", DoorState.MOVED: "1"}


_TRIES = 20
"""So many days are tried before a home is held not to lend itself to an incident."""


def first_day_of(year: int, month: int, day: int) -> int:
    """A date as the number of days since 1970-01-01."""
    return (date(year, month, day) - date(1970, 1, 1)).days


def inhabit(
    number: int, first_day: int, days: int, seed: str, zone: str = "Asia/Tokyo", chosen: Profile | None = None
) -> Simulated:
    """Home ``number`` of a neighbourhood, lived in for ``days`` local days from day number ``first_day`` on."""
    home = draw_home(chosen or profile(DEFAULT), f"sim-{number:04d}", zone, f"{seed}/{number}")
    return Simulated(home, live(home, first_day, days))


def simulate(
    homes: int, first_day: int, days: int, seed: int, zone: str = "Asia/Tokyo", chosen: Profile | None = None
) -> Iterator[Simulated]:
    """Let ``homes`` residents live ``days`` local days from day number ``first_day`` (since 1970-01-01) on.

    A month holds about one collapse, and a few homes have a dead sensor or a gateway that fails for some hours.
    """
    local = LocalTime(zone)
    span, begin = local.midnight(first_day + days) - local.midnight(first_day), local.midnight(first_day)
    months = span / (30 * DAY)
    for number in range(1, homes + 1):
        life = inhabit(number, first_day, days, str(seed), zone, chosen)
        rng = random.Random(f"{seed}/{number}/incidents")  # noqa: S311 (a simulation)
        for kind, chance in _USUAL:
            if rng.random() < min(0.95, chance * months):
                when = begin + int(rng.uniform(0.1, 0.9) * span / SECOND) * SECOND
                life = INCIDENTS[kind].happens(life, when, rng) or life
        yield life


_USUAL = ((IncidentKind.COLLAPSE, 1.0), (IncidentKind.SENSOR_DEAD, 0.3), (IncidentKind.GATEWAY_DOWN, 0.5))


def plan(
    kind: IncidentKind, homes: int, seed: int, *, warm: int = 28, after: int | None = None, zone: str | None = None,
    year: int = 2026, chosen: Profile | None = None,
) -> Iterator[Simulated]:  # fmt: skip
    """``homes`` recordings, each with ``warm`` days of ordinary life before one incident of ``kind``.

    The recording goes on for ``after`` days, by default as long as that kind needs. What depends on the season happens in it;
    a change of the clocks in London. Where a home does not lend itself to it on its
    day, a later one is tried; the homes of one fleet outage are hit at one time.
    """
    sort = INCIDENTS[kind]
    zone = zone or ("Europe/London" if kind is IncidentKind.CLOCK_CHANGE else "Asia/Tokyo")
    local = LocalTime(zone)
    together = random.Random(f"{seed}/{kind}")  # noqa: S311 (a simulation)
    common = together.uniform(8, 20)
    for number in range(1, homes + 1):
        rng = random.Random(f"{seed}/{kind}/{number}")  # noqa: S311 (a simulation)
        month = sort.month or (4 if kind is IncidentKind.FLEET_OUTAGE else rng.randint(1, 12))
        day = first_day_of(year, month, sort.day or (10 if kind is IncidentKind.FLEET_OUTAGE else rng.randint(1, 28)))
        days = warm + (sort.after if after is None else after)
        for _ in range(_TRIES):
            hours = common if kind is IncidentKind.FLEET_OUTAGE else rng.uniform(0, 24)
            life = inhabit(number, day - warm, days, f"{seed}/{kind}", zone, chosen)
            happened = sort.happens(life, local.midnight(day) + int(hours * 3600) * SECOND, rng)
            if happened is not None:
                yield happened
                break
            day += 1
        else:
            raise KehaiError(f"Home {number} never lends itself to {kind.value}: take another profile or seed.")


def write(folder: Path, life: Simulated) -> None:
    """Write a simulated home as a recording into ``folder``; raises ConfigurationError."""
    write_recording(folder, life.home.recorded, life.readings, life.incidents, life.outages, life.silences, life.clock)


def write_recording(
    folder: Path,
    home: RecordedHome,
    readings: Sequence[RecordedReading],
    incidents: Sequence[Incident] = (),
    outages: Sequence[tuple[Instant, Instant]] = (),
    silences: Sequence[DeviceSilence] = (),
    clock: Sequence[ClockFault] = (),
) -> None:
    """Write a recording into ``folder``, which must not hold one yet; raises ConfigurationError."""
    if (folder / "home.json").exists():
        raise ConfigurationError(f"{folder} holds a recording already: name another folder.")
    local = home.zone
    names = {device.id: name for name, device in home.devices.items()}
    tables: dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]] = {
        "outages.csv": (("start", "end"), [(local.iso(a), local.iso(b)) for a, b in outages]),
        "silences.csv": (
            ("start", "end", "sensor"), [(local.iso(s.start), local.iso(s.end), names[s.device]) for s in silences]
        ),
        "clock.csv": (
            ("start", "end", "offset_s"), [(local.iso(f.start), local.iso(f.end), f"{f.offset / SECOND:g}") for f in clock]
        ),
    }  # fmt: skip
    truth = [(local.iso(i.start), local.iso(i.end), i.kind.value, i.room or "") for i in incidents]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "home.json").write_text(_home_json(home), encoding="utf-8")
        (folder / "readings.csv").write_text(_readings_csv(home, readings), encoding="utf-8")
        for name, (header, rows) in tables.items():
            if rows:
                (folder / name).write_text(_csv(header, rows), encoding="utf-8")
        (folder / "incidents.csv").write_text(_csv(("start", "end", "kind", "room"), truth), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written ({error.strerror}): name another folder.") from error


def _home_json(home: RecordedHome) -> str:
    sensors: dict[str, dict[str, object]] = {}
    names = {device.id: name for name, device in home.devices.items()}
    for name, device in home.devices.items():
        sensor: dict[str, object] = {"kind": device.kind.value, "room": device.room}
        if device.exit:
            sensor["exit"] = True
        if device.mains:
            sensor["mains"] = True
        if device.check_in is not None:
            sensor["check_in_s"] = device.check_in // SECOND
        if device.room_type is not None:
            sensor["room_type"] = device.room_type.value
        if device.model:
            sensor["model"] = device.model
        if device.id in home.silent_from:
            sensor["silent_from"] = home.zone.iso(home.silent_from[device.id])
        sensors[name] = sensor
    for name, (of, quantity) in home.channels.items():
        sensors[name] = {"kind": quantity.value, "of": names[of]}
    body = {"home": home.home, "timezone": home.zone.name, "sensors": sensors, **home.extra}
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def _readings_csv(home: RecordedHome, readings: Sequence[RecordedReading]) -> str:
    names = {(device.id, device.kind): name for name, device in home.devices.items()}
    names |= {told: name for name, told in home.channels.items()}
    rows = ((_wall(home.zone, r.at), names[r.device, r.quantity], _word(r)) for r in readings)
    return _csv(("time", "sensor", "value"), rows)


def _wall(local: LocalTime, at: Instant) -> str:
    return local.iso(at)


def _word(reading: RecordedReading) -> str:
    if reading.quantity is Quantity.DOOR:
        return _DOOR_WORDS[DoorState(int(reading.value))]
    return f"{reading.value:g}"


def _csv(header: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
