"""``kehai demo``: a simulated neighbourhood through the real processes.

The parent makes the data (two weeks of history, then the days to come), starts broker, ingest, watch, dashboard and gateways
as processes of their own, all told by one scaled clock, and ends them on Ctrl-C.
"""

from __future__ import annotations

import getpass
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import time
from pathlib import Path

from alerts.sqlbook import SqlBook
from domain.clock import SECOND, Instant, ScaledClock, SystemClock, monotonic
from domain.errors import ConfigurationError, KehaiError
from domain.ids import HomeId
from domain.localtime import LocalTime
from ingest.journal import Journal
from kehai.commands.neighbourhood import Plan, write_plan
from kehai.commands.phone import phones
from kehai.network import check_free, free_port, http_status, wait_for
from kehai.supervisor import Child, Supervisor, role, stop_on_signals
from registry import addresses, rota
from registry.database import migrate, open_database
from registry.homes import Homes, SqlDirectory
from registry.rota import Shift
from registry.staff import Role, Staff
from simulators.neighbourhood import (
    GATEWAY_STOPS_AFTER,
    Neighbour,
    build_neighbourhood,
    cut_off,
    lay_down_the_past,
    learn_the_past,
    let_a_sensor_die,
    let_somebody_fall,
)
from simulators.simulate import write_recording

ZONE = "Asia/Tokyo"
STARTS_AT = time(9, 0)
MARKER = ".kehai-demo"
ROLES = ("ingest", "watch", "dashboard")
_MARK_REAL_SECONDS = 0.5
_READY_SECONDS = 60.0
LOGINS = {"sakura": "sakura-demo-1", "momiji": "momiji-demo-2"}
"""Invented staff of the demo: log-in -> password."""
MANAGER = "sakura"
"""She may decide on a home's rules."""
_STAFF_NAMES = {"sakura": "職員 さくら", "momiji": "職員 もみじ"}


def say(sentence: str) -> None:
    """One line for the person at the terminal."""
    print(sentence, flush=True)  # noqa: T201 (the terminal is where a demo talks)


@contextmanager
def data_folder(wanted: Path | None) -> Iterator[Path]:
    """A folder for the demo's data: a temporary one, or ``wanted``, emptied if an earlier demo made it."""
    if wanted is None:
        with tempfile.TemporaryDirectory(prefix="kehai-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    if wanted.exists() and not wanted.is_dir():
        raise ConfigurationError(f"{wanted} is not a folder: name another with --data.")
    if wanted.exists() and any(wanted.iterdir()):
        if not (wanted / MARKER).exists():
            raise ConfigurationError(f"{wanted} holds other files: name an empty or a new folder with --data.")
        shutil.rmtree(wanted)
    wanted.mkdir(parents=True, exist_ok=True)
    (wanted / MARKER).touch()
    yield wanted.resolve()


def broker_program(wanted: str | None) -> str | None:
    """The broker ``wanted`` where it is installed; None for the embedded one."""
    return wanted and (shutil.which(wanted) or shutil.which(wanted, path="/usr/sbin:/usr/local/sbin"))


def broker_child(folder: Path, port: int, program: str | None) -> Child:
    """mosquitto as a user runs it, or the embedded broker."""
    if not program:
        command = [sys.executable, "-m", "kehai", "broker", str(port)]
        return Child("broker", command, vital=True, log=folder / "broker.log")
    file = folder / "mosquitto.conf"
    (folder / "mosquitto").mkdir(exist_ok=True)
    file.write_text(
        f"user {getpass.getuser()}\nlistener {port} 127.0.0.1\nallow_anonymous true\n"
        f"persistence true\npersistence_location {folder / 'mosquitto'}/\n"
        "set_tcp_nodelay true\n"
        "max_queued_messages 0\nmax_queued_bytes 268435456\nmax_inflight_messages 500\nmessage_size_limit 65536\n"
    )
    return Child("broker", [program, "-c", str(file)], vital=True, log=folder / "broker.log")


def start_of_today() -> Instant:
    """The virtual instant at which the demo begins: this morning, by the wall clock of its homes."""
    local = LocalTime(ZONE)
    return local.at(local.date(SystemClock().now()), STARTS_AT)


def demo(*, homes: int, port: int, speed: float, data: Path | None, seed: int, broker: str | None) -> None:
    """Run the demo until Ctrl-C."""
    check_free("127.0.0.1", port, "the demo's dashboard (--port)")
    supervisor = Supervisor(say)
    stop_on_signals(supervisor.stop)
    with data_folder(data) as folder:
        try:
            _run(supervisor, folder, homes, port, speed, seed, broker)
        finally:
            supervisor.end()
    say("Everything has ended.")


def _run(
    supervisor: Supervisor, folder: Path, homes: int, port: int, speed: float, seed: int, broker: str | None
) -> None:
    start = start_of_today()
    say(f"Inventing {homes} homes with ten days behind them ...")
    neighbours = _prepare(folder, homes, start, seed)
    if supervisor.stop.is_set():
        return
    broker_port, program = free_port(), broker_program(broker)
    protocol = "auto" if program else "3.1.1"  # the embedded broker knows no MQTT 5, and asking costs seconds
    supervisor.start(broker_child(folder, broker_port, program))
    wait_for(broker_port, "the broker", supervisor.stop)
    clock = ScaledClock(SystemClock().now(), start, speed)
    with phones(folder / "phone_secret", _STAFF_NAMES, say) as phone:
        config = _write_config(folder, clock, broker_port, protocol, port, phone)
        _live(supervisor, folder, config, clock, neighbours, Plan(clock, broker_port, protocol, start, []), homes, port)


def _live(
    supervisor: Supervisor,
    folder: Path,
    config: Path,
    clock: ScaledClock,
    neighbours: list[Neighbour],
    plan: Plan,
    homes: int,
    port: int,
) -> None:
    """Start what is to run beside the broker, and keep all of it running."""
    for name in ROLES:
        supervisor.start(role(name, config, log=folder / f"{name}.log"))
    _wait_until_healthy(port, supervisor, folder)
    if supervisor.stop.is_set():
        return
    file = folder / "neighbourhood.json"
    stops_at = {cut_off(neighbours): plan.since + GATEWAY_STOPS_AFTER}
    write_plan(file, replace(plan, gateways=[_gateway(folder, neighbour, stops_at) for neighbour in neighbours]))
    supervisor.start(role("neighbourhood", file, log=folder / "gateways.log"))
    _welcome(port, clock.speed, homes, folder, supervisor)
    supervisor.watch()


def _prepare(folder: Path, homes: int, start: Instant, seed: int) -> list[Neighbour]:
    """The registry, the past in the journal, what the watch learnt from it, and the day's recordings."""
    engine = open_database(f"sqlite:///{folder / 'kehai.db'}")
    migrate(engine)
    neighbours = build_neighbourhood(homes, start, seed, ZONE)
    let_a_sensor_die(neighbours, start)
    Homes(engine).add_all([(n.entry, [n.gateway]) for n in neighbours], start)
    staff, now = Staff(engine), SystemClock().now()
    for login, password in LOGINS.items():
        staff.add(login, _STAFF_NAMES[login], password, now, Role.MANAGER if login == MANAGER else Role.STAFF)
    with engine.begin() as connection:
        for position, login in enumerate(LOGINS):
            rota.add_shift(connection, Shift("default", login, frozenset(range(7)), 0, 24 * 60, position))
            addresses.add(connection, login, "phone", login, now)
    journal = Journal(folder / "journal.db")
    lay_down_the_past(neighbours, journal, SqlDirectory(engine), start)
    book = SqlBook(engine)
    learn_the_past(journal, book, ZONE, start)
    journal.close()
    limits = {home: status.limit for home, status in book.statuses().items() if status.limit is not None}
    let_somebody_fall(neighbours, limits, start)
    for neighbour in neighbours:
        write_recording(_recording(folder, neighbour), neighbour.home.recorded, neighbour.future)
    engine.dispose()
    return neighbours


def _recording(folder: Path, neighbour: Neighbour) -> Path:
    return folder / "recordings" / neighbour.entry.id


def _gateway(folder: Path, neighbour: Neighbour, stops_at: dict[HomeId, Instant]) -> dict[str, object]:
    plan: dict[str, object] = {
        "id": neighbour.gateway,
        "recording": str(_recording(folder, neighbour)),
        "spool": str(folder / "spools" / f"{neighbour.gateway}.db"),
    }
    if neighbour.entry.id in stops_at:
        plan["stops_at"] = stops_at[neighbour.entry.id]
    return plan


def _write_config(folder: Path, clock: ScaledClock, broker_port: int, protocol: str, port: int, phone: str) -> Path:
    logins = ", ".join(f'{login} = "{password}"' for login, password in LOGINS.items())
    file = folder / "kehai.toml"
    file.write_text(
        f"""[installation]
name = "Kehai"
zone = "{ZONE}"
data = "{folder}"

[broker]
port = {broker_port}
protocol = "{protocol}"

[ingest]
mark_seconds = {_MARK_REAL_SECONDS}

[calling]
public_url = "http://127.0.0.1:{port}"

[channels.phone]
kind = "webhook"
url = "{phone}"
secret_file = "{folder / "phone_secret"}"

[dashboard]
port = {port}
https = false
banner = "デモ / Demo: 登場する人物・住所はすべて架空です。Every person and address is invented. × {clock.speed:g}"
demo_logins = {{ {logins} }}

[clock]
origin = {clock.origin}
start = {clock.start}
speed = {clock.speed}
""",
        encoding="utf-8",
    )
    return file


def _wait_until_healthy(port: int, supervisor: Supervisor, folder: Path) -> None:
    """Return once every role answers, or the person has had enough."""
    deadline = monotonic() + int(_READY_SECONDS * SECOND)
    while not supervisor.stop.is_set():
        if http_status(port, "/healthz") == 200:
            return
        if monotonic() > deadline:
            raise KehaiError(f"The roles did not come up within {_READY_SECONDS:.0f} s: see the logs in {folder}.")
        supervisor.stop.wait(0.05)


def _welcome(port: int, speed: float, homes: int, folder: Path, supervisor: Supervisor) -> None:
    say(f"\n  The board:  http://127.0.0.1:{port}/\n")
    for login, password in LOGINS.items():
        say(f"  log in as   {login} / {password}   ({_STAFF_NAMES[login]}, invented)")
    per_minute = (
        f"{speed:g} seconds here are {speed * speed / 60:g} minutes there" if speed == 60 else f"time runs x {speed:g}"
    )
    say(f"\n  {homes} homes; it is 09:00 there, and {per_minute}.")
    say("  In a minute or so: a resident falls, a sensor has died, a gateway goes silent.")
    say(f"  Processes: {', '.join(f'{name} {pid}' for name, pid in supervisor.pids().items())}; logs in {folder}")
    say("  Ctrl-C ends all of it. What the staff's telephones would show:\n")
