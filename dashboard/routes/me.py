"""How I am called: where somebody can be reached, and a test of each way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from alerts import digests
from alerts.channels.channel import Channel
from alerts.channels.webpush.channel import WebPush
from alerts.digests import Choice, Occasion
from alerts.notices import Notice, Purpose
from alerts.outbox import enqueue, trials_of
from dashboard.language import LANGUAGES
from dashboard.pages import render, speech_of
from dashboard.security import check_form, office_of, require_session
from dashboard.views.duty import told
from dashboard.words import OCCASION
from registry import addresses
from registry.staff import Session

router = APIRouter()
_In = Annotated[Session, Depends(require_session)]
_Word = Annotated[str, Form(max_length=addresses.LONGEST)]
MOST = 10
"""Nobody has more addresses."""


@dataclass(frozen=True, slots=True)
class Push:
    """The channel by which a browser can be called, and the key that it must be given for that."""

    channel: str
    key: str


def push_of(channels: Mapping[str, Channel]) -> Push | None:
    """The first channel that calls browsers and whose key can be read: a browser subscribes for one key alone."""
    found = [(name, channel.public_key()) for name, channel in sorted(channels.items()) if isinstance(channel, WebPush)]
    return next((Push(name, key) for name, key in found if key), None)


def browser_of(address: str) -> str:
    """By what a browser finds itself in the list of addresses; empty for what is no browser."""
    try:
        said = json.loads(address)
        endpoint = said["endpoint"]
    except (ValueError, KeyError, TypeError):
        return ""
    return hashlib.sha256(str(endpoint).encode()).hexdigest()


@router.get("/me")
def show(request: Request, session: _In) -> Response:
    """One's own addresses, in the order in which they are tried."""
    return _page(request, session)


def _page(
    request: Request, session: Session, *, code: int = 200, problem: str = "", channel: str = "", address: str = "",
    name: str = "",
) -> Response:  # fmt: skip
    office, speech, login = office_of(request), speech_of(request), session.member.login
    with office.engine.connect() as connection:
        own = addresses.of(connection, login)
        tested = told(trials_of(connection, login), office.names(), speech)
        language = addresses.language_of(connection, login)
        digest, ways = digests.choice_of(connection, login), addresses.channels_of(connection, login)
    return render(
        request, "me.html", session=session, speech=speech, code=code, own=own, tested=tested, problem=problem,
        channels=sorted(name for name, way in office.channels.items() if not isinstance(way, WebPush)),
        channel=channel, address=address, spoken=language, spoken_of=LANGUAGES, name=name, browser_of=browser_of,
        digest=digest, ways=ways, occasions=OCCASION, push=push_of(office.channels), longest=addresses.LONGEST_NAME,
    )  # fmt: skip


@router.post("/me/addresses")
def add(
    request: Request, session: _In, csrf: _Word = "", channel: _Word = "", address: _Word = "", name: _Word = ""
) -> Response:
    """One more address, tried after the others."""
    check_form(request, session, csrf)
    office, gettext, login = office_of(request), speech_of(request).gettext, session.member.login
    way = office.channels.get(channel)
    if way is None:
        problem = gettext("Choose through what you are to be called.")
        return _page(request, session, code=422, problem=problem, channel=channel, address=address, name=name)
    try:
        kept = way.check_address(address)
    except ValueError as error:
        problem = gettext(str(error))
        return _page(request, session, code=422, problem=problem, channel=channel, address=address, name=name)
    if isinstance(way, WebPush) and not name.strip():
        name = gettext("A browser")
    with office.engine.begin() as connection:
        if len(addresses.of(connection, login)) >= MOST:
            problem = gettext("You have ten addresses: remove one first.")
            return _page(request, session, code=422, problem=problem, channel=channel, address=address, name=name)
        addresses.add(connection, login, channel, kept, office.real.now(), name.strip())
    return RedirectResponse("/me", 303)


@router.post("/me/language")
def speak(request: Request, session: _In, csrf: _Word = "", language: _Word = "") -> Response:
    """The language of what is sent."""
    check_form(request, session, csrf)
    if language not in LANGUAGES:
        raise HTTPException(404)
    office = office_of(request)
    with office.engine.begin() as connection:
        addresses.set_language(connection, session.member.login, language)
    return RedirectResponse("/me", 303)


@router.post("/me/digest")
def summarise(request: Request, session: _In, csrf: _Word = "", occasion: _Word = "", channel: _Word = "") -> Response:
    """When a summary is sent, and through what; without an occasion, never."""
    check_form(request, session, csrf)
    office, login = office_of(request), session.member.login
    with office.engine.begin() as connection:
        if not occasion:
            digests.choose(connection, login, None, office.clock.now())
        elif occasion in set(Occasion) and channel in addresses.channels_of(connection, login):
            digests.choose(connection, login, Choice(Occasion(occasion), channel), office.clock.now())
        else:
            raise HTTPException(404)
    return RedirectResponse("/me", 303)


@router.post("/me/addresses/{number}/{action}")
def act(request: Request, number: int, action: str, session: _In, csrf: _Word = "") -> Response:
    """Remove an address, try it first, or send a test to it."""
    check_form(request, session, csrf)
    office, login = office_of(request), session.member.login
    now = office.clock.now()
    with office.engine.begin() as connection:
        mine = {address.id: address for address in addresses.of(connection, login)}.get(number)
        if mine is None or action not in ("remove", "first", "test"):
            raise HTTPException(404)
        if action == "remove":
            addresses.remove(connection, login, number)
        elif action == "first":
            addresses.first(connection, login, number)
        else:
            enqueue(connection, [Notice(None, Purpose.TEST, login, (mine.channel,), now, climb=now)], now)
    return RedirectResponse("/me", 303)
