"""Which channels there are and how they do, for managers; and a test of each, to oneself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from alerts.channelhealth import health
from alerts.channels.catalogue import kind_of
from alerts.notices import Notice, Purpose
from alerts.outbox import enqueue, trials_of
from dashboard.pages import render, speech_of
from dashboard.security import check_form, office_of, require_session
from dashboard.views.duty import sentence_of, told
from registry import addresses
from registry.staff import Session

router = APIRouter()
_In = Annotated[Session, Depends(require_session)]


@router.get("/calling/channels")
def show(request: Request, session: _In) -> Response:
    """Every channel, and what became of one's own last tests."""
    return _page(request, session)


def _page(request: Request, session: Session, *, code: int = 200, problem: str = "") -> Response:
    office, speech, login = office_of(request), speech_of(request), session.member.login
    with office.engine.connect() as connection:
        found = health(connection, sorted(office.channels), office.clock.now())
        tested = told(trials_of(connection, login), office.names(), speech)
        mine = addresses.channels_of(connection, login)
    return render(
        request, "channels.html", session=session, speech=speech, code=code, problem=problem, tested=tested, mine=mine,
        sentence_of=sentence_of,
        channels=found, kinds={name: kind_of(way) for name, way in office.channels.items()},
        quotas={name: office.quotas.of(name, way) for name, way in office.channels.items()},
    )  # fmt: skip


@router.post("/calling/channels/{name}/test")
def try_one(request: Request, name: str, session: _In, csrf: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Send a test to oneself."""
    check_form(request, session, csrf)
    office, login, now = office_of(request), session.member.login, office_of(request).clock.now()
    if name not in office.channels:
        raise HTTPException(404)
    with office.engine.begin() as connection:
        reached = name in addresses.channels_of(connection, login)
        if reached:
            enqueue(connection, [Notice(None, Purpose.TEST, login, (name,), now, climb=now)], now)
    if not reached:
        problem = speech_of(request).gettext("You have no address on this channel that works: add one first.")
        return _page(request, session, code=422, problem=problem)
    return RedirectResponse("/calling/channels", 303)
