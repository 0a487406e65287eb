"""smtp: e-mail through one mail server."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import ClassVar, Literal

from pydantic import Field

from alerts.channels.channel import Message, PermanentError, Receipt, TransientError, UnknownError
from alerts.channels.deadline import watched, within
from alerts.channels.settings import ChannelSettings, SecretFile
from domain.clock import Clock, SystemClock, to_datetime

_GONE = frozenset({b"5.1.1", b"5.1.6", b"5.1.10"})
"""That there is no such mailbox, in the words of RFC 3463; a bare 550 may as well be about us."""


class Settings(ChannelSettings):
    """What an operator sets."""

    kind: Literal["smtp"] = "smtp"
    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_file: SecretFile | None = None
    sender: str
    """The From address."""
    timeout_seconds: float = Field(default=20.0, gt=0, le=20)
    """For one attempt; mail servers keep whom they do not know waiting."""


class _Server(smtplib.SMTP):
    """A connection that ends at the deadline of its attempt."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return watched(super()._get_socket(host, port, timeout))  # type: ignore[misc]  # the types leave it out


class _TlsServer(smtplib.SMTP_SSL, _Server):
    pass


class Smtp:
    """Sends each message over a connection of its own: a server that drops an idle one costs nobody a message."""

    honours_key: ClassVar[bool] = False

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings, self._clock = settings, clock or SystemClock()
        self.workers = settings.workers

    def check_address(self, address: str) -> str:
        """See Channel.check_address."""
        name, plain = parseaddr(address.strip())
        local, at, domain = plain.rpartition("@")
        if (
            not plain.isascii()
            or not at
            or not local
            or "." not in domain.strip(".")
            or name
            or any(c.isspace() for c in plain)
        ):
            raise ValueError("That is no e-mail address: write it as somebody@example.org.")
        return plain

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        with within(self._settings.timeout_seconds):
            return self._send(address, message)

    def _send(self, address: str, message: Message) -> Receipt:
        mail = self._mail(address, message)
        handed_over = False
        try:
            server = self._connect()
            try:
                code, said = server.mail(self._settings.sender)
                if code != 250:
                    raise _ours(code)
                code, said = server.rcpt(address)
                if code not in (250, 251):
                    raise _refused(code, said, "the receiver")
                handed_over = True  # from here on it may have arrived whatever we hear
                code, said = server.data(mail.as_bytes())
                if code != 250:
                    raise _refused(code, said, "the message")
            finally:
                _leave(server)  # whatever is said to that changes nothing of what was taken
            return Receipt(said.decode("ascii", "replace")[:200])
        except (TransientError, PermanentError):
            raise
        except smtplib.SMTPDataError as error:
            raise _refused(int(error.smtp_code), b"", "the message") from error
        except smtplib.SMTPResponseException as error:
            raise _ours(int(error.smtp_code)) from error
        except (smtplib.SMTPException, OSError) as error:
            if handed_over:
                raise UnknownError("The mail server never said whether it took the message.") from error
            raise TransientError("The mail server cannot be reached, or does not speak SMTP.") from error

    def close(self) -> None:
        """See Channel.close."""

    def _mail(self, address: str, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._settings.sender, address, message.subject
        mail["Date"] = format_datetime(to_datetime(self._clock.now()))
        domain = self._settings.sender.rpartition("@")[2].strip("> ") or "kehai.invalid"
        mail["Message-ID"] = f"<{message.key}@{domain}>"  # the same at every attempt: many mail readers show it once
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Kehai-Id"] = message.key
        if message.resent:
            mail["X-Kehai-Resent"] = "yes"
        if message.tag:
            mail["References"] = f"<{message.tag}@{domain}>"
        mail.set_content(message.body + (f"\n\n{message.link}" if message.link else "") + "\n")
        return mail

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
        if settings.security == "tls":
            server: smtplib.SMTP = _TlsServer(
                settings.host, settings.port, timeout=settings.timeout_seconds, context=context
            )
        else:
            server = _Server(settings.host, settings.port, timeout=settings.timeout_seconds)
        try:
            server.ehlo_or_helo_if_needed()
            if settings.security == "starttls":
                server.starttls(context=context)
                server.ehlo_or_helo_if_needed()  # what was said before counts for nothing any more
            if settings.username:
                server.login(settings.username, settings.secret(settings.password_file))
        except BaseException:
            server.close()
            raise
        return server


def _leave(server: smtplib.SMTP) -> None:
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    server.close()


def _ours(code: int) -> TransientError:
    """It does not take us, whoever is written to: once the settings or the server are mended, what waits is sent."""
    return TransientError(f"The mail server does not let us send (code {code}): look at user, password and sender.")


def _refused(code: int, said: bytes, what: str) -> TransientError | PermanentError:
    if 500 <= code < 600:
        gone = what == "the receiver" and said.split(b" ")[0] in _GONE
        return PermanentError(f"The mail server refuses {what} (code {code}).", address_gone=gone)
    return TransientError(f"The mail server does not take {what} for now (code {code}).")


def make(settings: Settings) -> Smtp:
    """See the catalogue."""
    return Smtp(settings)
