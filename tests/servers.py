"""Real servers for tests: each on a free port of 127.0.0.1, in a folder of its own, ended by its pid."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Self

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A mosquitto of the test's own; ``with Mosquitto(folder) as broker: broker.port``."""

    def __init__(self, folder: Path, *, port: int | None = None, settings: str | None = None) -> None:
        self.folder, self.port = folder, port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = settings or (
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\n"
            "set_tcp_nodelay true\nmax_queued_messages 0\nmax_inflight_messages 500\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, file: Path) -> list[str]:
        """How it is started with its configuration in ``file``."""
        return [MOSQUITTO, "-c", str(file)]

    def start(self) -> Self:
        """Start it (again) and return once it accepts connections."""
        file = self.folder / "mosquitto.conf"
        # Started by root it would become another user, who may not write here.
        file.write_text(f"user {getpass.getuser()}\n{self._settings}")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen(self.command(file), stdout=log, stderr=log)
        pause = threading.Event()
        for _ in range(500):
            if self.process.poll() is not None:
                raise RuntimeError(f"mosquitto ended: {(self.folder / 'mosquitto.log').read_text()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                pause.wait(0.01)
            else:
                return self
        raise RuntimeError("mosquitto does not answer")

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
