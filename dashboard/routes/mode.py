"""What staff say about a home: away, in hospital, a visitor, back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from alerts.modes import read_until
from dashboard.pages import speech_of
from dashboard.routes.home import page
from dashboard.security import check_form, office_of, require_session
from domain.localtime import LocalTime
from domain.modes import ModeKind
from registry.staff import Session

router = APIRouter()


@router.post("/homes/{home}/say/{word}")
def say(
    request: Request,
    home: str,
    word: str,
    session: Annotated[Session, Depends(require_session)],
    csrf: Annotated[str, Form()] = "",
    until: Annotated[str, Form(max_length=40)] = "",
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Write it down for the watch; then the home's page again."""
    check_form(request, session, csrf)
    office = office_of(request)
    known = office.homes.get(home)
    if known is None or word not in {"back", *ModeKind}:
        raise HTTPException(404)
    now, by = office.clock.now(), session.member.login
    if word == "back":
        office.modes.back(known.id, by, now)
    else:
        try:
            when = read_until(until, LocalTime(known.zone), now)
            office.modes.say(known.id, ModeKind(word), when, by, now, why.strip())
        except ValueError:
            problem = speech_of(request).gettext("Choose a time that is still to come, within a year.")
            return page(request, home, session, problem=problem, until=until, why=why, status=422)
    return RedirectResponse(f"/homes/{home}", 303)
