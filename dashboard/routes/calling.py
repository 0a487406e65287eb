"""Who is on call and whom alerts call: shown to all staff, decided by managers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from alerts.modes import read_until
from alerts.policy import EQUIPMENT_AREA, SYSTEM_AREA, BadPolicyError, history, in_force, write
from dashboard.access import Need, may
from dashboard.pages import render, speech_of
from dashboard.security import check_form, office_of, require_session
from dashboard.views import calling
from domain.findings import Level
from registry import rota
from registry.rota import BadShiftError, Cover, Shift
from registry.staff import Session

router = APIRouter()
_Word = Annotated[str, Form(max_length=200)]
_Words = Annotated[list[str], Form(max_length=40)]
_EMPTY: dict[str, Any] = {
    "name": "", "login": "", "days": [str(day) for day in range(7)], "begins": "", "ends": "", "position": "",
    "cover_name": "", "cover_login": "", "instead_of": "", "since": "", "until": "", "why": "",
}  # fmt: skip
_In = Annotated[Session, Depends(require_session)]


@router.get("/calling")
def show(request: Request, session: _In) -> Response:
    """Rotas, covers, and whom each policy would call now."""
    return _page(request, session)


def _page(
    request: Request, session: Session, *, code: int = 200, problem: str = "", typed: Mapping[str, Any] | None = None
) -> Response:
    office, speech = office_of(request), speech_of(request)
    now = office.clock.now()
    with office.engine.connect() as connection:
        rotas, plans = calling.on_call(connection, office, now), calling.plans(connection, office, now)
        versions = history(connection)[:20]
    open_accounts = [member for member in office.staff.all() if not member.disabled]
    areas = sorted({home.area for home in office.all_homes().values()} - {""})
    return render(
        request, "calling.html", session=session, speech=speech, code=code, rotas=rotas, plans=plans, versions=versions,
        members=open_accounts, areas=areas, areas_of=office.staff.areas(), names=office.names(), problem=problem,
        typed=_EMPTY | dict(typed or {}), view=calling, manages=may(session, Need.DECIDE),
    )  # fmt: skip


@router.post("/calling/shifts")
def add_shift(
    request: Request,
    session: _In,
    csrf: _Word = "",
    name: _Word = "",
    login: _Word = "",
    days: _Words = [],  # noqa: B006 (FastAPI copies it)
    begins: _Word = "",
    ends: _Word = "",
    position: _Word = "1",
) -> Response:
    """A weekly shift; one that ends when it began is a whole day."""
    check_form(request, session, csrf)
    typed = {"name": name, "login": login, "days": days, "begins": begins, "ends": ends, "position": position}
    office = office_of(request)
    try:
        first = calling.minute_of(begins)
        minutes = (calling.minute_of(ends) - first - 1) % 1440 + 1
        shift = Shift(name.strip(), login, frozenset(int(day) for day in days), first, minutes, int(position) - 1)
        with office.engine.begin() as connection:
            rota.add_shift(connection, shift)
    except (ValueError, BadShiftError) as error:
        return _page(request, session, code=422, problem=_said(request, error), typed=typed)
    return RedirectResponse("/calling", 303)


@router.post("/calling/shifts/{number}/remove")
def remove_shift(request: Request, number: int, session: _In, csrf: _Word = "") -> Response:
    """Take a shift away."""
    check_form(request, session, csrf)
    with office_of(request).engine.begin() as connection:
        rota.remove_shift(connection, number)
    return RedirectResponse("/calling", 303)


@router.post("/calling/covers")
def add_cover(
    request: Request,
    session: _In,
    csrf: _Word = "",
    name: _Word = "",
    login: _Word = "",
    instead_of: _Word = "",
    since: _Word = "",
    until: _Word = "",
    why: _Word = "",
) -> Response:
    """Somebody stands in, once."""
    check_form(request, session, csrf)
    typed = {
        "cover_name": name,
        "cover_login": login,
        "instead_of": instead_of,
        "since": since,
        "until": until,
        "why": why,
    }
    office = office_of(request)
    now = office.clock.now()
    try:
        begin = read_until(since, office.zone, now) if since.strip() else now
        end = read_until(until, office.zone, now)
        cover = Cover(name.strip(), login, begin, end, session.member.login, instead_of or None, why.strip())
        with office.engine.begin() as connection:
            rota.add_cover(connection, cover)
    except (ValueError, BadShiftError) as error:
        return _page(request, session, code=422, problem=_said(request, error), typed=typed)
    return RedirectResponse("/calling", 303)


@router.post("/calling/covers/{number}/end")
def end_cover(request: Request, number: int, session: _In, csrf: _Word = "") -> Response:
    """End a cover, or take one back."""
    check_form(request, session, csrf)
    office = office_of(request)
    with office.engine.begin() as connection:
        rota.end_cover(connection, number, office.clock.now())
    return RedirectResponse("/calling", 303)


@router.post("/calling/staff/{login}")
def set_areas(
    request: Request,
    login: str,
    session: _In,
    csrf: _Word = "",
    areas: Annotated[list[str], Form(max_length=500)] = [],  # noqa: B006 (FastAPI copies it)
) -> Response:
    """About which areas somebody is called; none ticked: about all of them."""
    check_form(request, session, csrf)
    office = office_of(request)
    known = {home.area for home in office.all_homes().values()} - {""}
    if login not in office.staff.names() or not set(areas) <= known:
        raise HTTPException(404)
    elsewhere = set(office.staff.areas().get(login, ())) - known
    office.staff.set_areas(login, {*areas, *elsewhere})
    return RedirectResponse("/calling", 303)


@router.get("/calling/policy")
def show_policy(request: Request, session: _In, level: str = "page", area: str = "") -> Response:
    """One policy, to be changed by managers."""
    wanted = _known(request, level, area)
    office = office_of(request)
    with office.engine.connect() as connection:
        policy = in_force(connection, area, wanted).policy
    return _policy_page(request, session, wanted, area, calling.rows(policy), calling.fields(policy))


class PolicyForm(BaseModel):
    """What the form of a policy sends: one list entry for each rung, and the rest."""

    csrf: str = ""
    level: str = "page"
    area: str = ""
    do: str = "try"
    why: str = Field(default="", max_length=2000)
    whom: list[str] = Field(default=[], max_length=40)
    minutes: list[str] = Field(default=[], max_length=40)
    channels: list[str] = Field(default=[], max_length=40)
    waits: list[str] = Field(default=[], max_length=40)
    repeat: str = ""
    claim: str = ""
    work: str = ""
    answer: str = ""
    unasked: str = ""
    quiet_from: str = ""
    quiet_to: str = ""

    def rows(self) -> list[dict[str, str]]:
        """The rungs, as they were typed."""
        columns = zip(self.whom, self.minutes, self.channels, self.waits, strict=False)
        return [dict(zip(("whom", "minutes", "channels", "waits"), row, strict=True)) for row in columns]

    def fields(self) -> dict[str, str]:
        """Everything else that the policy says."""
        return self.model_dump(include={"repeat", "claim", "work", "answer", "unasked", "quiet_from", "quiet_to"})


@router.post("/calling/policy")
def change_policy(request: Request, session: _In, form: Annotated[PolicyForm, Form()]) -> Response:
    """Try a policy (whom would it call?), put it in force, or take the area's own back."""
    check_form(request, session, form.csrf)
    wanted, area, action, why = _known(request, form.level, form.area), form.area, form.do, form.why
    office = office_of(request)
    if not office.sight.covers_area(area):
        raise HTTPException(403, speech_of(request).gettext("Only a manager who sees every home may decide this."))
    now, by, written, more = office.clock.now(), session.member.login, form.rows(), form.fields()
    try:
        policy = None if action == "drop" else calling.policy_of(written, more)
        if action != "try":
            with office.engine.begin() as connection:
                write(connection, area, wanted, policy, by, why.strip(), now)
            return RedirectResponse("/calling", 303)
    except (ValueError, BadPolicyError) as error:
        problem = _said(request, error)
        return _policy_page(request, session, wanted, area, written, more, code=422, problem=problem, why=why)
    assert policy is not None  # noqa: S101 (a drop was written above)
    with office.engine.connect() as connection:
        tried = calling.plan(connection, office, area, wanted, now, policy)
    return _policy_page(request, session, wanted, area, written, more, tried=tried, why=why)


def _policy_page(
    request: Request,
    session: Session,
    level: Level,
    area: str,
    rows: list[dict[str, str]],
    fields: Mapping[str, str],
    *,
    code: int = 200,
    problem: str = "",
    tried: calling.Plan | None = None,
    why: str = "",
) -> Response:
    office = office_of(request)
    with office.engine.connect() as connection:
        plan = tried or calling.plan(connection, office, area, level, office.clock.now())
        own = in_force(connection, area, level)
        rotas = rota.names(connection)
    return render(
        request, "policy.html", session=session, code=code, level=level, area=area, rows=rows, fields=fields, plan=plan,
        own=own.id is not None and own.area == area, tried=tried is not None, problem=problem, why=why,
        names=office.names(), view=calling, rotas=rotas, manages=may(session, Need.DECIDE),
        members=[member for member in office.staff.all() if not member.disabled],
    )  # fmt: skip


def _known(request: Request, level: str, area: str) -> Level:
    areas = {home.area for home in office_of(request).all_homes().values()} | {"", SYSTEM_AREA, EQUIPMENT_AREA}
    if level not in (Level.PAGE.value, Level.PROMPT.value) or area not in areas:
        raise HTTPException(404)
    return Level(level)


def _said(request: Request, error: Exception) -> str:
    speech = speech_of(request)
    if isinstance(error, BadShiftError | BadPolicyError):
        return speech.gettext(str(error))
    return speech.gettext("A time or a number is missing or cannot be read: mend it.")
