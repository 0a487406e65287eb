"""The telephones of a demo's invented staff: what they are sent is said at the terminal, as they would read it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from alerts.channels.webhook.channel import sign

_LONGEST = 64 * 1024
SECRET = "the demo's own"  # noqa: S105 (it guards nothing: loopback, invented people)


@contextmanager
def phones(secret_file: Path, names: Mapping[str, str], say: Callable[[str], None]) -> Iterator[str]:
    """Answer calls of a webhook channel on a free loopback port until the block ends; gives the URL."""
    secret_file.write_text(SECRET, encoding="utf-8")
    seen: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _LONGEST))
            stamp, _, signature = self.headers.get("Kehai-Signature", "").partition(",v1=")
            good = signature == sign(SECRET.encode(), stamp.removeprefix("t="), body)
            self.send_response(204 if good else 403)
            self.end_headers()
            key = self.headers.get("Kehai-Id", "")
            if good and key not in seen:  # each id once, whatever the sender had to repeat
                seen.add(key)
                message = json.loads(body)
                to = names.get(message["to"], message["to"])
                say(f"  -> {to}: {message['subject']}  {message['link']}")

        def log_message(self, *_: object) -> None:
            """Say nothing of calls."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="phones", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
