"""A provider for each kind of channel, as real as a test can have it: what it was told, by whom, and its troubles.

Each stands behind a wire on which everything can be cut off, answered with nonsense, or handed over in drops.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Any, Self

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from alerts.channels.catalogue import CHANNELS
from tests.receivers import Dripper, Hook, Mailbox

PUBLIC_URL = "https://kehai.test"
_AGAIN = "【再送】"
_AUTH = b"0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it came to somebody."""

    who: str
    alert: str
    marked: bool
    """It says that it may have come before."""


class Wire:
    """A port of 127.0.0.1 that hands everything on to another; while ``meet`` is set, whoever connects meets that."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.meet: Callable[[socket.socket], None] | None = None
        wire = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    if wire.meet is not None:
                        wire.meet(self.request)
                    else:
                        wire._hand_on(self.request)

        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """Where it begins."""
        return int(self._server.server_address[1])

    def _hand_on(self, near: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._to)) as far:
            back = threading.Thread(target=_pour, args=(far, near), daemon=True)
            back.start()
            _pour(near, far)
            back.join()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while said := source.recv(65536):
            sink.sendall(said)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Provider:
    """What stands behind one channel: a service, and what it was told."""

    honours_key = False
    """It takes a message that comes again under the same id for the same."""
    beginning = b"HTTP/1."
    """How an answer of its begins."""

    def __init__(self, folder: Path, timeout: float) -> None:
        self.folder, self.timeout = folder, timeout
        self.heard: list[Heard] = []
        self._stack = ExitStack()
        self.secret = folder / "provider-secret"
        self.secret.write_text("not so secret")

    def open(self) -> int:
        """Start the service; returns its port."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """The channel's section but for kind and time-out."""
        raise NotImplementedError

    def address(self, who: str) -> str:
        """Somebody's address."""
        raise NotImplementedError

    @property
    def calls(self) -> int:
        """How often it was asked to take something."""
        raise NotImplementedError

    def refuse(self, *, quota: bool) -> Callable[[], None]:
        """It is too busy, or takes no more from us; the answer ends that."""
        raise NotImplementedError

    def hang(self) -> threading.Event:
        """It takes messages and never says so, until the event is set and all of that is over."""
        raise NotImplementedError

    def section(self, kind: str) -> dict[str, Any]:
        """The whole section of the settings."""
        return {"kind": kind, "timeout_seconds": self.timeout, **self.settings()}

    def told(self, who: str) -> int:
        """Of how many different alerts somebody has heard."""
        return len({heard.alert for heard in self.heard if heard.who == who})

    def unmarked_repetitions(self) -> list[Heard]:
        """What came again without a word about it."""
        plain = Counter((heard.who, heard.alert) for heard in self.heard if not heard.marked)
        return [Heard(who, alert, marked=False) for (who, alert), count in plain.items() if count > 1]

    def repetitions(self) -> int:
        """How many messages somebody had heard before."""
        return len(self.heard) - len({(heard.who, heard.alert) for heard in self.heard})

    def hear(self, who: str, text: str, *, marked: bool) -> None:
        """Write down a message."""
        found = re.search(rf"{PUBLIC_URL}/alerts/(\d+)", text)
        self.heard.append(Heard(who, found[1] if found else text, marked))

    def __enter__(self) -> Self:
        self.wire = self._stack.enter_context(Wire(self.open()))
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # ---- troubles ------------------------------------------------------------------------------------------------------

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """It is too busy."""
        end = self.refuse(quota=False)
        yield
        end()

    @contextmanager
    def over_quota(self) -> Iterator[None]:
        """It takes no more from us."""
        end = self.refuse(quota=True)
        yield
        end()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes what comes and never answers."""
        over = self.hang()
        yield
        over.set()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody is there."""
        with self._meeting(lambda connection: connection.close()):
            yield

    @contextmanager
    def nonsense(self) -> Iterator[None]:
        """Something else is there, and does not speak the language."""

        def say(connection: socket.socket) -> None:
            connection.sendall(b"\x00\xff 999 tea\r\n\r\n<xml" * 50)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

        with self._meeting(say):
            yield

    @contextmanager
    def dripping(self) -> Iterator[None]:
        """It begins to answer, and goes on a letter at a time."""
        with Dripper(self.beginning) as dripper, self._meeting(dripper.drip):
            yield

    @contextmanager
    def _meeting(self, answer: Callable[[socket.socket], None]) -> Iterator[None]:
        self.wire.meet = answer
        yield
        self.wire.meet = None


class OverHttp(Provider):
    """A provider that is posted to."""

    def open(self) -> int:
        """See Provider.open."""
        self.hook = self._stack.enter_context(Hook(take=self.take))
        return self.hook.port

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """What becomes of one post."""
        raise NotImplementedError

    @property
    def calls(self) -> int:
        """See Provider.calls."""
        return len(self.hook.calls)

    @property
    def url(self) -> str:
        """Where the wire begins."""
        return f"http://127.0.0.1:{self.wire.port}"

    def refuse(self, *, quota: bool) -> Callable[[], None]:
        """See Provider.refuse."""
        self.hook.status = 429 if quota else 503

        def end() -> None:
            self.hook.status = 200

        return end

    def hang(self) -> threading.Event:
        """See Provider.hang."""
        hook, over = self.hook, threading.Event()
        hook.hang = over
        return over


class Pager(OverHttp):
    """A server of the operator's own, which takes each id once."""

    honours_key = True

    def __init__(self, folder: Path, timeout: float) -> None:
        super().__init__(folder, timeout)
        self._known: set[str] = set()

    def settings(self) -> dict[str, Any]:
        """See Provider.settings."""
        return {"url": f"{self.url}/pager", "secret_file": self.secret}

    def address(self, who: str) -> str:
        """See Provider.address."""
        return who

    def take(self, _path: str, headers: dict[str, str], body: bytes) -> int:
        """See OverHttp.take."""
        if headers["kehai-id"] not in self._known:
            self._known.add(headers["kehai-id"])
            said = json.loads(body)
            self.hear(said["to"], said["link"], marked=said["resent"])
        return 200


class LineService(OverHttp):
    """The part of LINE that pushes: it answers 409 to a retry key that it has taken before, and tells its quota."""

    honours_key = True

    def __init__(self, folder: Path, timeout: float) -> None:
        super().__init__(folder, timeout)
        self._accepted: set[str] = set()
        self._people: dict[str, str] = {}

    def open(self) -> int:
        """See Provider.open."""
        port = super().open()
        self.hook.pages = {
            "/v2/bot/message/quota": b'{"type": "limited", "value": 30000}',
            "/v2/bot/message/quota/consumption": b'{"totalUsage": 100}',
        }
        return port

    def settings(self) -> dict[str, Any]:
        """See Provider.settings."""
        return {"url": self.url, "token_file": self.secret}

    def address(self, who: str) -> str:
        """See Provider.address."""
        user = "U" + hashlib.md5(who.encode(), usedforsecurity=False).hexdigest()
        self._people[user] = who
        return user

    def take(self, _path: str, headers: dict[str, str], body: bytes) -> int:
        """See OverHttp.take."""
        key = headers["x-line-retry-key"]
        if key in self._accepted:
            return 409
        self._accepted.add(key)
        said = json.loads(body)
        text = said["messages"][0]["text"]
        self.hear(self._people[said["to"]], text, marked=_AGAIN in text)
        return 200


class PushService(OverHttp):
    """A push service and, behind it, the browsers, which alone can read what came."""

    def __init__(self, folder: Path, timeout: float) -> None:
        super().__init__(folder, timeout)
        self._browsers: dict[str, ec.EllipticCurvePrivateKey] = {}

    def settings(self) -> dict[str, Any]:
        """See Provider.settings."""
        file = self.folder / "vapid.pem"
        if not file.exists():
            vapid = Vapid02()
            vapid.generate_keys()
            vapid.save_key(str(file))
        return {"key_file": file, "contact": "mailto:k@kehai.test", "loopback": True}

    def address(self, who: str) -> str:
        """See Provider.address; ``who`` may be somebody's browser, as ``yama-telephone``."""
        key = self._browsers.setdefault(who, ec.generate_private_key(ec.SECP256R1()))
        point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        told = {"p256dh": _base64(point), "auth": _base64(_AUTH)}
        return json.dumps({"endpoint": f"{self.url}/push/{who}", "keys": told})

    def take(self, path: str, _headers: dict[str, str], body: bytes) -> int:
        """See OverHttp.take."""
        who = path.rpartition("/")[2]
        said = json.loads(http_ece.decrypt(body, private_key=self._browsers[who], auth_secret=_AUTH))
        self.hear(who, said["link"], marked=_AGAIN in said["title"])
        return 201


class Relay(OverHttp):
    """What an address of Apprise's leads to: it knows no ids."""

    def settings(self) -> dict[str, Any]:
        """See Provider.settings."""
        return {}

    def address(self, who: str) -> str:
        """See Provider.address."""
        return f"json://127.0.0.1:{self.wire.port}/{who}"

    def take(self, path: str, _headers: dict[str, str], body: bytes) -> int:
        """See OverHttp.take."""
        said = json.loads(body)
        self.hear(path.strip("/"), said["message"], marked=_AGAIN in said["title"])
        return 200


class MailServer(Provider):
    """E-mail."""

    beginning = b"220-"

    def open(self) -> int:
        """See Provider.open."""
        self.mailbox = self._stack.enter_context(Mailbox())
        return self.mailbox.port

    def settings(self) -> dict[str, Any]:
        """See Provider.settings."""
        return {"host": "127.0.0.1", "port": self.wire.port, "security": "none", "sender": "k@kehai.test"}

    def address(self, who: str) -> str:
        """See Provider.address."""
        return f"{who}@example.org"

    @property
    def heard(self) -> list[Heard]:
        """What came."""
        found = []
        for mail in self.mailbox.mails:
            alert = re.search(rf"{PUBLIC_URL}/alerts/(\d+)", mail.get_content())  # type: ignore[attr-defined]
            assert alert is not None
            found.append(Heard(str(mail["To"]).partition("@")[0], alert[1], mail["X-Kehai-Resent"] == "yes"))
        return found

    @heard.setter
    def heard(self, _heard: list[Heard]) -> None:
        """The mailbox keeps it."""

    @property
    def calls(self) -> int:
        """See Provider.calls."""
        return self.mailbox.calls

    def refuse(self, *, quota: bool) -> Callable[[], None]:
        """See Provider.refuse."""
        self.mailbox.answers = {"RCPT": "452 4.5.3 too many messages" if quota else "451 4.3.0 later"}

        def end() -> None:
            self.mailbox.answers = {}

        return end

    def hang(self) -> threading.Event:
        """See Provider.hang."""
        over = threading.Event()
        self.mailbox.hang = over
        return over


PROVIDERS: dict[str, Callable[[Path, float], Provider]] = {
    "smtp": MailServer,
    "line": LineService,
    "webpush": PushService,
    "webhook": Pager,
    "apprise": Relay,
}
assert PROVIDERS.keys() == CHANNELS.keys(), "each kind of channel has a provider here"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
