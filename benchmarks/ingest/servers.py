"""The servers that a measurement needs: each on a free port of 127.0.0.1, in a folder of its own, ended by its pid."""

from __future__ import annotations

import getpass
import json
import subprocess
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Self

from benchmarks.ingest.machine import program
from domain.clock import SECOND, monotonic
from domain.errors import KehaiError
from kehai.network import free_port, wait_for

_SHIPPED = Path(__file__).resolve().parents[2] / "mosquitto.conf"
_OURS = (
    "persistence",
    "autosave_",
    "max_",
    "set_tcp_nodelay",
    "persistent_client_expiration",
    "message_size_limit",
    "memory_",
)
_NOT_OURS = ("persistence_location",)


def shipped_settings() -> list[str]:
    """What the shipped mosquitto.conf says about queues, persistence and limits; not its listeners, users and folders."""
    lines = _SHIPPED.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith(_OURS) and not line.startswith(_NOT_OURS)]


class _Server:
    """A process that listens on ``port`` from ``with`` on."""

    name = "server"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def _command(self) -> list[str]:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None  # noqa: S101 (inside ``with`` only)
        return self._process.pid

    def __enter__(self) -> Self:
        """Start it; KehaiError when it does not answer."""
        log = self.folder / f"{self.name}.log"
        command = self._command()
        with log.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=self.folder)
        try:
            wait_for(self.port, self.name, threading.Event(), 20)
        except KehaiError as error:
            self.__exit__()
            told = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise KehaiError(
                f"{self.name} does not start ({' '.join(told) or 'it says nothing'}): mend that."
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)


class Broker(_Server):
    """A mosquitto with the shipped queue settings, open to everybody on this machine."""

    name = "mosquitto"

    def _command(self) -> list[str]:
        settings = [
            f"user {getpass.getuser()}", f"listener {self.port} 127.0.0.1", "allow_anonymous true",
            f"persistence_location {self.folder}/", *shipped_settings(),
        ]  # fmt: skip
        file = self.folder / "mosquitto.conf"
        file.write_text("\n".join(settings) + "\n", encoding="utf-8")
        return [program("mosquitto", "mosquitto"), "-c", str(file)]


class Store(_Server):
    """A VictoriaMetrics, which takes what influxdb-client sends."""

    name = "victoria-metrics"

    def _command(self) -> list[str]:
        return [
            program("victoria-metrics", "victoria-metrics"), f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{self.port}", "-retentionPeriod=1y", "-loggerLevel=ERROR",
        ]  # fmt: skip

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def count(self, wanted: int) -> int:
        """How many samples it holds; waits some seconds for ``wanted``, because what is new is not visible at once."""
        deadline, pause = monotonic() + 20 * SECOND, threading.Event()
        while True:
            with suppress(OSError):
                self._get("/internal/force_flush")
            lines = self._get("/api/v1/export?match[]=%7B__name__!=%22%22%7D").splitlines()
            found = sum(len(json.loads(line)["values"]) for line in lines)
            if found >= wanted or monotonic() > deadline:
                return found
            pause.wait(0.2)

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:  # noqa: S310 (our own server)
            return str(answer.read(), "utf-8")
