"""How long the board takes to answer with many homes in the book.

    python -m benchmarks.board [--homes 1000] [--requests 200]

The real dashboard in a process of its own, asked over HTTP by one logged-in browser. Three questions in turn: the health page
(what the server and the network cost at least), the board, and the board just after a home's status changed. Prints
medians and 95th percentiles in milliseconds, and ratios to the health page.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2

from alerts.book import WatchedHome
from alerts.records import encode_status
from alerts.sqlbook import RoleMark, SqlBook
from domain.alerts import Reason, State
from domain.clock import HOUR, MINUTE, SECOND, Instant, SystemClock, monotonic
from domain.findings import Finding, Level, Subject
from domain.ids import DeviceId, GatewayId, HomeId
from domain.status import DeviceStatus, HomeStatus, Observability, Resident
from kehai.network import free_port, wait_for
from registry.database import migrate, open_database
from registry.homes import Home, Homes
from registry.staff import Staff

LOGIN, PASSWORD = "bench", "a long enough one"
OPEN_ALERTS = 20


def status(home: HomeId, now: Instant) -> HomeStatus:
    """A home with six sensors where all is well."""
    devices = tuple(
        DeviceStatus(DeviceId(f"{room}-{home}"), "motion", room, False, now - MINUTE * n, False, 80.0)
        for n, room in enumerate(("living room", "kitchen", "bedroom", "bath", "hall", "toilet"))
    )
    return HomeStatus(
        home, Resident.ACTIVE, Observability.CLEAR, now, now, now - 20 * MINUTE, "kitchen", 50 * MINUTE, 12,
        ((GatewayId(f"gw-{home}"), now - MINUTE),), devices,
    )  # fmt: skip


def fill(folder: Path, homes: int) -> None:
    """A registry and a book with ``homes`` homes, twenty open alerts and one account."""
    engine = open_database(f"sqlite:///{folder / 'kehai.db'}")
    migrate(engine)
    now = SystemClock().now()
    ids = [HomeId(f"home-{n:05}") for n in range(homes)]
    entries = [
        (
            Home(home, f"A-{n}", "Asia/Tokyo", f"area {n % 12}", f"見本 {n}子", f"ミホン {n}コ"),
            [GatewayId(f"gw-{home}")],
        )
        for n, home in enumerate(ids)
    ]
    Homes(engine).add_all(entries, now)
    Staff(engine).add(LOGIN, "Bench", PASSWORD, now)
    book = SqlBook(engine)
    with book.transaction() as page:
        for home in ids:
            page.save(WatchedHome(home, 1, b"", encode_status(status(home, now))))
        for home in ids[:OPEN_ALERTS]:
            finding = Finding(
                home, "inactivity", "inactivity/1", "inactivity", Subject.PERSON, Level.PAGE, now - HOUR, now, "kitchen",
                None, None, {"silent_s": 3600, "limit_s": 3600}, "60分、動きがありません。", "No sign of life for 60 min.",
            )  # fmt: skip
            page.note(finding, now)
            page.open(finding, State.OPEN, Reason.RAISED, now, False)
    engine.dispose()


@contextlib.contextmanager
def dashboard(folder: Path, port: int) -> Iterator[None]:
    """The role, as an installation runs it."""
    config = folder / "kehai.toml"
    config.write_text(f'[installation]\ndata = "{folder}"\n[dashboard]\nport = {port}\nhttps = false\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "kehai", "dashboard", "--config", str(config)], stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port, "the dashboard", threading.Event())
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def log_in(client: httpx2.Client) -> None:
    """As a browser does."""
    page = client.get("/login").text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    answer = client.post(
        "/login", data={**hidden, "login": LOGIN, "password": PASSWORD}, headers={"origin": str(client.base_url).rstrip("/")}
    )  # fmt: skip
    if answer.url.path != "/":
        sys.exit("The log-in did not work: run the tests of the dashboard.")


def took(client: httpx2.Client, path: str) -> float:
    """Milliseconds of one answer."""
    began = monotonic()
    client.get(path)
    return (monotonic() - began) / SECOND * 1000


def told(name: str, taken: list[float], floor: float) -> float:
    """Print one line; the median."""
    median = statistics.median(taken)
    last = statistics.quantiles(taken, n=20)[-1]
    print(f"{name:34} median {median:6.1f} ms   p95 {last:6.1f} ms   {median / floor:5.1f} x the health page")
    return median


def main() -> None:
    """See the module's own words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--homes", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kehai-bench-") as name:
        folder, port = Path(name), free_port()
        fill(folder, arguments.homes)
        engine = open_database(f"sqlite:///{folder / 'kehai.db'}")
        book, clock = SqlBook(engine), SystemClock()
        with (
            dashboard(folder, port),
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=30) as client,
        ):
            log_in(client)
            page = client.get("/")
            taken: dict[str, list[float]] = {"health": [], "board": [], "changed": []}
            moving = status(HomeId("home-00000"), clock.now())
            for _ in range(arguments.requests):
                for role in ("ingest", "watch"):
                    book.mark(RoleMark(role, clock.now(), 0))
                taken["health"].append(took(client, "/healthz"))
                taken["board"].append(took(client, "/"))
                moving = replace(moving, last_life=clock.now())
                with book.transaction() as writing:
                    writing.save(WatchedHome(moving.home, 1, b"", encode_status(moving)))
                taken["changed"].append(took(client, "/"))
        engine.dispose()
    rows = page.text.count("<tr id=")
    packed = len(gzip.compress(page.content, 6))
    print(f"{arguments.homes} homes, {OPEN_ALERTS} open alerts; {rows} rows shown; {len(page.content):,} bytes")
    print(f"gzipped {packed:,} bytes")
    floor = statistics.median(taken["health"])
    told("health page", taken["health"], floor)
    told("board", taken["board"], floor)
    told("board, just after a change", taken["changed"], floor)


if __name__ == "__main__":
    main()
