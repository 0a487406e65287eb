"""Log-in, log-out, and the choice of a language."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from dashboard.language import LANGUAGES
from dashboard.pages import render
from dashboard.record import note
from dashboard.security import (
    check_form,
    check_login_form,
    check_origin,
    end_session,
    login_token,
    office_of,
    own_path,
    require_session,
    session_cookie,
    set_language,
    start_session,
)
from domain.clock import SECOND
from registry.audit import NOBODY, Event
from registry.staff import Refused, Session

router = APIRouter()


@router.get("/login")
def show_login(request: Request, next: str = "/") -> Response:  # noqa: A002 (the query's name)
    """The log-in page."""
    return _login_page(request, own_path(next), "", "", 200)


@router.post("/login")
def log_in(
    request: Request,
    login: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    token: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002 (the field's name)
) -> Response:
    """Begin a session, or say why not; what was typed as the name stays."""
    check_login_form(request, token)
    office = office_of(request)
    address = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    result = office.staff.log_in(login.strip(), password, address, office.real.now(), agent)
    if isinstance(result, Refused):
        known = (
            login.strip() if login.strip() in office.staff.names() else NOBODY
        )  # a password typed here must not be kept
        note(request, NOBODY, Event.LOG_IN_FAILED, f"staff:{known}", address)
        if result.wait:
            why, status = "wait", 429
        else:
            why, status = "wrong", 401
        return _login_page(request, own_path(next), login, why, status, result.wait // SECOND)
    if office.staff.pending(result, office.real.now()) is not None:
        response = RedirectResponse(f"/login/code?next={quote(own_path(next), safe='')}", 303)
    else:
        note(request, login.strip(), Event.LOGGED_IN, f"staff:{login.strip()}", address)
        response = RedirectResponse(own_path(next), 303)
    start_session(response, office, result)
    return response


@router.get("/login/code")
def show_code(request: Request, next: str = "/") -> Response:  # noqa: A002 (the query's name)
    """The page that asks for the second factor, of whoever has just given the right password."""
    office = office_of(request)
    pending = office.staff.pending(request.cookies.get(session_cookie(office), ""), office.real.now())
    if pending is None:
        return RedirectResponse(f"/login?next={quote(own_path(next), safe='')}", 303)
    return _code_page(request, pending, own_path(next))


def _code_page(
    request: Request, pending: Session, wanted: str, code: int = 200, why: str = "", wait: int = 0
) -> Response:
    return render(request, "code.html", session=None, code=code, csrf=pending.csrf, wanted=wanted, why=why, wait=wait)


@router.post("/login/code")
def give_code(
    request: Request,
    code: Annotated[str, Form(max_length=64)] = "",
    csrf: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002 (the field's name)
) -> Response:
    """Begin the session in earnest, under another token, or say why not."""
    office, now = office_of(request), office_of(request).real.now()
    token = request.cookies.get(session_cookie(office), "")
    pending = office.staff.pending(token, now)
    if pending is None:
        return RedirectResponse(f"/login?next={quote(own_path(next), safe='')}", 303)
    check_form(request, pending, csrf)
    address, login = request.client.host if request.client else "", pending.member.login
    result = office.staff.complete(token, code, address, now)
    if isinstance(result, Refused):
        note(request, NOBODY, Event.LOG_IN_FAILED, f"staff:{login}", f"code, {address}")
        why, status = ("wait", 429) if result.wait else ("wrong", 401)
        return _code_page(request, pending, own_path(next), status, why, result.wait // SECOND)
    note(request, login, Event.LOGGED_IN, f"staff:{login}", address)
    response = RedirectResponse(own_path(next), 303)
    start_session(response, office, result)
    return response


def _login_page(request: Request, wanted: str, login: str, why: str, status: int, wait: int = 0) -> Response:
    office = office_of(request)
    carrier = Response()
    token = login_token(request, carrier, office)
    page = render(
        request, "login.html", session=None, code=status, wanted=wanted, login=login, why=why, wait=wait, token=token
    )
    page.headers["Set-Cookie"] = carrier.headers["Set-Cookie"]
    return page


@router.post("/logout")
def log_out(
    request: Request, session: Annotated[Session, Depends(require_session)], csrf: Annotated[str, Form()] = ""
) -> Response:
    """End the session."""
    check_form(request, session, csrf)
    office = office_of(request)
    office.staff.log_out(request.cookies.get(session_cookie(office), ""))
    response = RedirectResponse("/login", 303)
    end_session(response, office)
    note(request, session.member.login, Event.LOGGED_OUT, f"staff:{session.member.login}")
    return response


@router.post("/language")
def choose_language(
    request: Request, language: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/"  # noqa: A002
) -> Response:  # fmt: skip
    """Remember a language and go back."""
    check_origin(request)
    response = RedirectResponse(own_path(next), 303)
    if language in LANGUAGES:
        set_language(response, office_of(request), language)
    return response
