"""An HTTP store that really stores what it accepts, answers as it is told to, and counts what it refused."""

from __future__ import annotations

import json
import re
import select
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self, cast
from urllib.parse import parse_qs, urlsplit

from domain.clock import SECOND, Clock, SystemClock

Order = Literal[
    "204", "400", "401", "404", "413", "422", "429", "500", "503", "hang", "drop", "garbage", "captive", "200"
]
ASKED_SECONDS = 7
DATE_SECONDS = 90


@dataclass
class Bench:
    """One store. Answers by ``orders`` while there are any; where the order is 204, and afterwards, by what the points are."""

    clock: Clock
    orders: deque[Order] = field(default_factory=deque)
    poison: dict[str, Order] = field(default_factory=dict)
    """Text in a line -> how this store answers whenever such a line is among those sent."""
    token: str | None = None
    points: dict[tuple[str, str], str] = field(default_factory=dict)
    """(series, timestamp) -> fields."""
    refused_alone: set[tuple[str, str]] = field(default_factory=set)
    """Keys of points that stood alone in a write that was refused."""
    requests: list[tuple[str, int]] = field(default_factory=list)
    """(answer, lines) of every write."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, lines: list[str], token: str | None) -> Order:
        """Store what the order, or the points themselves, let in; the answer."""
        with self.lock:
            order = self._order(lines, token)
            self.requests.append((order, len(lines)))
            good = [line for line in lines if not any(text in line for text in self.poison)]
            if order in {"204", "hang", "drop", "200"}:
                kept = good
            elif order in {"400", "422"}:
                kept = good if len(good) < len(lines) else lines[1:]  # the good ones of a refused write are stored
            elif order == "500":
                kept = good[: len(good) // 2]
            else:
                kept = []
            for line in kept:
                series, fields, stamp = split(line)
                self.points[series, stamp] = fields
            if order in {"400", "413", "422"} and len(lines) == 1:
                series, _, stamp = split(lines[0])
                self.refused_alone.add((series, stamp))
            return order

    def _order(self, lines: list[str], token: str | None) -> Order:
        if self.token is not None and token != f"Token {self.token}":
            return "401"
        order = self.orders.popleft() if self.orders else "204"
        if order != "204":
            return order
        return next((order for text, order in self.poison.items() if any(text in line for line in lines)), "204")


def split(line: str) -> tuple[str, str, str]:
    """Series, fields, timestamp of a line of the line protocol."""
    series, fields, stamp = re.split(r"(?<!\\) ", line)
    assert re.fullmatch(r"-?\d+", stamp)
    return series, fields, stamp


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        asked = urlsplit(self.path)
        _, name, way = asked.path.split("/", 2)
        bench = cast("PretendStores", self.server).benches[name]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        query = parse_qs(asked.query)
        assert way in {"write", "api/v2/write"}, way
        assert query["precision"] == ["ns"]
        assert query.get("db", query.get("bucket")) == ["kehai"]
        order = bench.take(body.decode().splitlines(), self.headers["Authorization"])
        if order == "hang":
            select.select([self.connection], [], [], 20)  # until the other side gives up
            self.close_connection = True
        elif order == "drop":
            self.close_connection = True
        elif order == "garbage":
            self.wfile.write(b"\x00\xff nothing that HTTP knows\r\n\r\n")
            self.close_connection = True
        else:
            self._answer(order, bench.clock)

    def _answer(self, order: Order, clock: Clock) -> None:
        status = 200 if order in {"200", "captive"} else int(order)
        body, kind = b"", "application/json"
        if order == "captive":
            body, kind = b"<html>log in first</html>", "text/html"
        elif status >= 300:
            body = json.dumps({"code": "refused", "message": f"these are the store's words for {status}"}).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status == 429:
            self.send_header("Retry-After", str(ASKED_SECONDS))
        if status == 503:
            self.send_header("Retry-After", formatdate(clock.now() / SECOND + DATE_SECONDS, usegmt=True))
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        """Say nothing."""


class PretendStores(ThreadingHTTPServer):
    """Any number of stores behind one port; ``with PretendStores() as stores: url = stores.add("a", Bench(clock))``."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.benches: dict[str, Bench] = {}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    def add(self, name: str, bench: Bench) -> str:
        """Open a store; its address."""
        self.benches[name] = bench
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of ours."""

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.shutdown()
        self._thread.join(10)
        self.server_close()


def bench(orders: Iterable[Order] = (), clock: Clock | None = None, **poison: Order) -> Bench:
    """A store that answers in this order first."""
    return Bench(clock or SystemClock(), deque(orders), dict(poison))
