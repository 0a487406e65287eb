"""What LINE brings back: a button that a resident pressed, a word that they wrote, an account that they blocked.

LINE may bring an event again, and in another order; each is taken once, by its id, in the transaction of what it does. Who
is not known by an address on the channel is never answered, and nothing about them is written down.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update

from alerts.answers import answer, call_for_help, patiently
from alerts.asking import Answer, owner_of, question_of
from alerts.duty_tables import asks, line_events
from alerts.tables import alerts
from domain.alerts import State
from domain.clock import DAY, MILLISECOND, Instant, Span
from domain.ids import HomeId
from registry.database import insert_into
from registry.tables import addresses

REMEMBERED: Span = 7 * DAY
"""How long an event's id is kept; LINE brings one again within minutes or hours."""
THROUGH = "line"
_USER = re.compile(r"U[0-9a-f]{32}")
_DATA = re.compile(r"(well|help) ([A-Za-z0-9_-]{16,64})")
_LONGEST_WORD = 40
_FOREVER = 10**14
"""Milliseconds that no clock shows."""
_HOME = owner_of(HomeId(""))
_WELL = frozenset(["大丈夫", "大丈夫です", "だいじょうぶ", "だいじょうぶです", "元気です", "げんきです"])
_HELP = frozenset(["助けて", "助けてください", "助けて下さい", "たすけて", "たすけてください"])


def take(engine: Engine, channel: str, event: object, now: Instant, pace: float = 1.0) -> bool:
    """Do what an event asks for; False for one that is none of ours, is nonsense, or was taken before.

    Raises StaleError when it did not get through: whoever brought it has to bring it again.
    """
    if not isinstance(event, Mapping) or event.get("mode") != "active":
        return False
    number, user = event.get("webhookEventId"), _of(event, "source").get("userId")
    if (
        not isinstance(number, str)
        or not 0 < len(number) <= 64
        or not isinstance(user, str)
        or not _USER.fullmatch(user)
    ):
        return False
    if _of(event, "source").get("type") != "user":
        return False
    with engine.connect() as connection:
        if not _owners(connection, channel, user):
            return False
    return patiently(engine, partial(_take, channel=channel, number=number, user=user, event=event, now=now, pace=pace))


def forget(engine: Engine, now: Instant) -> None:
    """Forget the ids of events that LINE will not bring again."""
    with engine.connect() as connection:
        old = connection.execute(select(line_events.c.id).where(line_events.c.at < now - REMEMBERED).limit(1)).first()
    if old is not None:
        with engine.begin() as connection:
            connection.execute(delete(line_events).where(line_events.c.at < now - REMEMBERED))


def _take(
    connection: Connection, channel: str, number: str, user: str, event: Mapping[str, Any], now: Instant, pace: float
) -> bool:
    new = insert_into(connection, line_events).values(id=number, at=now).on_conflict_do_nothing()
    if connection.execute(new).rowcount == 0:
        return False
    kind = event.get("type")
    if kind == "unfollow" and _of(event, "deliveryContext").get("isRedelivery") is True:
        return False  # they may have come back since: rather a message in vain than none
    if kind in ("follow", "unfollow"):
        theirs = (addresses.c.channel == channel) & (addresses.c.address == user)
        broken_at = now if kind == "unfollow" else None
        return connection.execute(update(addresses).where(theirs).values(broken_at=broken_at)).rowcount > 0
    homes = _homes(connection, channel, user)
    if kind == "postback":
        return _pressed(connection, homes, _of(event, "postback").get("data"), now, pace, _set_out(event))
    message = _of(event, "message")
    if kind == "message" and message.get("type") == "text":
        return _wrote(connection, homes, message.get("text"), now, pace, _set_out(event))
    return False


def _set_out(event: Mapping[str, Any]) -> Instant:
    """When the resident pressed or wrote: LINE may have brought it before in vain, and it says nothing of now."""
    at = event.get("timestamp")
    return at * MILLISECOND if isinstance(at, int) and 0 < at < _FOREVER else 0


def _pressed(connection: Connection, homes: list[HomeId], data: object, now: Instant, pace: float, at: Instant) -> bool:
    found = _DATA.fullmatch(data) if isinstance(data, str) else None
    question = question_of(connection, found[2]) if found else None
    if found is None or question is None or question.home not in homes:
        return False
    answer(connection, question.token, Answer(found[1]), THROUGH, now, pace, at)
    return True


def _wrote(connection: Connection, homes: list[HomeId], text: object, now: Instant, pace: float, at: Instant) -> bool:
    """A word answers only the one question that stands open; a call for help calls people in any case."""
    word = _word(text)
    if word not in _WELL | _HELP or not homes:
        return False
    wanted = (
        select(asks.c.token)
        .join(alerts, alerts.c.id == asks.c.alert)
        .where(asks.c.home.in_(homes), asks.c.answered_at.is_(None))
        .where(alerts.c.state.not_in([State.HELD.value, State.CLOSED.value]))
    )
    open_tokens = connection.execute(wanted).scalars().all()
    if len(open_tokens) == 1:
        answer(connection, open_tokens[0], Answer.WELL if word in _WELL else Answer.HELP, THROUGH, now, pace, at)
        return True
    if word in _HELP:
        for home in homes:
            call_for_help(connection, home, now, pace)
        return True
    return False


def _word(text: object) -> str:
    """What somebody wrote, without the marks around it; empty for what is no short text."""
    if not isinstance(text, str) or len(text) > _LONGEST_WORD:
        return ""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in plain if letter.isalnum() or letter == "ー")


def _owners(connection: Connection, channel: str, user: str) -> list[str]:
    wanted = select(addresses.c.owner).where(addresses.c.channel == channel, addresses.c.address == user)
    return list(connection.execute(wanted.order_by(addresses.c.owner)).scalars())


def _homes(connection: Connection, channel: str, user: str) -> list[HomeId]:
    """The homes whose residents have this account for an address."""
    owners = _owners(connection, channel, user)
    return [HomeId(owner.removeprefix(_HOME)) for owner in owners if owner.startswith(_HOME)]


def _of(event: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = event.get(key)
    return value if isinstance(value, Mapping) else {}
