"""How fast the projection catches up with a journal, beside influxdb-client's own way of writing the same readings.

    python -m benchmarks.projection [--readings 200000] [--rounds 5] [--store influxdb|victoriametrics]

Both ways write into a real store that this starts empty on a free port. In turn, each in a process of its own: the projection
(from the journal on disk to the cursor after the last commit) and influxdb-client given a Point per reading, in batches of the
same size. Prints medians, their ratio, CPU seconds per 100,000 readings, and the peak memory of each. influxdb-client gets 404
from InfluxDB 1.6, so with --store influxdb the projection stands alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from influxdb_client import InfluxDBClient, Point, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS

from domain.clock import DAY, SECOND, SystemClock, monotonic
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Hello, Item, Quantity, Reading
from ingest.influx.ledger import Ledger
from ingest.influx.projection import Projection
from ingest.influx.store import Address, HttpStore
from ingest.journal import Batch, Journal, read_all
from registry.database import migrate, open_database
from tests.ingest.projecting import Notes, writer
from tests.servers import InfluxDB, VictoriaMetrics

HOMES = 500
TOGETHER = 100
"""Readings in one commit."""
BATCH = 5_000
STORES: dict[str, type[InfluxDB | VictoriaMetrics]] = {"influxdb": InfluxDB, "victoriametrics": VictoriaMetrics}
KINDS = (Quantity.MOTION, Quantity.DOOR, Quantity.TEMPERATURE, Quantity.HUMIDITY)


def keep(path: Path, count: int) -> None:
    """A journal of ``count`` readings of HOMES homes."""
    journal, start = Journal(path, durable=False), SystemClock().now() - DAY
    devices = {kind: Device(DeviceId(f"d-{kind}"), kind, f"room {kind}") for kind in KINDS}
    gateways = [(HomeId(f"h-{n}"), GatewayId(f"g-{n}")) for n in range(HOMES)]
    hellos: list[Item] = [Hello(home, gateway, "Asia/Tokyo", tuple(devices.values())) for home, gateway in gateways]
    streams: dict[tuple[str, str], int] = {(gateway, "e1"): journal.stream(gateway, "e1").id for _, gateway in gateways}
    journal.append(Batch(hellos), start)
    for first in range(0, count, TOGETHER):
        items: list[Item] = []
        for number in range(first, first + TOGETHER):
            home, gateway = gateways[number % HOMES]
            kind = KINDS[number // HOMES % len(KINDS)]
            at = start + number * DAY // count
            items.append(
                Reading(home, devices[kind].id, kind, number % 50 / 2, at, at, gateway, "e1", number // HOMES + 1)
            )
        journal.append(Batch(items, stream_of=streams), start + first * DAY // count)
    journal.close()


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(folder: Path, way: str, address: Address) -> None:
    """One way in this process; prints what it took as JSON."""
    journal = Journal(folder / "journal.db", read_only=True)
    if way == "projection":
        clock, engine = SystemClock(), open_database(f"sqlite:///{folder / 'kehai.db'}")
        migrate(engine)
        ledger = Ledger(engine, clock)
        ledger.forget()
        notes = Notes()
        made = Projection(journal, ledger, writer(HttpStore(address, clock), lambda _: False, clock, notes), BATCH)
        began, used = monotonic(), cpu()
        made.run(lambda: False)
        count = notes.written
    else:
        began, used = monotonic(), cpu()
        count = by_client(journal, address)
    print(
        json.dumps(
            {
                "seconds": (monotonic() - began) / SECOND,
                "cpu": cpu() - used,
                "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "readings": count,
            }
        )
    )


def by_client(journal: Journal, address: Address) -> int:
    """A Point per reading, written by influxdb-client in batches; how many there were."""
    count, points = 0, list[Point]()
    with InfluxDBClient(address.url, "", org="kehai") as client:
        api = client.write_api(write_options=SYNCHRONOUS)
        for arrival in read_all(journal):
            for item in arrival.items:
                if isinstance(item, Reading):
                    point = Point(item.quantity.value).tag("home", item.home).tag("gateway", item.gateway)
                    point.tag("epoch", item.epoch).tag("device", item.device).field("value", item.value)
                    points.append(point.time(item.observed_at * 1_000 + item.seq % 1_000, WritePrecision.NS))
            if len(points) >= BATCH:
                api.write("kehai", record=points)
                count += len(points)
                points.clear()
        if points:
            api.write("kehai", record=points)
    return count + len(points)


def measure(folder: Path, way: str, kind: str) -> dict[str, float]:
    """One way in a process of its own, into an empty store."""
    with tempfile.TemporaryDirectory() as name, STORES[kind](Path(name)) as store:
        if kind == "influxdb":
            (folder / "secret").write_text("bench")
            store.ask("/query", method="POST", q="CREATE USER kehai WITH PASSWORD 'bench' WITH ALL PRIVILEGES")
            store.ask("/query", method="POST", q="CREATE DATABASE kehai", u="kehai", p="bench")
        command = [sys.executable, "-m", "benchmarks.projection", "--folder", str(folder), "--way", way]
        done = subprocess.run(
            [*command, "--store", kind, "--url", store.url], check=True, stdout=subprocess.PIPE, text=True
        )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    """See the module's own words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--store", choices=sorted(STORES), default="victoriametrics")
    parser.add_argument("--way", choices=["projection", "client"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        secret = arguments.folder / "secret"
        one = Address(arguments.url, "v1", username="kehai", secret_file=secret)
        run(arguments.folder, arguments.way, one if arguments.store == "influxdb" else Address(arguments.url))
        return
    ways = ["projection", "client"] if arguments.store == "victoriametrics" else ["projection"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep(folder / "journal.db", arguments.readings)
        taken: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for way in ways:
                taken[way].append(measure(folder, way, arguments.store))
    medians = {way: statistics.median(r["seconds"] for r in results) for way, results in taken.items()}
    for way, results in taken.items():
        count = results[0]["readings"]
        per = statistics.median(r["cpu"] for r in results) / count * 100_000
        print(
            f"{way:>10}: {count:,.0f} readings in {medians[way]:.2f} s (median), {count / medians[way]:,.0f}/s, "
            f"{per:.2f} CPU s per 100,000, at most {max(r['megabytes'] for r in results):.0f} MB"
        )
    if len(ways) == 2:
        print(f"client / projection: {medians['client'] / medians['projection']:.2f}")


if __name__ == "__main__":
    main()
