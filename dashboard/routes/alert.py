"""One alert: what it rests on, what was done, and what to do."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, StringConstraints

from alerts.actions import ACTIONS
from alerts.book import FindingRow, StaleError
from alerts.outbox import deliveries
from dashboard.office import Office
from dashboard.pages import render, speech_of
from dashboard.routes.home import hours_of, strip_of
from dashboard.security import check_form, office_of, require_session
from dashboard.views.duty import choices, next_sentence, told
from dashboard.views.evidence import facts
from dashboard.words import CHOICES
from domain.alerts import Alert, Outcome, Result, State, Step
from domain.clock import HOUR, Instant
from domain.ids import INSTALLATION
from domain.localtime import LocalTime
from registry.homes import Home
from registry.staff import Session

router = APIRouter()
_AROUND = 12 * HOUR


@router.get("/alerts/{number}")
def show(request: Request, number: int, session: Annotated[Session, Depends(require_session)]) -> Response:
    """The alert's page."""
    return _page(request, number, session)


def _page(
    request: Request,
    number: int,
    session: Session,
    *,
    status: int = 200,
    problem: str = "",
    note: str = "",
    outcome: str = "",
) -> Response:
    office = office_of(request)
    change = office.book.change_count()
    alert = office.book.alert(number)
    if alert is None or alert.state is State.HELD:
        raise HTTPException(404)
    home = None
    if alert.home != INSTALLATION:
        home = office.homes.get(alert.home) or Home(alert.home, str(alert.home), office.zone.name)
    local = LocalTime(home.zone) if home is not None else office.zone
    speech = speech_of(request, local)
    seen = office.book.status(alert.home)
    start, end = _window(alert.onset, alert.raised_at)
    marks = [(alert.onset, speech.gettext("Began")), (alert.raised_at, speech.gettext("Limit"))]
    history, names, now = office.book.history(number), office.names(), office.clock.now()
    office.book.see(number, session.member.login, now)
    with office.engine.connect() as connection:
        coming, record = office.ladder.next_for(connection, alert, now), deliveries(connection, number)
    return render(
        request, "alert.html", session=session, speech=speech, code=status, alert=alert, home=home, seen=seen,
        facts=facts(alert.evidence, speech, alert.kind), unknowns=_unknowns(office, alert, start, end),
        history=history, names=names, change=change, steps=choices(alert, home, history, names, speech),
        coming=next_sentence(coming, alert, names, speech), told=told(record, names, speech),
        sightings=office.book.sightings(number),
        strip=strip_of(office, seen, local, start, end, marks) if seen is not None else None,
        hours=hours_of(office, seen, local, start, end) if seen is not None else None,
        problem=problem, note=note, outcome=outcome, now=now,
    )  # fmt: skip


def _unknowns(office: Office, alert: Alert, start: Instant, end: Instant) -> list[FindingRow]:
    """When a detector had to say of this home that it does not know, within the hours that the page shows."""
    rows = office.book.findings_of(alert.home, start)
    return [row for row in rows if row.finding.unknown is not None and row.finding.raised_at < end]


def _window(onset: Instant, raised_at: Instant) -> tuple[Instant, Instant]:
    """The hours around an alert: at least twelve before it began, two after it was raised."""
    start = (min(onset, raised_at) - _AROUND) // HOUR * HOUR
    end = (raised_at + 3 * HOUR) // HOUR * HOUR
    return max(start, end - 72 * HOUR), end


class _Pressed(BaseModel):
    """What a form of the alert's page sends."""

    csrf: str = ""
    version: int = 0
    note: Annotated[str, StringConstraints(max_length=2000)] = ""
    outcome: Annotated[str, StringConstraints(max_length=40)] = ""
    step: Annotated[str, StringConstraints(max_length=40)] = ""
    result: Annotated[str, StringConstraints(max_length=40)] = ""
    assignee: Annotated[str, StringConstraints(max_length=64)] = ""


@router.post("/alerts/{number}/{action}")
def act(
    request: Request,
    number: int,
    action: str,
    session: Annotated[Session, Depends(require_session)],
    form: Annotated[_Pressed, Form()],
) -> Response:
    """Do one of ``alerts.actions.ACTIONS``; then the alert's page again."""
    check_form(request, session, form.csrf)
    if action not in ACTIONS:
        raise HTTPException(404)
    office = office_of(request)
    gettext = speech_of(request).gettext
    chosen = Outcome(form.outcome) if form.outcome in set(CHOICES) else None
    taken = (Step(form.step), Result(form.result)) if form.step in set(Step) and form.result in set(Result) else None
    if action == "close" and chosen is None:
        problem = gettext("Choose what was found before closing.")
        return _page(request, number, session, status=422, problem=problem, note=form.note)
    if action == "close" and chosen is Outcome.FALSE_ALARM and not form.note.strip():
        problem = gettext("Say in the note why it was a false alarm.")
        return _page(request, number, session, status=422, problem=problem, note=form.note, outcome=form.outcome)
    if action == "comment" and not form.note.strip():
        return _page(request, number, session, status=422, problem=gettext("Write something first."))
    try:
        office.book.act(
            number, form.version, action, session.member.login, office.clock.now(), note=form.note.strip(), outcome=chosen,
            step=taken, assignee=form.assignee or None,
        )  # fmt: skip
    except ValueError:
        problem = gettext("Choose what was done, or who is to take it, from what the page offers.")
        return _page(request, number, session, status=422, problem=problem, note=form.note, outcome=form.outcome)
    except KeyError as error:
        raise HTTPException(404) from error
    except StaleError:
        problem = gettext("Somebody changed this alert a moment ago: look at it again, then decide.")
        return _page(request, number, session, status=409, problem=problem, note=form.note, outcome=form.outcome)
    gone = action == "close" and number in office.called  # they saw it because they were called, and that is over
    return RedirectResponse("/" if gone else f"/alerts/{number}", 303)
