"""What every channel of the catalogue keeps, against servers that behave, refuse, hang, and talk nonsense."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from alerts.channels.catalogue import CHANNELS, build
from alerts.channels.channel import (
    Channel,
    ChannelError,
    Message,
    OverQuotaError,
    PermanentError,
    TransientError,
    UnknownError,
)
from alerts.channels.webhook.channel import sign
from domain.clock import SECOND, monotonic
from domain.errors import ConfigurationError
from domain.findings import Level
from tests.programs import until
from tests.receivers import Dripper, Hook, Mailbox
from tests.servers import free_port

SECRET = "wholly-secret-7fc1"
KEY = "6a5f7c1e-8a56-4a39-9a0d-3f3b0b7a1c11"
MESSAGE = Message(
    KEY,
    "ja",
    "【緊急】302 動きがありません",
    "【緊急】302 動きがありません\n地区: 南",
    "https://k.test/alerts/7",
    Level.PAGE,
)
OVER_HTTP = [kind for kind in CHANNELS if kind != "smtp"]


@dataclass
class Place:
    """One channel, its address, and the server behind it."""

    kind: str
    folder: Path
    hook: Hook = field(default_factory=Hook)
    mailbox: Mailbox = field(default_factory=Mailbox)

    def channel(self, port: int | None = None, timeout: float = 5.0) -> Channel:
        """The channel; ``port`` is another server's than ours."""
        secret = self.folder / "secret"
        secret.write_text(SECRET)
        base = f"http://127.0.0.1:{port}" if port else self.hook.url.removesuffix("/hook")
        sections: dict[str, dict[str, Any]] = {
            "smtp": {
                "host": "127.0.0.1",
                "port": port or self.mailbox.port,
                "security": "none",
                "sender": "k@kehai.test",
            },
            "webhook": {"url": f"{base}/hook", "secret_file": secret},
            "line": {"url": base, "token_file": secret},
            "webpush": {"key_file": self._vapid(), "contact": "mailto:k@kehai.test", "loopback": True},
            "apprise": {},
        }
        section = {"kind": self.kind, "timeout_seconds": timeout, **sections[self.kind]}
        return build({"way": section})["way"]

    def address(self, port: int | None = None) -> str:
        """Somebody's address, at our server or at another."""
        at = port or int(self.hook.url.split(":")[2].split("/")[0])
        return {
            "smtp": "somebody@example.org",
            "webhook": "somebody",
            "line": "U" + "0123456789abcdef" * 2,
            "webpush": subscription(f"http://127.0.0.1:{at}/push/somebody"),
            "apprise": f"json://127.0.0.1:{at}/somebody",
        }[self.kind]

    def _vapid(self) -> Path:
        file = self.folder / "vapid.pem"
        if not file.exists():
            vapid = Vapid02()
            vapid.generate_keys()
            vapid.save_key(str(file))
        return file


def subscription(endpoint: str) -> str:
    """What a browser hands over."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    told = {"p256dh": base64.urlsafe_b64encode(point).decode(), "auth": base64.urlsafe_b64encode(b"0" * 16).decode()}
    return json.dumps({"endpoint": endpoint, "keys": told})


@pytest.fixture(params=list(CHANNELS))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with Hook() as hook, Mailbox() as mailbox:
        yield Place(request.param, tmp_path, hook, mailbox)


@pytest.fixture(params=OVER_HTTP)
def over_http(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with Hook() as hook:
        yield Place(request.param, tmp_path, hook)


def failure(place: Place, channel: Channel, address: str) -> ChannelError:
    """What a send raises; it names neither secret nor address, and is one sentence."""
    with pytest.raises(ChannelError) as caught:
        channel.send(address, MESSAGE)
    said = str(caught.value)
    for hidden in (SECRET, "somebody", "0123456789abcdef", MESSAGE.subject):
        assert hidden not in said
    assert said.endswith(".")
    assert len(said.splitlines()) == 1
    return caught.value


def test_a_message_arrives_with_its_words_and_its_link(place: Place) -> None:
    place.channel().send(place.address(), MESSAGE)
    if place.kind == "smtp":
        (mail,) = place.mailbox.mails
        assert (mail["Subject"], mail["X-Kehai-Id"]) == (MESSAGE.subject, KEY)
        assert MESSAGE.link in mail.get_content()  # type: ignore[attr-defined]
        return
    ((_, headers, body),) = place.hook.calls
    if place.kind == "webpush":
        assert headers["content-encoding"] == "aes128gcm"
        assert headers["urgency"] == "high"
        assert MESSAGE.link.encode() not in body
        return
    said = json.loads(body)
    text = json.dumps(said, ensure_ascii=False)
    assert "302" in text
    assert MESSAGE.link in text


def test_the_id_is_the_same_at_every_attempt_where_the_provider_honours_it(place: Place) -> None:
    channel = place.channel()
    for resent in (False, True):
        channel.send(place.address(), replace(MESSAGE, resent=resent))
    if place.kind == "smtp":
        assert [mail["Message-ID"] for mail in place.mailbox.mails] == [f"<{KEY}@kehai.test>"] * 2
        assert [mail["X-Kehai-Resent"] for mail in place.mailbox.mails] == [None, "yes"]
    elif channel.honours_key:
        header = {"webhook": "kehai-id", "line": "x-line-retry-key"}[place.kind]
        assert [headers[header] for _, headers, _ in place.hook.calls] == [KEY, KEY]


def test_a_server_that_is_not_there_is_tried_again(place: Place) -> None:
    port = free_port()
    error = failure(place, place.channel(port), place.address(port))
    assert isinstance(error, TransientError)


def test_a_server_that_hangs_is_given_up_in_time_and_may_have_taken_it(over_http: Place) -> None:
    over_http.hook.hang = threading.Event()
    began = monotonic()
    error = failure(over_http, over_http.channel(timeout=0.5), over_http.address())
    assert isinstance(error, UnknownError)
    assert monotonic() - began < 3 * SECOND


MAIL = {"": b"220 k.test\r\n", "EHLO": b"250 k.test\r\n", "MAIL": b"250 OK\r\n", "RCPT": b"250 OK\r\n"} | {
    "DATA": b"354 go on\r\n"
}
DRIPPING = [
    ("webhook", Dripper(b"HTTP/")),
    ("line", Dripper(b"HTTP/")),
    ("webpush", Dripper(b"HTTP/")),
    ("smtp", Dripper(b"220-")),
    ("smtp", Dripper(b"250-", MAIL)),
]


@pytest.mark.parametrize(("kind", "dripper"), DRIPPING, ids=["webhook", "line", "webpush", "smtp", "smtp after DATA"])
def test_a_server_that_drips_is_given_up_when_the_whole_attempt_has_taken_too_long(
    tmp_path: Path, kind: str, dripper: Dripper
) -> None:
    with dripper, Hook() as hook:
        place = Place(kind, tmp_path, hook)
        began = monotonic()
        error = failure(place, place.channel(dripper.port, timeout=0.5), place.address(dripper.port))
        assert monotonic() - began < 3 * SECOND
        assert isinstance(error, TransientError)
        # A mail server that has not got the message yet cannot have taken it.
        assert isinstance(error, UnknownError) is (kind != "smtp" or dripper.takes_mail)
        until(lambda: dripper.dripping == 0, 10, "end of the connection")


def test_messages_that_hang_keep_no_other_message_of_the_channel_waiting(over_http: Place) -> None:
    held = over_http.hook.hang = threading.Event()
    channel = over_http.channel(timeout=10)

    def hang() -> None:
        with suppress(ChannelError):
            channel.send(over_http.address(), MESSAGE)

    hung = [threading.Thread(target=hang) for _ in range(8)]
    for thread in hung:
        thread.start()
    until(lambda: len(over_http.hook.calls) == len(hung), 4, "call of each of them")
    over_http.hook.hang = None
    began = monotonic()
    channel.send(over_http.address(), MESSAGE)
    assert monotonic() - began < 2 * SECOND
    held.set()
    for thread in hung:
        thread.join()


def test_a_server_that_drips_before_the_connection_is_safe_is_given_up_too(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    with Dripper(b"\x16\x03\x03\x40\x00") as dripper:  # the beginning of a long answer to a TLS greeting
        hook = {"kind": "webhook", "url": f"https://127.0.0.1:{dripper.port}", "secret_file": secret}
        mail = {"kind": "smtp", "host": "127.0.0.1", "port": dripper.port, "security": "tls", "sender": "k@kehai.test"}
        for section in (hook, mail):
            began = monotonic()
            with pytest.raises(TransientError):
                build({"way": {**section, "timeout_seconds": 0.5}})["way"].send("somebody@example.org", MESSAGE)
            assert monotonic() - began < 3 * SECOND


def test_a_server_that_drips_after_it_said_that_it_took_the_message_has_taken_it(over_http: Place) -> None:
    if over_http.kind == "apprise":
        return  # it waits for the last word itself; the caller gives such an attempt up
    with Dripper(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n") as dripper:
        over_http.channel(dripper.port, timeout=0.5).send(over_http.address(dripper.port), MESSAGE)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_in_trouble_is_tried_again(over_http: Place, status: int) -> None:
    over_http.hook.status, over_http.hook.headers = status, {"Retry-After": "7"}
    error = failure(over_http, over_http.channel(), over_http.address())
    assert isinstance(error, TransientError)
    if over_http.kind != "apprise":
        assert error.retry_after == 7


def test_garbage_for_an_answer_breaks_nothing(over_http: Place) -> None:
    over_http.hook.body = b"\xff\x00<html>{" * 1000
    over_http.channel().send(over_http.address(), MESSAGE)
    over_http.hook.status = 500
    failure(over_http, over_http.channel(), over_http.address())


@pytest.mark.parametrize("kind", ["webhook", "line", "webpush"])
def test_over_the_quota_the_next_channel_is_to_be_tried(tmp_path: Path, kind: str) -> None:
    with Hook() as hook:
        hook.status = 429
        place = Place(kind, tmp_path, hook)
        assert isinstance(failure(place, place.channel(), place.address()), OverQuotaError)


def test_a_browser_that_takes_no_more_is_forgotten(tmp_path: Path) -> None:
    with Hook() as hook:
        hook.status = 410
        place = Place("webpush", tmp_path, hook)
        error = failure(place, place.channel(), place.address())
        assert isinstance(error, PermanentError)
        assert error.address_gone


def test_line_answers_409_to_what_it_has_accepted_before_and_that_is_as_good(tmp_path: Path) -> None:
    with Hook() as hook:
        hook.status, hook.headers = 409, {"x-line-accepted-request-id": "req-1"}
        place = Place("line", tmp_path, hook)
        assert "req-1" in place.channel().send(place.address(), MESSAGE).detail


@pytest.mark.parametrize(("answer", "kind"), [("451 later", TransientError), ("554 no", PermanentError)])
def test_what_the_mail_server_says_decides(tmp_path: Path, answer: str, kind: type[ChannelError]) -> None:
    with Mailbox() as mailbox, Hook() as hook:
        mailbox.answer = answer
        place = Place("smtp", tmp_path, hook, mailbox)
        assert type(failure(place, place.channel(), "somebody@example.org")) is kind


def test_a_webhook_s_signature_can_be_checked_with_the_secret(tmp_path: Path) -> None:
    with Hook() as hook:
        place = Place("webhook", tmp_path, hook)
        place.channel().send(place.address(), MESSAGE)
        ((_, headers, body),) = hook.calls
    stamp, signature = (part.split("=")[1] for part in headers["kehai-signature"].split(","))
    assert sign(SECRET.encode(), stamp, body) == signature
    assert sign(b"another", stamp, body) != signature


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nobody",
        "a@b",
        "花@example.org",
        "SYSLOG://x",
        "x y@example.org",
        "U123",
        "exec://rm",
        "{}",
        '{"endpoint": 3}',
    ],
)
def test_an_address_that_cannot_be_is_refused_in_one_sentence(place: Place, bad: str) -> None:
    if place.kind == "webhook":
        return  # where every call goes to one URL, an address is whatever the receiver makes of it
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (each kind has its own words)
        place.channel().check_address(bad)
    assert str(caught.value).endswith(".")


def test_a_good_address_is_kept(place: Place) -> None:
    channel = place.channel()
    kept = channel.check_address(f" {place.address()} ")
    assert channel.check_address(kept) == kept


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"kind": "pigeon"}, "channels.way.kind"),
        ({"kind": "smtp", "sender": "k@kehai.test"}, "channels.way.host"),
        ({"kind": "line", "token_file": "x", "colour": "red"}, "channels.way.colour"),
    ],
)
def test_a_section_that_cannot_be_is_refused_by_its_key(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        build({"way": section})


def mail_failure(tmp_path: Path, **answers: str) -> tuple[ChannelError | None, Mailbox]:
    """What a mail server's answers to single commands make of a send."""
    with Mailbox() as mailbox, Hook() as hook:
        mailbox.answers = answers
        place = Place("smtp", tmp_path, hook, mailbox)
        try:
            place.channel().send(place.address(), MESSAGE)
        except ChannelError as error:
            return error, mailbox
    return None, mailbox


@pytest.mark.parametrize(
    ("answer", "gone"),
    [("550 5.1.1 no such user", True), ("550 5.7.1 relaying denied", False), ("550 client host blocked", False)],
)
def test_only_a_mailbox_that_does_not_exist_is_struck_out_and_nobody_s_for_a_fault_of_ours(
    tmp_path: Path, answer: str, gone: bool
) -> None:
    error, _ = mail_failure(tmp_path, RCPT=answer)
    assert isinstance(error, PermanentError)
    assert error.address_gone is gone


@pytest.mark.parametrize("answer", ["452 too much to do", "550 5.7.1 sender refused"])
def test_a_mail_server_that_does_not_take_us_is_tried_again(tmp_path: Path, answer: str) -> None:
    error, _ = mail_failure(tmp_path, MAIL=answer)
    assert isinstance(error, TransientError)


@pytest.mark.parametrize("answer", ["421 closing", "500 what"])
def test_what_a_mail_server_says_to_the_farewell_changes_nothing_of_what_it_took(tmp_path: Path, answer: str) -> None:
    error, mailbox = mail_failure(tmp_path, QUIT=answer)
    assert error is None
    assert len(mailbox.mails) == 1
