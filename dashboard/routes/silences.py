"""About what nobody is called for a while: shown to all staff, decided by managers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from alerts import silences
from alerts.asking import HELP_CALLED
from alerts.changes import count_change
from alerts.modes import read_until
from dashboard import words
from dashboard.access import Need, may
from dashboard.office import Office
from dashboard.pages import render, speech_of
from dashboard.security import check_form, office_of, require_session
from dashboard.views import silences as view
from domain.ids import HomeId
from registry.staff import Session

router = APIRouter()
_In = Annotated[Session, Depends(require_session)]
KINDS = tuple(kind for kind in words.KIND if kind != HELP_CALLED)
"""About what somebody can be silent; never about a call for help."""


class Wish(BaseModel):
    """What the form of a silence sends."""

    csrf: str = ""
    home: str = Field(default="", max_length=200)
    area: str = Field(default="", max_length=80)
    kind: str = Field(default="", max_length=140)
    until: str = Field(default="", max_length=40)
    why: str = Field(default="", max_length=2000)


@router.get("/silences")
def show(request: Request, session: _In, home: str = "", area: str = "", kind: str = "") -> Response:
    """The silences that hold, and those of the last 30 days; the query fills in the form."""
    return _page(request, session, typed={"home": home[:200], "area": area, "kind": kind})


def _page(
    request: Request, session: Session, *, code: int = 200, problem: str = "", typed: Mapping[str, Any] | None = None
) -> Response:
    office, speech = office_of(request), speech_of(request)
    now, homes = office.clock.now(), office.all_homes()
    with office.engine.connect() as connection:
        found = view.in_sight(silences.all_of(connection, now), homes)
    rows = view.rows(found, homes, office.book.open_alerts(), now, speech)
    return render(
        request, "silences.html", session=session, speech=speech, code=code, rows=rows, names=office.names(),
        areas=sorted({home.area for home in homes.values()} - {""}), kinds=KINDS, problem=problem,
        typed=Wish().model_dump() | dict(typed or {}), manages=may(session, Need.DECIDE),
    )  # fmt: skip


@router.post("/silences")
def add(request: Request, session: _In, form: Annotated[Wish, Form()]) -> Response:
    """From now on, nobody is called about this."""
    check_form(request, session, form.csrf)
    office, gettext, now = office_of(request), speech_of(request).gettext, office_of(request).clock.now()
    typed = form.model_dump()
    home = _home_of(office, form.home)
    if home is None:
        problem = gettext("There is no such home, or more than one is called so: write its number.")
    elif form.area and form.area not in {known.area for known in office.all_homes().values()}:
        problem = gettext("No home lies in that area: choose another.")
    elif form.kind and form.kind not in KINDS:
        problem = gettext("Choose what it is about from what the page offers.")
    elif home and form.area:
        problem = gettext("Choose a home or an area, not both.")
    elif not (home or form.area or form.kind):
        problem = gettext("Choose a home, an area or a kind: the whole installation is never silent.")
    else:
        problem = ""
    if problem:
        return _page(request, session, code=422, problem=problem, typed=typed)
    if not home:
        _must_see_all_of(request, office, form.area)
    try:
        until = read_until(form.until, office.zone, now)
    except (ValueError, OverflowError):
        problem = gettext("A time or a number is missing or cannot be read: mend it.")
        return _page(request, session, code=422, problem=problem, typed=typed)
    try:
        with office.engine.begin() as connection:
            silences.add(
                connection,
                HomeId(home) if home else None,
                form.area,
                form.kind,
                until,
                form.why,
                session.member.login,
                now,
            )
            count_change(connection)
    except ValueError as error:
        return _page(request, session, code=422, problem=gettext(str(error)), typed=typed)
    return RedirectResponse("/silences", 303)


@router.post("/silences/{number}/end")
def end(request: Request, number: int, session: _In, csrf: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Whoever is due is called now; one that is over already stays as it is."""
    check_form(request, session, csrf)
    office = office_of(request)
    with office.engine.begin() as connection:
        known = {silence.id: silence for silence in silences.all_of(connection, office.clock.now())}.get(number)
        if known is not None and known.home and known.home not in office.all_homes():
            raise HTTPException(404)
        if known is not None and not known.home:
            _must_see_all_of(request, office, known.area or "")
        if silences.end(connection, number, session.member.login, office.clock.now()):
            count_change(connection)
    return RedirectResponse("/silences", 303)


def _must_see_all_of(request: Request, office: Office, area: str) -> None:
    if not office.sight.covers_area(area):
        raise HTTPException(403, speech_of(request).gettext("Only a manager who sees every home may decide this."))


def _home_of(office: Office, said: str) -> str | None:
    """The number of a home by its number or its alias; empty for none, None for one that is not known."""
    wanted = said.strip()
    homes = office.all_homes()
    if not wanted or HomeId(wanted) in homes:
        return wanted
    called = [number for number, home in homes.items() if home.alias == wanted]
    return str(called[0]) if len(called) == 1 else None
