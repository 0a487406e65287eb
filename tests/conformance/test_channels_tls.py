"""Channels over TLS: to a server whose certificate an authority of the operator's own has signed, and to no other."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from alerts.channels.catalogue import build
from alerts.channels.channel import Channel, Message, TransientError
from tests.certificates import Authority
from tests.receivers import Mailbox
from tests.servers import free_port

MESSAGE = Message("6a5f7c1e-8a56-4a39-9a0d-3f3b0b7a1c11", "en", "[ACT NOW] 302", "Go there.", "https://k.test/alerts/7")


class Signed:
    """An authority, and what a server of its shows."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder)
        issued = authority.issue("server", names="IP:127.0.0.1")
        self.ca_file = authority.certificate
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(issued.certificate, issued.key)
        (folder / "secret").write_text("not so secret")
        self.secret = folder / "secret"

    def channel(self, **section: Any) -> Channel:
        return build({"way": {"timeout_seconds": 5, **section}})["way"]


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return Signed(tmp_path_factory.mktemp("tls"))


@contextmanager
def https(context: ssl.SSLContext) -> Iterator[tuple[int, list[tuple[str, int]]]]:
    """Port of a server that keeps connections open, and from where each call came."""
    calls: list[tuple[str, int]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            calls.append(self.client_address)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server.server_address[1], calls
    server.shutdown()
    server.server_close()


def test_calls_to_a_server_that_the_operator_trusts_go_over_one_connection(signed: Signed) -> None:
    with https(signed.context) as (port, calls):
        hook = {"kind": "webhook", "url": f"https://127.0.0.1:{port}/hook", "secret_file": signed.secret}
        channel = signed.channel(**hook, ca_file=signed.ca_file)
        channel.send("somebody", MESSAGE)
        channel.send("somebody", MESSAGE)
        channel.close()
        assert len(calls) == 2
        assert len(set(calls)) == 1, "the second did not need a connection of its own"


def test_a_server_that_nobody_vouches_for_is_told_nothing(signed: Signed) -> None:
    with https(signed.context) as (port, calls):
        hook = {"kind": "webhook", "url": f"https://127.0.0.1:{port}/hook", "secret_file": signed.secret}
        with pytest.raises(TransientError, match="not trusted"):
            signed.channel(**hook).send("somebody", MESSAGE)
        assert calls == []


@contextmanager
def mail_server(context: ssl.SSLContext, security: str, password: bytes = b"") -> Iterator[Mailbox]:
    """With ``password`` it takes mails from ``kehai`` alone."""
    mailbox = Mailbox(port=free_port())
    how: dict[str, Any] = {"ssl_context": context}
    if security == "starttls":
        how = {"tls_context": context, "require_starttls": True}
    if password:

        def is_known(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, said: Any) -> AuthResult:
            return AuthResult(success=(said.login, said.password) == (b"kehai", password), handled=False)

        how |= {"auth_required": True, "authenticator": is_known}
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **how)
    controller.start()
    yield mailbox
    controller.stop()


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_mail_goes_to_a_server_that_the_operator_trusts_and_to_no_other(signed: Signed, security: str) -> None:
    with mail_server(signed.context, security) as mailbox:
        post = {"kind": "smtp", "host": "127.0.0.1", "port": mailbox.port, "security": security, "sender": "k@k.test"}
        with pytest.raises(TransientError):
            signed.channel(**post).send("somebody@example.org", MESSAGE)
        assert mailbox.mails == []
        signed.channel(**post, ca_file=signed.ca_file).send("somebody@example.org", MESSAGE)
        assert [mail["Subject"] for mail in mailbox.mails] == [MESSAGE.subject]


def test_a_mail_server_that_does_not_know_us_is_tried_again_until_the_password_is_mended(
    signed: Signed, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("wrong-7fc1\n")
    with mail_server(signed.context, "starttls", b"right-7fc1") as mailbox:
        channel = signed.channel(
            kind="smtp", host="127.0.0.1", port=mailbox.port, security="starttls", sender="k@k.test", username="kehai",
            password_file=password, ca_file=signed.ca_file,
        )  # fmt: skip
        with pytest.raises(TransientError, match="does not let us send") as caught:
            channel.send("somebody@example.org", MESSAGE)
        assert "7fc1" not in str(caught.value)
        password.write_text("right-7fc1\n")
        channel.send("somebody@example.org", MESSAGE)
        assert len(mailbox.mails) == 1
