"""One home: its day, its devices, its people, its alerts."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from alerts.outlook import look_ahead
from alerts.week import week_of
from dashboard.office import Office
from dashboard.pages import render, speech_of
from dashboard.security import office_of, require_session
from dashboard.views import week
from dashboard.views.feedback import SHOWN, lessons
from dashboard.views.hours import Hours, by_hour
from dashboard.views.outlook import tell
from dashboard.views.rules import live_rules
from dashboard.views.strip import Strip, draw_strip
from domain.clock import HOUR, Instant
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.status import HomeStatus
from registry.staff import Session

router = APIRouter()


def covered_by_all(office: Office, status: HomeStatus, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
    """When some gateway of the home vouched."""
    found = [spell for gateway, _ in status.gateways for spell in office.history.coverage(gateway, start, end)]
    return sorted(found)


def strip_of(
    office: Office,
    status: HomeStatus,
    local: LocalTime,
    start: Instant,
    end: Instant,
    marks: list[tuple[Instant, str]],
) -> Strip:
    """The strip of a home between two instants."""
    readings = office.history.readings(status.home, start, end)
    covered = covered_by_all(office, status, start, end)
    return draw_strip(start, local, status.devices, readings, covered, office.clock.now(), marks, end)


def hours_of(office: Office, status: HomeStatus, local: LocalTime, start: Instant, end: Instant) -> Hours | None:
    """The numbers of a home's hours where its single readings have been cut; None where a strip tells it all."""
    if start >= office.history.raw_since():
        return None
    start = start // HOUR * HOUR
    return by_hour(start, end, local, status.devices, office.history.hourly(status.home, start, end))


@router.get("/homes/{home}")
def show(
    request: Request, home: str, session: Annotated[Session, Depends(require_session)], day: date | None = None
) -> Response:
    """The home's last 24 hours, or the day that was asked for."""
    return page(request, home, session, day)


def page(
    request: Request,
    home: str,
    session: Session,
    day: date | None = None,
    *,
    problem: str = "",
    until: str = "",
    why: str = "",
    status: int = 200,
) -> Response:
    """The page; ``problem`` says what was wrong with what somebody wrote on it, which is shown again."""
    office = office_of(request)
    known = office.homes.get(home)
    if known is None:
        raise HTTPException(404)
    change = office.book.change_count()
    local = LocalTime(known.zone)
    speech = speech_of(request, local)
    seen = office.book.status(home)
    now = office.clock.now()
    if day is None:
        start, end = (now // HOUR - 23) * HOUR, (now // HOUR + 1) * HOUR
    else:
        start = local.at(day, time())
        end = local.midnight(local.day(start) + 1)
    names = office.names()
    marks = []
    if seen is not None and seen.last_life is not None:
        marks.append((seen.last_life, speech.gettext("Last sign of life")))
        if seen.limit is not None:
            marks.append((seen.last_life + seen.limit, speech.gettext("Limit")))
    strip = strip_of(office, seen, local, start, end, marks) if seen is not None else None
    hours = hours_of(office, seen, local, start, end) if seen is not None else None
    shown = local.day(start + HOUR)
    return render(
        request, "home.html", code=status, session=session, speech=speech, home=known, status=seen, strip=strip, hours=hours,
        change=change, alerts=office.book.alerts_of(HomeId(home), 20), names=names, day=day,
        before=local.date(local.midnight(shown - (0 if day is None else 1)) + 12 * HOUR),
        after=None if day is None else local.date(local.midnight(shown + 1) + 12 * HOUR),
        now=now, live=live_rules(office, known), said=office.modes.of(HomeId(home), 10), problem=problem, until=until, why=why,
        learnt=lessons(office.book.feedback_of(HomeId(home), now - SHOWN), names, speech),
        blind=[finding for finding in office.book.standing(home) if finding.unknown is not None],
        gateways=office.history.gateways(*(gateway for gateway, _ in seen.gateways)) if seen is not None else [],
    )  # fmt: skip


@router.get("/homes/{home}/outlook")
def outlook(request: Request, home: str, session: Annotated[Session, Depends(require_session)]) -> Response:
    """What to expect of the home's alerts; worked out when it is asked for, from the saved state and the last weeks."""
    office = office_of(request)
    known = office.homes.get(home)
    if known is None:
        raise HTTPException(404)
    local = LocalTime(known.zone)
    speech = speech_of(request, local)
    found = look_ahead(office.book, office.history, home, office.parameters, office.clock.now())
    return render(
        request, "outlook.html", session=session, speech=speech, home=known,
        outlook=None if found is None else tell(found, speech),
    )  # fmt: skip


@router.get("/homes/{home}/week")
def show_week(
    request: Request, home: str, session: Annotated[Session, Depends(require_session)], day: date | None = None
) -> Response:
    """One week of the home, the last whole one or that in which ``day`` lies; worked out when it is asked for."""
    office = office_of(request)
    known = office.homes.get(home)
    if known is None:
        raise HTTPException(404)
    local, now = LocalTime(known.zone), office.clock.now()
    speech, today = speech_of(request, local), local.date(now)
    wanted = min(day or week.last_whole_week(today), today)
    try:
        found = week_of(office.book, office.history, office.modes, known.id, wanted, local, now)
    except (ValueError, OverflowError) as error:
        raise HTTPException(404) from error
    monday = local.date(found.start)
    return render(
        request, "week.html", session=session, speech=speech, home=known, week=week.tell(found, speech, office.names()),
        columns=week.COLUMNS, column_names=week.COLUMN, before=monday - timedelta(days=7),
        after=monday + timedelta(days=7) if found.end <= now else None,
    )  # fmt: skip
