"""The recording format: a stored run of one home, as text; opening the files is the caller's business.

A recording is a folder with ``home.json``, ``readings.csv`` (or ``.csv.gz``) and, optionally, ``outages.csv``,
``silences.csv``, ``clock.csv`` and ``incidents.csv``. A bad line is counted and named and the rest goes on; a recording
without a valid ``home.json`` is refused.

A sensor of ``home.json`` with ``"of": "kitchen"`` is no device of its own: it is one more quantity that the device of the
sensor ``kitchen`` tells, as its battery or the humidity beside a temperature.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from domain.clock import SECOND, Instant, Span, from_datetime
from domain.ids import DeviceId, HomeId, make_id
from domain.localtime import LocalTime, UnknownZoneError
from domain.readings import Device, DoorState, Quantity, RoomType

READINGS_HEADER = ("time", "sensor", "value")
_KINDS = {kind.value: kind for kind in Quantity}
_ON = {"1": 1.0, "on": 1.0, "true": 1.0, "1.0": 1.0, "0": 0.0, "off": 0.0, "false": 0.0, "0.0": 0.0}
_DOOR = {
    "open": DoorState.OPEN, "closed": DoorState.CLOSED, "1": DoorState.MOVED, "moved": DoorState.MOVED,
    "on": DoorState.OPEN, "off": DoorState.CLOSED, "0": DoorState.CLOSED,
}  # fmt: skip


class RecordingError(ValueError):
    """A recording that cannot be read at all; ``str`` is one sentence that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class RecordedHome:
    """What ``home.json`` says."""

    home: HomeId
    zone: LocalTime
    devices: dict[str, Device]
    """Sensor name as it stands in ``readings.csv`` -> device (its id is that name made safe)."""
    silent_from: dict[DeviceId, Instant] = field(default_factory=dict)
    """Devices that stop saying anything, and when: a simulation's truth."""
    channels: dict[str, tuple[DeviceId, Quantity]] = field(default_factory=dict)
    """Sensor name -> what it tells beside the main quantity of which device: a battery, a humidity."""
    extra: dict[str, object] = field(default_factory=dict)
    """Keys that this version does not know, kept."""


class RecordedReading(NamedTuple):
    """One line of ``readings.csv``; a named tuple, because a simulated year makes a quarter of a million of them."""

    at: Instant
    device: DeviceId
    quantity: Quantity
    value: float


class DeviceSilence(NamedTuple):
    """For a while a device said nothing at all, not even that it is there: dead, out of reach, without a battery."""

    device: DeviceId
    start: Instant
    end: Instant


class ClockFault(NamedTuple):
    """For a while the gateway's clock was wrong and held to be right."""

    start: Instant
    end: Instant
    offset: Span
    """What it showed too much; negative where it was slow."""


@dataclass(slots=True)
class BadLines:
    """Lines that could not be read: all are counted, the first ``keep`` are named."""

    count: int = 0
    named: list[str] = field(default_factory=list)
    keep: int = 20

    def add(self, file: str, line: int, reason: str) -> None:
        """Count one bad line."""
        self.count += 1
        if len(self.named) < self.keep:
            self.named.append(f"{file}, line {line}: {reason}")


def parse_home(text: str, where: str) -> RecordedHome:
    """Read ``home.json``; ``where`` names it in the message of the RecordingError that a bad one raises."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise RecordingError(f"{where} is not valid JSON ({error}): mend it, or point at another recording.") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("home"), str) or not raw["home"]:
        raise RecordingError(f'{where} has no "home": add the id of the home.')
    if not isinstance(raw.get("timezone"), str):
        raise RecordingError(f'{where} has no "timezone": add an IANA name such as "Asia/Tokyo".')
    sensors = raw.get("sensors")
    if not isinstance(sensors, dict) or not sensors:
        raise RecordingError(f'{where} has no "sensors": add one entry for each sensor in readings.csv.')
    try:
        zone = LocalTime(raw["timezone"])
    except UnknownZoneError as error:
        raise RecordingError(f"{where}: {error}") from error
    further = {name: body for name, body in sensors.items() if isinstance(body, dict) and "of" in body}
    devices = {name: _device(name, body, where) for name, body in sensors.items() if name not in further}
    channels = {name: _channel(name, body, devices, where) for name, body in further.items()}
    if len({device.id for device in devices.values()}) < len(devices):
        raise RecordingError(f"{where}: two sensors have names that differ only in punctuation: rename one.")
    silent_from = {
        device.id: parse_time(sensors[name]["silent_from"], zone)
        for name, device in devices.items()
        if isinstance(sensors[name].get("silent_from"), str)
    }
    extra = {key: value for key, value in raw.items() if key not in {"home", "timezone", "sensors"}}
    return RecordedHome(HomeId(make_id(raw["home"])), zone, devices, silent_from, channels, extra)


def _channel(name: str, body: dict[str, object], devices: dict[str, Device], where: str) -> tuple[DeviceId, Quantity]:
    kind, of = _KINDS.get(str(body.get("kind"))), devices.get(str(body["of"]))
    if kind is None or of is None or kind is of.kind:
        raise RecordingError(
            f"{where}: sensor {name!r} is further word of {body['of']!r}, which needs to be a sensor of another kind."
        )
    return of.id, kind


def _device(name: str, body: object, where: str) -> Device:
    if not isinstance(body, dict) or body.get("kind") not in _KINDS:
        known = ", ".join(sorted(_KINDS))
        raise RecordingError(f"{where}: sensor {name!r} needs a kind out of {known}.")
    room, check_in = body.get("room"), body.get("check_in_s")
    return Device(
        id=DeviceId(make_id(name)),
        kind=_KINDS[body["kind"]],
        room=str(room) if room is not None else None,
        exit=bool(body.get("exit", False)),
        check_in=int(float(check_in) * SECOND) if isinstance(check_in, int | float) else None,
        mains=bool(body.get("mains", False)),
        room_type=RoomType.of(body.get("room_type")),
        model=str(body.get("model") or ""),
    )


def parse_time(text: str, zone: LocalTime) -> Instant:
    """ISO 8601; wall time of ``zone`` when it has no offset (the first of two in a repeated hour). Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return zone.at(moment.date(), moment.time()) if moment.tzinfo is None else from_datetime(moment)


def parse_value(kind: Quantity, text: str) -> float:
    """The number that a value in ``readings.csv`` stands for, by the sensor's kind. Raises ValueError."""
    word = text.strip().lower()
    if kind is Quantity.DOOR:
        if word not in _DOOR:
            raise ValueError(f"{text!r} is no door value: use open, closed or 1")
        return float(_DOOR[word])
    if word in _ON:
        return _ON[word]
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


class _WallTimes:
    """Turns wall times that come in order into instants that come in order.

    In the hour that an autumn change repeats, a time that seems to step back belongs to the second pass.
    """

    def __init__(self, zone: LocalTime) -> None:
        self._zone = zone
        self._last = -(2**62)
        self._day: tuple[str, Instant, bool] = ("", 0, False)

    def instant(self, text: str) -> Instant:
        if len(text) == 19 and text[10] in "T ":
            at = self._plain(text)
        else:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return from_datetime(moment)
            at = self._zone.at(moment.date(), moment.time())
        if at < self._last:
            moment = datetime.fromisoformat(text)
            again = from_datetime(moment.replace(tzinfo=self._zone.zone, fold=1))
            if again != at and again >= self._last - 1:
                at = again
        self._last = max(self._last, at)
        return at

    def _plain(self, text: str) -> Instant:
        """The common form without an offset, fast: one zone look-up a day, except on days with a change."""
        day = text[:10]
        if day != self._day[0]:
            first = datetime.fromisoformat(day)
            start = self._zone.at(first.date(), first.time())
            steady = self._zone.offset(start) == self._zone.offset(start + 26 * 3600 * SECOND)
            self._day = (day, start, steady)
        if self._day[2]:
            hours, minutes, seconds = int(text[11:13]), int(text[14:16]), int(text[17:19])
            if text[13] == ":" == text[16] and hours < 24 and minutes < 60 and seconds < 60:
                return self._day[1] + ((hours * 60 + minutes) * 60 + seconds) * SECOND
        moment = datetime.fromisoformat(text)
        return self._zone.at(moment.date(), moment.time())


def parse_readings(lines: Iterable[str], home: RecordedHome, bad: BadLines, file: str) -> Iterator[RecordedReading]:
    """The readings of ``lines`` (the header first), in their order; bad lines go to ``bad`` and the rest goes on.

    A line that lies before its predecessor in time is bad too: the format is sorted.
    """
    rows = csv.reader(lines)
    header = next(rows, None)
    if header is None or tuple(h.strip().lstrip("\ufeff") for h in header[:3]) != READINGS_HEADER:
        raise RecordingError(f"{file} does not begin with the header time,sensor,value: add it.")
    times, last = _WallTimes(home.zone), None
    columns = {name: (device.id, device.kind) for name, device in home.devices.items()} | home.channels
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            bad.add(file, rows.line_num, str(error))
            continue
        if row is None:
            return
        if not row:
            continue
        try:
            text, sensor, value = row[0], row[1], row[2]
            device, quantity = columns[sensor]
            at = times.instant(text)
            reading = RecordedReading(at, device, quantity, parse_value(quantity, value))
        except KeyError:
            bad.add(file, rows.line_num, f"sensor {row[1]!r} is not in home.json")
            continue
        except IndexError:
            bad.add(file, rows.line_num, "fewer than three fields")
            continue
        except (ValueError, OverflowError) as error:
            bad.add(file, rows.line_num, str(error))
            continue
        if last is not None and at < last:
            bad.add(file, rows.line_num, "earlier than the line before it")
            continue
        last = at
        yield reading


def parse_outages(lines: Iterable[str], home: RecordedHome, bad: BadLines, file: str) -> list[tuple[Instant, Instant]]:
    """The (start, end) of ``outages.csv``, ascending."""
    return sorted((start, end) for start, end, _ in _spells(lines, home, bad, file, ()))


def parse_silences(lines: Iterable[str], home: RecordedHome, bad: BadLines, file: str) -> list[DeviceSilence]:
    """The (start, end, sensor) of ``silences.csv``, ascending."""
    found = []
    for start, end, (number, row) in _spells(lines, home, bad, file, ("sensor",)):
        if row["sensor"] in home.devices:
            found.append(DeviceSilence(home.devices[row["sensor"]].id, start, end))
        else:
            bad.add(file, number, f"sensor {row['sensor']!r} is not in home.json")
    return sorted(found, key=lambda one: (one.start, one.device))


def parse_clock(lines: Iterable[str], home: RecordedHome, bad: BadLines, file: str) -> list[ClockFault]:
    """The (start, end, offset_s) of ``clock.csv``, ascending."""
    found = []
    for start, end, (number, row) in _spells(lines, home, bad, file, ("offset_s",)):
        try:
            found.append(ClockFault(start, end, round(float(row["offset_s"]) * SECOND)))
        except (ValueError, OverflowError) as error:
            bad.add(file, number, str(error))
    return sorted(found)


def _spells(
    lines: Iterable[str], home: RecordedHome, bad: BadLines, file: str, more: Sequence[str]
) -> Iterator[tuple[Instant, Instant, tuple[int, dict[str, str]]]]:
    """Each good line's start and end, with its number and fields; ``more`` are fields that it must have too."""
    for number, row in enumerate(csv.DictReader(lines), start=2):
        try:
            start, end = parse_time(row["start"], home.zone), parse_time(row["end"], home.zone)
            if end < start:
                raise ValueError("the end lies before the start")
            if any(not row[name] for name in more):
                raise KeyError(more[0])
        except (KeyError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, ValueError) else ""
            bad.add(file, number, reason or f"{', '.join(('start', 'end', *more))} are needed")
            continue
        yield start, end, (number, row)
