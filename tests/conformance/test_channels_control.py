"""The controls of the channels' conformance: each is a channel with one fault, and the test that is shown to catch it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.channel import Channel, ChannelError, Message, PermanentError, Receipt, TransientError
from alerts.channels.http import Http
from alerts.channels.webhook.channel import Settings, Webhook
from tests.conformance import test_channels as suite
from tests.conformance.test_channels import SECRET, Place
from tests.receivers import Hook


class Leaking(Webhook):
    """It tells the delivery record its secret."""

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        try:
            return super().send(address, message)
        except ChannelError as error:
            raise TransientError(f"The server does not like {SECRET}.") from error


class Telling(Webhook):
    """It tells the delivery record somebody's address."""

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        try:
            return super().send(address, message)
        except ChannelError as error:
            raise TransientError(f"The server does not like {address}.") from error


class Waiting(Webhook):
    """It waits longer than it may."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._http = Http(3.5)


class Despairing(Webhook):
    """Whatever goes wrong, it never tries again."""

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        try:
            return super().send(address, message)
        except ChannelError as error:
            raise PermanentError(str(error)) from error


class Sure(Webhook):
    """When no answer comes it is sure that nothing arrived."""

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        try:
            return super().send(address, message)
        except TransientError as error:
            raise TransientError(str(error)) from error


class Bare(Webhook):
    """It lets through what the library beneath it throws."""

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        try:
            return super().send(address, message)
        except ChannelError as error:
            raise OSError("It did not work.") from error


class Pleased(Webhook):
    """It says that all went well."""

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        try:
            return super().send(address, message)
        except ChannelError:
            return Receipt()


class Forgetful(Webhook):
    """Each attempt has an id of its own."""

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        return super().send(address, replace(message, key=str(uuid.uuid4())))


class Terse(Webhook):
    """It leaves the link out."""

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        return super().send(address, replace(message, link=""))


@dataclass
class BadPlace(Place):
    """A webhook with a fault."""

    bad: type[Webhook] = Webhook

    def channel(self, port: int | None = None, timeout: float = 5.0) -> Channel:
        """See Place.channel."""
        secret = self.folder / "secret"
        secret.write_text(SECRET)
        url = f"http://127.0.0.1:{port}/hook" if port else self.hook.url
        return self.bad(Settings(url=url, secret_file=secret, timeout_seconds=timeout))


Check = Callable[..., None]


@pytest.mark.parametrize(
    ("bad", "check", "more"),
    [
        (Leaking, suite.test_a_server_in_trouble_is_tried_again, (500,)),
        (Telling, suite.test_a_server_in_trouble_is_tried_again, (500,)),
        (Waiting, suite.test_a_server_that_hangs_is_given_up_in_time_and_may_have_taken_it, ()),
        (Sure, suite.test_a_server_that_hangs_is_given_up_in_time_and_may_have_taken_it, ()),
        (Despairing, suite.test_a_server_in_trouble_is_tried_again, (503,)),
        (Despairing, suite.test_a_server_that_is_not_there_is_tried_again, ()),
        (Bare, suite.test_a_server_that_is_not_there_is_tried_again, ()),
        (Pleased, suite.test_a_server_in_trouble_is_tried_again, (502,)),
        (Forgetful, suite.test_the_id_is_the_same_at_every_attempt_where_the_provider_honours_it, ()),
        (Terse, suite.test_a_message_arrives_with_its_words_and_its_link, ()),
    ],
)
def test_a_channel_with_a_fault_is_caught(
    tmp_path: Path, bad: type[Webhook], check: Check, more: tuple[Any, ...]
) -> None:
    with Hook() as hook:
        check(BadPlace("webhook", tmp_path, hook, bad=Webhook), *more)
    with Hook() as hook, pytest.raises((AssertionError, pytest.fail.Exception, OSError)):
        check(BadPlace("webhook", tmp_path, hook, bad=bad), *more)
