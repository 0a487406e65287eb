"""Gateways, a broker and ingest as the processes that an installation has, and the hands that kill, stop and cut them.

Everything is judged from outside: by the notebooks, the journal's file and the broker's log.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from domain.clock import SECOND, SystemClock, monotonic
from domain.ids import GatewayId, HomeId
from registry.database import migrate, open_database
from registry.homes import Home, Homes
from tests.faults.homes import SENSING
from tests.faults.ledger import Account, Key, LogReader, NotebookReader, settle
from tests.programs import ROOT, until
from tests.servers import MOSQUITTO, free_port

RECOVERY_SECONDS = 30.0
"""What was taken before a fault ended is stored this long after it, at the latest."""
INGEST = ("kehai", "ingest")
GATEWAYS = ("g1", "g2", "g3")
_SHIPPED = (
    "persistence ", "autosave_", "persistent_client_expiration ", "max_", "set_tcp_nodelay ", "message_size_limit ",
    "sys_interval ", "log_", "connection_messages ",
)  # fmt: skip

_pause = threading.Event()
_one_at_a_time = threading.Lock()


def wait(seconds: float) -> None:
    """Let time pass while something is broken: how long is part of the fault."""
    _pause.wait(max(0.0, seconds))


def tell(words: str) -> None:
    """A figure of a campaign; pytest shows it with ``-s``, and when a test fails."""
    print(words, flush=True)  # noqa: T201 (a campaign's figures are its product)


def shipped(
    folder: Path, port: int, *, listen: str = "127.0.0.1", more: str = "allow_anonymous true", **changes: str
) -> str:
    """The settings of the project's own mosquitto.conf that say what is kept, queued and refused, with ``changes``."""
    changes = {"log_dest": "stderr"} | changes  # standard output is a file here, and would wait until a block is full
    kept = [line for line in (ROOT / "mosquitto.conf").read_text().splitlines() if line.startswith(_SHIPPED)]
    lines = [line for line in kept if not line.startswith("persistence_location") and line.split()[0] not in changes]
    lines += [f"{name} {value}" for name, value in changes.items()]
    return "\n".join(
        [
            "user root" if os.geteuid() == 0 else "",
            f"listener {port} {listen}",
            f"persistence_location {folder}/",
            more,
            *lines,
            "",
        ]
    )


class Part:
    """One process that may be killed, stopped and started again; its output goes to one file."""

    def __init__(
        self, name: str, folder: Path, command: Sequence[object], ready: Callable[[], bool] = lambda: True
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name, self.file = name, folder / f"{name}.log"
        self._command, self._ready = [str(part) for part in command], ready
        self._from = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it (again) and return once it is ready."""
        self.begin()
        until(lambda: not self.alive or self._ready(), 30, f"ready {self.name}")
        assert self.alive, f"{self.name} ended: {self.log[-2000:]}"

    def begin(self) -> None:
        """Start it (again) and do not wait for it."""
        self._from = self.file.stat().st_size if self.file.exists() else 0
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("KEHAI_", "PYTHON"))}
        with self.file.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT,
                env=environment | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        """True while the process that was started last runs."""
        return self.process is not None and self.process.poll() is None

    def said(self, words: str) -> bool:
        """True when it has said ``words`` since its last start."""
        with self.file.open("rb") as log:
            log.seek(self._from)
            return words.encode() in log.read()

    @property
    def log(self) -> str:
        """All that it said so far."""
        return self.file.read_text(errors="replace") if self.file.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        assert self.alive, f"{self.name} ended by itself: {self.log[-2000:]}"
        self.process.send_signal(number)

    def kill(self) -> None:
        """``kill -9``."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def stop(self) -> None:
        """End it gently; one that does not end is killed, and that is an error."""
        if not self.alive:
            return
        assert self.process is not None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


class House:
    """Gateways under load, a broker with the settings that ship, and the real ingest; ``with House(folder) as house``."""

    def __init__(
        self,
        folder: Path,
        *,
        ingest: Sequence[str] = INGEST,
        gateways: Sequence[str] = GATEWAYS,
        bystanders: Sequence[str] = (),
        rate: float = 50.0,
        backlog: int = 0,
        protocol: str = "auto",
        traits: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int | None = None,
        settings: Callable[[Path, int], str] = shipped,
        inside: tuple[Sequence[str], Sequence[str]] = ((), ()),
    ) -> None:
        """``bystanders`` are enrolled too; ``traits`` are options of homes.py, such as ``careless``; ``inside``: what stands
        before the commands of the gateways, and before those of broker and ingest."""
        self.folder, self.port, self.names = folder, port or free_port(), tuple(gateways)
        self.journal = folder / "server" / "journal.db"
        self._settings, self._host = settings, host
        self._bystanders = tuple(bystanders)
        near, far = inside
        reachable = self._answers if not far else lambda: True
        self.broker = Part("broker", folder, [*far, MOSQUITTO, "-c", folder / "mosquitto.conf"], reachable)
        self.ingest = Part("ingest", folder, [*far, sys.executable, "-m", *ingest, "--config", folder / "kehai.toml"])
        names = [part for name in gateways for part in ("--gateway", name)]
        self.gateways = Part(
            "gateways", folder,
            [*near, sys.executable, "-m", "tests.faults.homes", "--folder", folder / "homes", "--host", host, "--port",
             self.port, "--protocol", protocol, "--rate", rate, "--backlog", backlog, *names,
             *(f"--{trait}" for trait in traits)],
            lambda: self.gateways.said(SENSING),
        )  # fmt: skip
        self.notebooks = [folder / "homes" / f"{name}.notebook" for name in gateways]
        self._notes, self._log = NotebookReader(*self.notebooks), LogReader(self.journal)

    # ---- beginning and end -------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the files and enrol the gateways; nothing runs yet."""
        data = self.folder / "server"
        data.mkdir(parents=True, exist_ok=True)
        (self.folder / "broker").mkdir(exist_ok=True)
        (self.folder / "mosquitto.conf").write_text(self._settings(self.folder / "broker", self.port))
        (self.folder / "kehai.toml").write_text(
            f'[installation]\ndata = "{data}"\nzone = "UTC"\n[broker]\nhost = "{self._host}"\nport = {self.port}\n'
            "[ingest]\nmark_seconds = 0.5\n"
        )
        engine = open_database(f"sqlite:///{data / 'kehai.db'}")
        with _one_at_a_time:  # the migrations' library keeps its present work in a global
            migrate(engine)
        homes, now = Homes(engine), SystemClock().now()
        for name in (*self.names, *self._bystanders):
            homes.add(Home(HomeId(f"home-{name}"), name, "UTC"), [GatewayId(name)], now)
        engine.dispose()

    def __enter__(self) -> Self:
        """Start all three, and return once readings of every gateway are stored."""
        self.begin()
        try:
            until(self.all_heard, 60, "reading of every gateway")
        except BaseException:
            self._end()
            raise
        return self

    def begin(self) -> None:
        """Start all three; whoever calls this ends the house by ``close``."""
        self.prepare()
        try:
            self.broker.start()
            self.ingest.start()
            self.gateways.start()
        except BaseException:
            self._end()
            raise

    def __exit__(self, *_: object) -> None:
        """End all three."""
        self._end()

    def close(self) -> None:
        """End all three."""
        self._end()

    def _end(self) -> None:
        for part in (self.gateways, self.ingest, self.broker):
            if part.alive:
                part.signal(signal.SIGCONT)
                part.kill()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    # ---- looking -----------------------------------------------------------------------------------------------------

    def taken(self) -> set[Key]:
        """What the gateways have taken up to now."""
        return set(self._notes.read().taken)

    def untold(self) -> set[Key]:
        """What they have taken and what they were not yet told to be stored."""
        return self._notes.read().untold()

    def lost(self) -> set[Key]:
        """What the gateways were told to be stored, and what is not."""
        sent = self._notes.read()
        return (sent.taken.keys() - sent.untold()) - self.stored().keys()

    def stored(self) -> dict[Key, int]:
        """What is stored up to now, each with the offset of its commit."""
        return self._log.read()

    def all_heard(self) -> bool:
        """True once something of every gateway is stored."""
        return {key[0] for key in self.stored()} == set(self.names)

    def connections(self, who: str) -> int:
        """How often the broker has taken a client of this name in."""
        return self.broker.log.count(f" as {who} ")

    # ---- judging -----------------------------------------------------------------------------------------------------

    def recovered(self, what: str, seconds: float = RECOVERY_SECONDS) -> float:
        """Wait until the gateways were told that all they took up to now is stored, and something newer of each is stored too;
        how long it took, in seconds.

        Raises AssertionError when it takes longer, or when something of it is not in the journal after all.
        """
        wanted, began = self.taken(), monotonic()

        def all_told() -> bool:
            lost = self.lost()
            assert not lost, f"{what}: {len(lost)} readings are lost, such as {sorted(lost)[:3]}"
            fresh = {key[0] for key in self.stored().keys() - wanted}
            return fresh == set(self.names) and not (wanted & self.untold())

        until(all_told, seconds, f"recovery after {what}")
        took = (monotonic() - began) / SECOND
        tell(f"{what}: {len(wanted)} readings taken, all stored {took:.1f} s later")
        return took

    def account(self) -> Account:
        """Let the sensors rest, wait until the gateways have nothing left to send, and compare both sides."""
        self.gateways.signal(signal.SIGUSR1)
        quiet = monotonic()

        def at_rest() -> bool:
            nonlocal quiet
            if self.untold() and not self.lost():
                quiet = monotonic()
            return monotonic() - quiet > SECOND // 2

        until(at_rest, 2 * RECOVERY_SECONDS, "end of the deliveries")
        account = settle(self.notebooks, self.journal)
        self.gateways.signal(signal.SIGUSR2)
        return account


def soon(chance: random.Random, seconds: float) -> float:
    """A random span up to ``seconds``."""
    return chance.uniform(0.0, seconds)
