"""Real servers for tests: each on a free port of 127.0.0.1, in a folder of its own, ended by its pid."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[1]
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
INFLUXD = shutil.which("influxd") or "/usr/bin/influxd"
VICTORIA_METRICS = shutil.which("victoria-metrics") or "/usr/bin/victoria-metrics"


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server of the test's own; ``with Mosquitto(folder) as broker: broker.port``."""

    name = "server"

    def __init__(self, folder: Path, *, port: int | None = None, settings: str | None = None) -> None:
        """``settings`` in place of the test's usual ones."""
        self.folder, self.port = folder, port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = settings or self.usual()
        self.process: subprocess.Popen[bytes] | None = None

    def usual(self) -> str:
        """What its configuration says when nothing else is asked for."""
        return ""

    def command(self, file: Path) -> list[str]:
        """How it is started with its configuration in ``file``."""
        raise NotImplementedError

    def configuration(self) -> str:
        """The text of that file."""
        return self._settings

    def start(self) -> Self:
        """Start it (again) and return once it accepts connections."""
        file = self.folder / f"{self.name}.conf"
        file.write_text(self.configuration())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(file), stdout=log, stderr=log, cwd=ROOT)
        pause = threading.Event()
        for _ in range(3000):
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: {self.log.read_text()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                pause.wait(0.01)
            else:
                return self
        raise RuntimeError(f"{self.name} does not answer")

    @property
    def log(self) -> Path:
        """What it said."""
        return self.folder / f"{self.name}.log"

    def stop(self) -> None:
        """End it gently."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.stop()


class Mosquitto(Server):
    """MQTT 5 and 3.1.1; sessions survive a restart."""

    name = "mosquitto"

    def usual(self) -> str:
        """See Server.usual."""
        return (
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {self.folder}/\nautosave_on_changes true\nautosave_interval 1\n"
            "set_tcp_nodelay true\nmax_queued_messages 0\nmax_inflight_messages 500\n"
        )

    def configuration(self) -> str:
        """See Server.configuration. Started by root it would become another user, who may not write here."""
        return f"user {getpass.getuser()}\n{self._settings}"

    def command(self, file: Path) -> list[str]:
        """See Server.command."""
        return [MOSQUITTO, "-c", str(file)]


class Amqtt(Server):
    """The broker that comes with kehai for demos: MQTT 3.1.1 only, and nothing survives a restart."""

    name = "amqtt"

    def command(self, file: Path) -> list[str]:
        """See Server.command."""
        return [sys.executable, "-m", "kehai", "broker", str(self.port)]


class Nats(Server):
    """MQTT 3.1.1 only; sessions survive; what is not acknowledged comes again after ``ack_wait``."""

    name = "nats"

    def usual(self) -> str:
        """See Server.usual."""
        return (
            f'server_name: "test"\nlisten: "127.0.0.1:{free_port()}"\njetstream {{ store_dir: "{self.folder}/store" }}\n'
            f'mqtt {{ listen: "127.0.0.1:{self.port}", ack_wait: "2s", max_ack_pending: 500 }}\n'
        )

    def command(self, file: Path) -> list[str]:
        """See Server.command."""
        return [str(Path(sys.executable).parent / "nats-server"), "-c", str(file)]


class Store(Server):
    """A store that speaks HTTP; it keeps what it has over a restart."""

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: str = "", *, method: str = "GET", **parameters: str) -> bytes:
        """What it answers; raises urllib.error.HTTPError."""
        url = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        question = urllib.request.Request(url, body.encode() or None, method=method)  # noqa: S310 (the test's own server)
        with urllib.request.urlopen(question, timeout=10) as answer:  # noqa: S310 (the test's own server)
            return bytes(answer.read())


class InfluxDB(Store):
    """InfluxDB 1.x, with accounts: whoever asks must be one."""

    name = "influxdb"

    def usual(self) -> str:
        """See Server.usual."""
        return (
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{self.folder}/meta"\n[data]\ndir = "{self.folder}/data"\nwal-dir = "{self.folder}/wal"\n'
            f'[monitor]\nstore-enabled = false\n[http]\nbind-address = "127.0.0.1:{self.port}"\nauth-enabled = true\n'
            "[continuous_queries]\nenabled = false\n[subscriber]\nenabled = false\n"
        )

    def command(self, file: Path) -> list[str]:
        """See Server.command."""
        return [INFLUXD, "-config", str(file)]


class VictoriaMetrics(Store):
    """VictoriaMetrics, which takes what InfluxDB 2.x takes; a sample written twice is one."""

    name = "victoria-metrics"

    def command(self, file: Path) -> list[str]:
        """See Server.command."""
        return [
            VICTORIA_METRICS, f"-storageDataPath={self.folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y", "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=64MB",
            "-search.latencyOffset=0s", "-loggerLevel=WARN",
        ]  # fmt: skip
