"""An installation of its own for one measurement: broker, registry, and the real ingest role; what is asked of its journal."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingest.servers import Broker
from benchmarks.ingest.traffic import enrol, wait_until_answered
from domain.errors import KehaiError


@dataclass(frozen=True, slots=True)
class Installation:
    """While it runs."""

    broker: Broker
    folder: Path
    ingest: subprocess.Popen[bytes]

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder / "journal.db"

    def check(self) -> None:
        """Raise KehaiError when ingest has ended."""
        if self.ingest.poll() is not None:
            last = (self.folder / "ingest.log").read_text(errors="replace").strip().splitlines()[-1:]
            raise KehaiError(f"kehai ingest ended ({' '.join(last)}): mend that first.")

    def ask(self, question: str) -> list[tuple[int, ...]]:
        """Put a question to the journal, read only; empty while there is none."""
        try:
            with closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True, timeout=10)) as connection:
                return connection.execute(question).fetchall()
        except sqlite3.OperationalError:
            return []

    def check_letters(self) -> None:
        """Raise KehaiError when ingest refused anything."""
        refused = self.ask("SELECT reason, detail FROM dead_letters LIMIT 1")
        if refused:
            raise KehaiError(f"Ingest refused a message of the benchmark ({refused[0]}): mend the benchmark.")


@contextmanager
def installation(folder: Path, homes: int, introduced: bool) -> Iterator[Installation]:
    """Run broker and ``kehai ingest`` for so many homes."""
    enrol(folder, homes, introduced)
    with Broker(folder / "broker") as broker:
        config = folder / "kehai.toml"
        config.write_text(f'[installation]\ndata = "{folder}"\n[broker]\nport = {broker.port}\n', encoding="utf-8")
        with (folder / "ingest.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "kehai", "ingest", "--config", str(config)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        place = Installation(broker, folder, process)
        try:
            wait_until_answered(broker.port, place.check)
            yield place
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
