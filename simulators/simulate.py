"""Simulated homes as recordings: the same seed writes the same bytes."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.clock import SECOND, Instant
from domain.errors import ConfigurationError
from domain.localtime import LocalTime
from domain.readings import DoorState, Quantity
from domain.recording import RecordedHome, RecordedReading
from simulators.home import SimulatedHome, build_home, live
from simulators.incidents import Incident, IncidentKind, draw
from simulators.person import draw_person

_DOOR_WORDS = {DoorState.OPEN: "open", DoorState.CLOSED: "closed", DoorState.MOVED: "1"}


@dataclass(frozen=True, slots=True)
class Simulated:
    """One simulated home, lived through."""

    home: SimulatedHome
    readings: list[RecordedReading]
    incidents: list[Incident]


def simulate(homes: int, first_day: int, days: int, seed: int, zone: str = "Asia/Tokyo") -> Iterator[Simulated]:
    """Let ``homes`` residents live ``days`` local days from day number ``first_day`` (since 1970-01-01) on."""
    local = LocalTime(zone)
    start, end = local.midnight(first_day), local.midnight(first_day + days)
    for number in range(1, homes + 1):
        own = f"{seed}/{number}"
        rng = random.Random(own)  # noqa: S311 (a simulation)
        home = build_home(f"sim-{number:04d}", zone, draw_person(rng), own)
        readings, incidents = draw(home.recorded, live(home, first_day, days), start, end, rng)
        yield Simulated(home, readings, incidents)


def write_recording(
    folder: Path,
    home: RecordedHome,
    readings: Sequence[RecordedReading],
    incidents: Sequence[Incident] = (),
) -> None:
    """Write a recording into ``folder``, which must not hold one yet; raises ConfigurationError."""
    if (folder / "home.json").exists():
        raise ConfigurationError(f"{folder} holds a recording already: name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "home.json").write_text(_home_json(home, incidents), encoding="utf-8")
        (folder / "readings.csv").write_text(_readings_csv(home, readings), encoding="utf-8")
        outages = [i for i in incidents if i.kind is IncidentKind.GATEWAY_DOWN]
        if outages:
            rows = [(home.zone.iso(i.start), home.zone.iso(i.end)) for i in outages]
            (folder / "outages.csv").write_text(_csv(("start", "end"), rows), encoding="utf-8")
        rows_of_truth = [(home.zone.iso(i.start), home.zone.iso(i.end), i.kind.value, i.room or "") for i in incidents]
        text = _csv(("start", "end", "kind", "room"), rows_of_truth)
        (folder / "incidents.csv").write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written ({error.strerror}): name another folder.") from error


def _home_json(home: RecordedHome, incidents: Sequence[Incident]) -> str:
    silent = home.silent_from | {
        i.device: i.start for i in incidents if i.device and i.kind is IncidentKind.SENSOR_DEAD
    }
    sensors: dict[str, dict[str, object]] = {}
    for name, device in home.devices.items():
        sensor: dict[str, object] = {"kind": device.kind.value, "room": device.room}
        if device.exit:
            sensor["exit"] = True
        if device.check_in is not None:
            sensor["check_in_s"] = device.check_in // SECOND
        if device.room_type is not None:
            sensor["room_type"] = device.room_type.value
        if device.model:
            sensor["model"] = device.model
        if device.id in silent:
            sensor["silent_from"] = home.zone.iso(silent[device.id])
        sensors[name] = sensor
    body = {"home": home.home, "timezone": home.zone.name, "sensors": sensors, **home.extra}
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def _readings_csv(home: RecordedHome, readings: Sequence[RecordedReading]) -> str:
    names = {device.id: name for name, device in home.devices.items()}
    rows = ((_wall(home.zone, r.at), names[r.device], _word(r)) for r in readings)
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
