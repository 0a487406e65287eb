"""The ledger: how true alerts were, and how soon somebody acted."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from alerts.accounts import Milestone
from alerts.ledgertable import as_csv
from dashboard.pages import render, speech_of
from dashboard.security import office_of, require_session
from dashboard.views import ledger
from dashboard.views.scope import scope_of
from registry.staff import Session

router = APIRouter()
_In = Annotated[Session, Depends(require_session)]
_MARK = "\ufeff"
"""By this a Japanese spreadsheet knows that the file is UTF-8."""


@router.get("/ledger")
def show(
    request: Request,
    session: _In,
    by: str = "rule",
    period: str = ledger.USUAL,
    first: str = "",
    last: str = "",
    of: str = "",
) -> Response:
    """Pages and prompts about residents by rule, area or home."""
    office, speech = office_of(request), speech_of(request)
    now = office.clock.now()
    by = by if by in ledger.BY else "rule"
    problem, code = "", 200
    try:
        span = ledger.period(period, first, last, now, office.zone)
    except ledger.BadPeriodError:
        span, code = ledger.period(ledger.USUAL, "", "", now, office.zone), 422
        problem = speech.gettext("Give a first and a last day that are not to come, three years apart at most.")
    scope = scope_of(office, session.member.login, of)
    found, vouched = ledger.count(office, scope, span)
    asked = {"by": by, "period": span.key, "of": scope.chosen}
    if span.key == "dates":
        asked |= {"first": first, "last": last}
    return render(
        request, "ledger.html", session=session, speech=speech, code=code, by=by, period=span, scope=scope, problem=problem,
        tables=ledger.tables(by, found, scope, span, vouched, speech), view=ledger, milestones=list(Milestone),
        first=first, last=last, file=f"/ledger.csv?{urlencode(asked)}",
    )  # fmt: skip


@router.get("/ledger.csv")
def download(
    request: Request,
    session: _In,
    by: str = "rule",
    period: str = ledger.USUAL,
    first: str = "",
    last: str = "",
    of: str = "",
) -> Response:
    """The same for a spreadsheet, every line of it."""
    office = office_of(request)
    try:
        span = ledger.period(period, first, last, office.clock.now(), office.zone)
    except ledger.BadPeriodError:
        return Response("Give a first and a last day.", 422, media_type="text/plain")
    scope = scope_of(office, session.member.login, of)
    found, vouched = ledger.count(office, scope, span)
    body = as_csv(ledger.in_file(by if by in ledger.BY else "rule", found, scope, span, vouched))
    days = "-".join(office.zone.date(at).isoformat() for at in (span.since, span.until - 1))
    return Response(
        _MARK + body, media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="kehai-ledger-{days}.csv"'},
    )  # fmt: skip
