"""Days of one home for detectors: who lives in it, what its gateway said, and how the messages came."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span, from_iso
from domain.findings import Finding, FindingEvent
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Hello, Item, Quantity, Reading, Vouch

HOME, GATEWAY, ZONE = HomeId("h1"), GatewayId("g1"), "Asia/Tokyo"
LIVING = Device(DeviceId("living"), Quantity.MOTION, "living", check_in=50 * MINUTE)
KITCHEN = Device(DeviceId("kitchen"), Quantity.MOTION, "kitchen", check_in=50 * MINUTE)
DOOR = Device(DeviceId("front"), Quantity.DOOR, "entrance", exit=True, check_in=50 * MINUTE)
BATH = Device(DeviceId("bath"), Quantity.MOTION, "bath", check_in=50 * MINUTE)
AIR = Device(DeviceId("air"), Quantity.TEMPERATURE, "living", check_in=20 * MINUTE)
DEVICES = (LIVING, KITCHEN, BATH, DOOR, AIR)
T0 = from_iso("2026-03-02T00:00:00+09:00")


def hello(devices: Iterable[Device] = DEVICES, at: Instant = T0) -> Hello:
    return Hello(HOME, GATEWAY, ZONE, tuple(devices), at)


class Script:
    """Collects readings and says them, with vouches, in steps."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def add(self, device: Device, at: Instant, value: float = 1.0, quantity: Quantity | None = None) -> None:
        seq = len(self.readings) + 1
        self.readings.append(Reading(HOME, device.id, quantity or device.kind, value, at, at, GATEWAY, "e", seq))

    def live(self, days: int, seed: int = 1, start: Instant = T0, until: Instant | None = None) -> None:
        """Ordinary days: up from 7 to 22 with a movement every few minutes, check-ins all the time."""
        rng = random.Random(seed)
        until = start + days * DAY if until is None else until
        for day in range(days):
            at = start + day * DAY + 7 * HOUR
            while at < min(until, start + day * DAY + 22 * HOUR):
                self.add(rng.choice((LIVING, KITCHEN)), at)
                at += int(rng.uniform(1, 25) * 60) * SECOND
        self.check_in(start, until)

    def check_in(self, start: Instant, until: Instant, devices: Sequence[Device] = DEVICES) -> None:
        for device in devices:
            for at in range(start, until, (device.check_in or HOUR) * 9 // 10):
                quantity = Quantity.TEMPERATURE if device is AIR else Quantity.LINK
                self.add(device, at + SECOND, 20.0, quantity)

    def items(
        self,
        end: Instant,
        start: Instant = T0,
        period: Span = 5 * MINUTE,
        holes: Sequence[tuple[Instant, Instant]] = (),
    ) -> list[tuple[Instant, list[Item]]]:
        """(now, items) of each message: the readings since the one before, then the vouch for them."""
        readings = sorted(self.readings, key=lambda r: (r.observed_at, r.seq))
        messages: list[tuple[Instant, list[Item]]] = [(start, [hello()])]
        at, before = 0, start
        for now in range(start, end + 1, period):
            if any(a < now < b for a, b in holes):
                continue
            items: list[Item] = []
            while at < len(readings) and readings[at].observed_at <= now:
                hidden = any(a <= readings[at].observed_at < b for a, b in holes)
                if not hidden:
                    items.append(readings[at])
                at += 1
            came_back = any(a < before + period < b for a, b in holes)
            items.append(Vouch(HOME, GATEWAY, now, ((now if came_back else before, now),), (), now, now))
            before = now
            messages.append((now, items))
        return messages


def run(watch: HomeWatch, messages: Iterable[tuple[Instant, list[Item]]]) -> list[FindingEvent]:
    """Everything that was found, as the one loop would have it: timers that fall due between two messages fire there."""
    events: list[FindingEvent] = []
    for now, items in messages:
        while (due := watch.due_now()) is not None and due < now:
            events += watch.tick(due)
        events += watch.take(items)
    return events


def findings(events: Iterable[FindingEvent], kind: str | None = None) -> list[Finding]:
    return [e for e in events if isinstance(e, Finding) and (kind is None or e.kind == kind)]
