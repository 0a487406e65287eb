"""How the watchdog complains: through channels of its own, without the database, the outbox or anything else it watches.

Each address has a thread, so that none waits for another. What is to be said last is said until it is taken; a word that
nobody has got is forgotten when the next one comes, and nobody is told that what they never heard of is over.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog

from alerts.channels.channel import Channel, ChannelError, Message, UnknownError
from domain.clock import HOUR, MINUTE, Span
from domain.findings import Level
from kehai.watchdog.judge import Verdict, Word

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
log = structlog.get_logger("watchdog")


class Where(StrEnum):
    """How far what was sent has got."""

    BROKER = "broker"
    INGEST = "ingest"
    CALLING = "calling"


_WHERE = {
    Where.BROKER: (
        "MQTTブローカーにつながりません。",
        "The MQTT broker cannot be reached: see that it runs, and that the watchdog may come in.",
    ),
    Where.INGEST: (
        "保存されたという返事がありません。ブローカーと受信処理(ingest)が動いているか、ディスクに空きがあるかを見てください。",
        "Nobody confirms that it is stored: see that the broker and ingest run, and that the disk has room.",
    ),
    Where.CALLING: (
        "保存はされていますが、見守りと連絡の処理(watch)から戻ってきません。",
        "It is stored, and does not come back from the watch, which runs the detectors and calls people.",
    ),
}


def compose(word: Word, where: Where | None, installation: str, language: str) -> tuple[str, str]:
    """Subject and text of what is to be said; ``where`` is None when all is well."""
    ja = language != "en"
    lasts = _span(word.silent, ja)
    if word.verdict is Verdict.WELL:
        subject = f"【復旧】{installation} の見守りが動いています" if ja else f"[well again] {installation} is watching"
        body = f"試験データが再び届きました。{lasts}のあいだ届きませんでした。" if ja else (
            f"What the watchdog sends comes through again; for {lasts} it did not."
        )  # fmt: skip
        return subject, body
    subject = f"【緊急】{installation} の見守りが止まっています" if ja else f"[ACT NOW] {installation} is not watching"
    lines = [
        f"試験データが{lasts}届いていません。だれかが倒れても連絡が来ないおそれがあります。"
        if ja
        else f"What the watchdog sends has not come through for {lasts}. Nobody may be called if somebody collapses."
    ]
    if where is not None:
        lines.append(_WHERE[where][0 if ja else 1])
    lines.append("「kehai doctor」で調べてください。" if ja else "'kehai doctor' on the server says what is wrong.")
    return subject, "\n".join(lines)


def _span(span: Span, ja: bool) -> str:
    hours, minutes = divmod(max(1, span // MINUTE), HOUR // MINUTE)
    if ja:
        return (f"{hours}時間" if hours else "") + (f"{minutes}分" if minutes or not hours else "")
    return (f"{hours} h " if hours else "") + f"{minutes} min"


@dataclass(slots=True)
class _Waiting:
    message: Message
    bad: bool


class _Line:
    """One address of one channel, and the thread that speaks to it."""

    def __init__(self, name: str, channel: Channel, address: str, pause: float) -> None:
        self._name, self._channel, self._address, self._first = name, channel, address, pause
        self._changed = threading.Condition()
        self._waiting: _Waiting | None = None
        self._told_bad = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=f"watchdog-{name}", daemon=True)
        self._thread.start()

    def say(self, message: Message, bad: bool) -> None:
        with self._changed:
            if not bad and not self._told_bad:
                self._waiting = None
            else:
                self._waiting = _Waiting(message, bad)
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        pause = self._first
        while (wanted := self._next()) is not None:
            if self._sent(wanted):
                pause = self._first
                continue
            with self._changed:
                if self._waiting is wanted and not self._stopped:
                    self._changed.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _next(self) -> _Waiting | None:
        """What is to be said, once there is something; None when it is time to stop."""
        with self._changed:
            while self._waiting is None and not self._stopped:
                self._changed.wait()
            return None if self._stopped else self._waiting

    def _sent(self, wanted: _Waiting) -> bool:
        try:
            self._channel.send(self._address, wanted.message)
        except ChannelError as error:
            if isinstance(error, UnknownError):  # it may have been heard: then the end of it is to be heard too
                with self._changed:
                    self._told_bad = self._told_bad or wanted.bad
            log.warning("a complaint was not taken and is tried again", channel=self._name, why=str(error))
            return False
        except Exception:  # a channel is a plugin: whatever it throws, this thread goes on
            log.exception("a channel threw what it may not", channel=self._name)
            return False
        with self._changed:
            self._told_bad = wanted.bad
            if self._waiting is wanted:
                self._waiting = None
        return True


class Complaints:
    """Every channel of the watchdog's own, with the addresses that it complains to."""

    def __init__(self, channels: Mapping[str, tuple[Channel, Sequence[str]]], pause: float = FIRST_PAUSE) -> None:
        """``pause`` in seconds before the second attempt; it doubles up to a minute."""
        self._channels = [channel for channel, _ in channels.values()]
        self._lines = [
            _Line(name, channel, address, pause) for name, (channel, to) in channels.items() for address in to
        ]

    def say(self, bad: bool, language: str, subject: str, body: str, link: str = "") -> None:
        """Tell everybody, from now on until they have it or there is something newer to say; ``bad``: all is not well."""
        for line in self._lines:
            key = str(uuid.uuid4())
            line.say(Message(key, language, subject, body, link, Level.PAGE if bad else None, tag="watchdog"), bad)

    def close(self, seconds: float = 3.0) -> None:
        """Say no more; what is on its way has so long to arrive."""
        for line in self._lines:
            line.stop()
        for line in self._lines:
            line.join(seconds)
        for channel in self._channels:
            channel.close()
