"""Real servers that take messages: SMTP, and HTTP that remembers the ids of what it has taken."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.servers import free_port


@dataclass(slots=True)
class Mailbox:
    """A mail server on a free port; ``answer`` is what it says to each message, ``refused`` while it is set."""

    port: int = field(default_factory=free_port)
    answer: str = "250 taken"
    answers: dict[str, str] = field(default_factory=dict)
    """Command (MAIL, RCPT, QUIT) -> what is said to it; what is not named is answered as it should be."""
    mails: list[Message] = field(default_factory=list)
    hang: threading.Event | None = None
    """While it is not set, nobody hears that a message was taken."""
    calls: int = 0
    _controller: Any = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Take a message."""
        if self.answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(message_from_bytes(content, policy=default))
        while self.hang is not None and not self.hang.is_set():  # noqa: ASYNC110 (it is set in another thread)
            await asyncio.sleep(0.02)
        return self.answer

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender."""
        envelope.mail_from, envelope.mail_options = address, options
        self.calls += 1
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a receiver."""
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        """Say farewell."""
        return self.answers.get("QUIT", "221 Bye")

    def __enter__(self) -> Self:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    def ids(self) -> Counter[str]:
        """Id -> how often it came."""
        return Counter(str(mail["X-Kehai-Id"]) for mail in self.mails)

    def unmarked_repetitions(self) -> list[str]:
        """Ids that came again without the word that they had been sent before."""
        seen: set[str] = set()
        wrong = []
        for mail in self.mails:
            key = str(mail["X-Kehai-Id"])
            if key in seen and mail["X-Kehai-Resent"] != "yes":
                wrong.append(key)
            seen.add(key)
        return wrong


@dataclass(slots=True)
class Hook:
    """An HTTP server that takes each id once; ``status`` is what it answers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    hang: threading.Event | None = None
    """While it is not set, no call is answered."""
    calls: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)
    """The paths of what was asked for with GET; see ``pages``."""
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Id -> what it said, for each id once."""
    take: Callable[[str, dict[str, str], bytes], int] | None = None
    """What becomes of a call, from its path, headers and body, while ``status`` is good; it says what is answered."""
    pages: dict[str, bytes] = field(default_factory=dict)
    """What a GET is answered, by its path."""
    _server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        """The port on which it listens."""
        assert self._server is not None
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Self:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"  # each call is a connection of its own: trouble meets every one of them

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                told = {name.lower(): value for name, value in self.headers.items()}
                hook.calls.append((self.path, told, body))
                if hook.hang is not None:
                    hook.hang.wait(60)
                status = hook.status
                if status < 300 and "kehai-id" in told:
                    hook.taken.setdefault(told["kehai-id"], json.loads(body))
                if status < 300 and hook.take is not None:
                    status = hook.take(self.path, told, body)
                self._say(status, hook.body)

            def do_GET(self) -> None:
                hook.gets.append(self.path)
                body = hook.pages.get(self.path)
                self._say(404 if body is None else hook.status, body or b"")

            def _say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                for name, value in hook.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 100

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        if self.hang is not None:
            self.hang.set()
        self._server.shutdown()
        self._server.server_close()


class Dripper:
    """A server that says ``beginning`` to whoever comes, and then a letter now and then, for ever.

    ``answers``: it is a mail server first, which answers these commands, and drips once it has the message.
    """

    def __init__(self, beginning: bytes = b"", answers: dict[str, bytes] | None = None, pause: float = 0.02) -> None:
        self._beginning, self._answers, self._pause = beginning, answers or {}, pause
        self._end = threading.Event()
        self._server: socket.socket | None = None
        self.dripping = 0
        """How many connections are being dripped to just now."""
        self.takes_mail = bool(self._answers)
        """It drips only once it has the message."""

    @property
    def port(self) -> int:
        """The port on which it listens."""
        assert self._server is not None
        return int(self._server.getsockname()[1])

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._end.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self._answers:
                self._talk(connection)
            self.drip(connection)

    def _talk(self, connection: socket.socket) -> None:
        """Be a mail server, up to the command of which nothing is known."""
        said = connection.makefile("rb")
        connection.sendall(self._answers[""])
        for line in said:
            answer = self._answers.get(line[:4].decode("ascii", "replace").upper())
            if answer is None and line.strip() == b".":
                return
            if answer is not None:
                connection.sendall(answer)

    def drip(self, connection: socket.socket) -> None:
        """Say a letter now and then until the other end is gone."""
        self.dripping += 1
        try:
            connection.sendall(self._beginning)
            while not self._end.wait(self._pause):
                connection.sendall(b"a")
        finally:
            self.dripping -= 1
