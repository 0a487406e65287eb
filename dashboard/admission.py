"""Lets a request in, or does not: asked once for every page, before the page itself."""

from __future__ import annotations

import structlog
from fastapi import HTTPException, Request

from dashboard.access import CALLED, MAY, WITHOUT_FACTOR, Need, need_of
from dashboard.office import Office
from dashboard.pages import speech_of
from dashboard.record import Visit
from dashboard.security import office_of, require_session
from dashboard.sighted import called_about
from domain.ids import INSTALLATION, HomeId
from registry.staff import Session

log = structlog.get_logger("dashboard")
_REGULAR = frozenset({Need.LOOK, Need.READ, Need.ANSWER})
_ALERT = "/alerts/{number}"
_LONGEST = 18
"""Digits: no alert has a number that no database can hold."""


def admit(request: Request) -> None:
    """Refuse whoever may not have this page; the others see no more of the office than their sight covers.

    A page that says nothing of what it needs is for nobody, and a home out of sight is not there.
    """
    path = request.scope["route"].path
    need = need_of(request.app.state.pages, request.method, path)
    if need is None:
        log.error("this page is for nobody: dashboard.access.PAGES does not name it", method=request.method, path=path)
        raise HTTPException(403, "Nobody has said who may use this page, so nobody may.")
    if need is Need.NOBODY:
        return
    session, whole = require_session(request), office_of(request)
    if _lacks_factor(whole, session) and not path.startswith(WITHOUT_FACTOR) and path != "/logout":
        raise HTTPException(303, headers={"Location": WITHOUT_FACTOR})
    called = _called(whole, session)
    sight = session.sight.called_to(called.values())
    office = whole.seen_by(sight, frozenset(called))
    allowed = MAY[session.member.role]
    called_here = _is_called(request, path, called)
    if called_here:
        allowed |= CALLED
    asked = request.path_params.get("home", "")
    visit = Visit(request.method, path, request.url.path, need, session.member.login, asked, called_here)
    request.state.visit = visit
    request.state.session, request.state.office, request.state.allowed = session, office, allowed
    if need not in allowed:
        raise _refusal(request, need, allowed)
    visit.home = _home_in_sight(request, path, office)


def _called(office: Office, session: Session) -> dict[int, HomeId]:
    """What somebody is called about, where that lets them see or do more than they could without it."""
    if session.sight.whole and MAY[session.member.role] >= _REGULAR:
        return {}
    with office.engine.connect() as connection:
        return called_about(connection, session.member.login)


def _lacks_factor(office: Office, session: Session) -> bool:
    return session.member.role in office.second_factor and not session.factor


def _is_called(request: Request, path: str, called: dict[int, HomeId]) -> bool:
    if "home" in request.path_params:
        return request.path_params["home"] in called.values()
    number = request.path_params.get("number", "")
    return path.startswith(_ALERT) and number in {str(alert) for alert in called}


def _home_in_sight(request: Request, path: str, office: Office) -> str:
    """The home that a page is about, empty where it is about none; raises 404 for one that is not there or out of sight."""
    if "home" in request.path_params:
        home = office.homes.get(request.path_params["home"])
        if home is None:
            raise HTTPException(404)
        return str(home.id)
    if not path.startswith(_ALERT):
        return ""
    number = request.path_params["number"]
    alert = office.book.alert(int(number)) if number.isdecimal() and len(number) < _LONGEST else None
    if alert is None:
        raise HTTPException(404)
    return "" if alert.home == INSTALLATION else str(alert.home)


def _refusal(request: Request, need: Need, allowed: frozenset[Need]) -> HTTPException:
    if request.method == "GET" and request.url.path == "/" and Need.OPERATE in allowed:
        return HTTPException(303, headers={"Location": "/system"})
    gettext = speech_of(request).gettext
    if need is Need.DECIDE:
        return HTTPException(403, gettext("Only a manager may decide this."))
    if need is Need.ADMINISTER:
        return HTTPException(403, gettext("Only an administrator may do this."))
    return HTTPException(403, gettext("Your account may not do this: ask an administrator."))
