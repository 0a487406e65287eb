"""Where what the watchdog sent comes back to: a small HTTP server on this machine, which also says how it goes."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from domain.errors import ConfigurationError
from kehai.watchdog.state import State

_MOST_BYTES = 1_000
_SECONDS = 5.0


class Listener:
    """``POST /came`` with a number, ``GET /healthz`` (503 while the watchdog complains), ``GET /metrics``."""

    def __init__(self, host: str, port: int, state: State) -> None:
        """Raises ConfigurationError when the port is taken."""
        try:
            self._server = _Server((host, port), state)
        except OSError as error:
            raise ConfigurationError(
                f"{host}:{port} cannot be listened on ({error.strerror}): name another watchdog.host or port."
            ) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="watchdog-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, where: tuple[str, int], state: State) -> None:
        self.state = state
        super().__init__(where, _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = _SECONDS
    server_version, sys_version = "kehai", ""
    server: _Server

    def do_POST(self) -> None:  # the library's name
        number = self._number() if self.path == "/came" else None
        if number is None:
            self._answer(HTTPStatus.BAD_REQUEST, b'Send {"number": N} to /came.\n')
        elif self.server.state.came(number):
            self._answer(HTTPStatus.NO_CONTENT)
        else:
            self._answer(HTTPStatus.ACCEPTED, b"Nobody waits for that number.\n")

    def do_GET(self) -> None:
        if self.path == "/healthz":
            well, words = self.server.state.health()
            status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, json.dumps({"ok": well, "detail": words}).encode(), "application/json")
        elif self.path == "/metrics":
            self._answer(HTTPStatus.OK, self.server.state.metrics(), CONTENT_TYPE_LATEST)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"There is /healthz and /metrics.\n")

    def _number(self) -> int | None:
        try:
            length = int(self.headers.get("Content-Length", ""))
            if not 0 < length <= _MOST_BYTES:
                return None
            number = json.loads(self.rfile.read(length))["number"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return number if type(number) is int else None

    def _answer(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a line a minute tells nobody anything."""
