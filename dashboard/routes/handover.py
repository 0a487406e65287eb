"""The sheet that one shift gives the next."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from alerts.handover import sheet
from dashboard.pages import render, speech_of
from dashboard.security import office_of, require_session
from dashboard.views import handover
from dashboard.views.scope import scope_of
from registry.staff import Session

router = APIRouter()


@router.get("/handover")
def show(
    request: Request,
    session: Annotated[Session, Depends(require_session)],
    since: str = "",
    at: str = "",
    of: str = "",
) -> Response:
    """What is open, whom nobody has reached, what is silent, who is away, what was closed since the shift began."""
    office, speech = office_of(request), speech_of(request)
    now = office.clock.now()
    scope = scope_of(office, session.member.login, of)
    change = office.book.change_count()
    statuses = office.statuses(change)
    problem, code = "", 200
    with office.engine.connect() as connection:
        offered = handover.starts(connection, now, office.zone)
        try:
            start = handover.chosen(offered, since, at, now, office.zone)
        except handover.BadStartError:
            start, code = handover.usual(offered, now), 422
            problem = speech.gettext("Choose a time within the last 31 days: the sheet shows the usual one instead.")
        found = sheet(connection, start.at, now, scope.ids, statuses.values())
        laid_out = handover.lay_out(connection, found, office, scope, statuses, speech, now)
    return render(
        request, "handover.html", session=session, speech=speech, code=code, sheet=laid_out, start=start, starts=offered,
        scope=scope, typed=at, problem=problem, names=office.names(), now=now,
    )  # fmt: skip
