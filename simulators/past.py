"""A home's own past, as the journal still holds it, made into a recording: to run other rules over what really happened."""

from __future__ import annotations

from domain.clock import Instant
from domain.errors import KehaiError
from domain.ids import GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import Device
from domain.recording import BadLines, RecordedHome, RecordedReading
from domain.watermark import Coverage
from ingest.history import History
from simulators.recording import Recording


def past_of(
    history: History,
    home: HomeId,
    zone: LocalTime,
    devices: dict[str, Device],
    gateways: list[GatewayId],
    start: Instant,
    end: Instant,
) -> Recording:
    """The readings of a home in [start, end) and the times in which not all of its gateways vouched.

    Two things are simpler than they were: the home has one gateway, and its sensors check in whenever it runs, so that one
    that was silent then counts as working. Raises KehaiError where the journal holds no single reading of that time.
    """
    readings = [
        RecordedReading(r.observed_at, r.device, r.quantity, r.value)
        for r in history.readings(home, max(start, history.raw_since()), end)
    ]
    if not readings:
        raise KehaiError(
            f"The journal holds no single readings of {home} from that time: let it run for some days, or ask for more days."
        )
    first, last = readings[0].at, readings[-1].at
    blind = Coverage()
    for gateway in gateways:
        for hole in Coverage(history.coverage(gateway, first, last)).holes(first, last):
            blind.add(*hole)
    return Recording(RecordedHome(home, zone, devices), readings, list(blind), BadLines())
