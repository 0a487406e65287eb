"""The dead man's switch: a GET to somebody outside each time that all is well, so that silence is heard there.

It is the one thing that notices when this whole machine is off.
"""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from alerts.channels.channel import ChannelError
from alerts.channels.http import Http

_TIMEOUT_SECONDS = 10.0
log = structlog.get_logger("watchdog")


class Outside:
    """Asked in a thread of its own; the address is a secret and stands in a file, which is read each time."""

    def __init__(self, url_file: Path) -> None:
        self._file, self._http = url_file, Http(_TIMEOUT_SECONDS, connections=1)
        self._wanted, self._stopped = threading.Event(), False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="watchdog-outside", daemon=True)
        self._thread.start()

    def well(self) -> None:
        """All is well: say so outside, now."""
        self._wanted.set()

    def close(self) -> None:
        """Say no more."""
        self._stopped = True
        self._wanted.set()
        self._thread.join(1.0)
        self._http.close()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopped:
                return
            self._say()

    def _say(self) -> None:
        try:
            self._http.request("GET", self._file.read_text(encoding="utf-8").strip(), None, {})
        except (ChannelError, OSError, UnicodeDecodeError) as error:
            if not self._failing:
                why = str(error) if isinstance(error, ChannelError) else "its file cannot be read"
                log.warning("the dead man's switch was not told that all is well; it is tried each time", why=why)
            self._failing = True
            return
        if self._failing:
            log.info("the dead man's switch is told again")
        self._failing = False
