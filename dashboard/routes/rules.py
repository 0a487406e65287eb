"""What a manager decides about a home's rules. Each decision is a row that the watch takes up itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from alerts.rulebook import RulesError
from dashboard.pages import render, speech_of
from dashboard.security import check_form, office_of, require_session
from dashboard.views.rules import candidates, live_rules
from domain.localtime import LocalTime
from domain.rules import Action
from registry.staff import Session

router = APIRouter()
_ACTIONS = {"approve": Action.APPROVE, "reject": Action.REJECT, "withdraw": Action.WITHDRAW}


@router.get("/homes/{home}/rules")
def show(request: Request, home: str, session: Annotated[Session, Depends(require_session)]) -> Response:
    """The rules of one home, live and in silence."""
    return _page(request, home, session)


def _page(request: Request, home: str, session: Session, *, code: int = 200, problem: str = "") -> Response:
    office = office_of(request)
    known = office.homes.get(home)
    if known is None:
        raise HTTPException(404)
    return render(
        request, "rules.html", session=session, speech=speech_of(request, LocalTime(known.zone)), code=code, home=known,
        live=live_rules(office, known), candidates=candidates(office, known), names=office.names(), problem=problem,
    )  # fmt: skip


@router.post("/homes/{home}/rules")
def propose(
    request: Request,
    home: str,
    session: Annotated[Session, Depends(require_session)],
    csrf: Annotated[str, Form()] = "",
    budget: Annotated[str, Form(max_length=10)] = "",
    why: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Let another budget run silently beside the live one."""
    check_form(request, session, csrf)
    office = office_of(request)
    known = office.homes.get(home)
    if known is None:
        raise HTTPException(404)
    now = office.clock.now()
    try:
        wanted = {"inactivity": {"page_budget": float(budget)}}
        office.rules.propose(f"home:{home}", wanted, session.member.login, why.strip(), now, now)
    except ValueError:
        return _page(
            request, home, session, code=422, problem=speech_of(request).gettext("Give the budget as a number.")
        )
    except RulesError as error:
        return _page(request, home, session, code=409, problem=str(error))
    return RedirectResponse(f"/homes/{home}/rules", 303)


@router.post("/homes/{home}/rules/{number}/{action}")
def decide(
    request: Request,
    home: str,
    number: int,
    action: str,
    session: Annotated[Session, Depends(require_session)],
    csrf: Annotated[str, Form()] = "",
    why: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Approve, reject or withdraw a rule set of this home, as of now."""
    check_form(request, session, csrf)
    office = office_of(request)
    rules = office.rules.sets().get(number)
    if action not in _ACTIONS or office.homes.get(home) is None or rules is None or rules.scope != f"home:{home}":
        raise HTTPException(404)
    now = office.clock.now()
    try:
        office.rules.decide(number, _ACTIONS[action], session.member.login, why.strip(), now, now)
    except RulesError as error:
        return _page(request, home, session, code=409, problem=str(error))
    return RedirectResponse(f"/homes/{home}/rules", 303)
