"""My log-in: the password, the second factor, and where I am logged in."""

from __future__ import annotations

from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from pyotp import TOTP

from dashboard.pages import render, speech_of
from dashboard.security import check_form, office_of, require_session, session_cookie
from domain.clock import SECOND
from registry.staff import MIN_PASSWORD, Refused, Session, WeakPasswordError

router = APIRouter()
_In = Annotated[Session, Depends(require_session)]
_Word = Annotated[str, Form(max_length=1024)]
_HERE = "/me/access"


@router.get("/me/access")
def show(request: Request, session: _In) -> Response:
    """Password, second factor, sessions."""
    return _page(request, session)


def _page(
    request: Request,
    session: Session,
    *,
    code: int = 200,
    problem: str = "",
    secret: str = "",
    codes: tuple[str, ...] = (),
) -> Response:
    office, login = office_of(request), session.member.login
    token = request.cookies.get(session_cookie(office), "")
    return render(
        request, "access.html", session=session, code=code, problem=problem, secret=secret, codes=codes,
        picture=_picture(office.name, login, secret) if secret else "", real_now=office.real.now(),
        sessions=office.staff.sessions(login, token, office.real.now()), has=office.factors.has(login),
        left=office.factors.left(login), must=session.member.role in office.second_factor, shortest=MIN_PASSWORD,
    )  # fmt: skip


def _picture(issuer: str, login: str, secret: str) -> Markup:
    """What an authenticator reads with its camera: drawn here, so that no other server ever has the secret."""
    address = TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)
    drawn = segno.make(address, micro=False).svg_inline(
        scale=5, dark="#000", light="#fff", svgclass="qr", lineclass=None
    )
    return Markup(drawn)  # noqa: S704 (segno draws squares; of what is in it nothing is text)


@router.post("/me/access/password")
def change_password(
    request: Request, session: _In, csrf: _Word = "", old: _Word = "", new: _Word = "", again: _Word = ""
) -> Response:
    """Another password; whoever is logged in elsewhere under this name is out."""
    check_form(request, session, csrf)
    office, gettext = office_of(request), speech_of(request).gettext
    if problem := _not_mine(request, session, old):
        return _page(request, session, code=422, problem=problem)
    if new != again:
        return _page(request, session, code=422, problem=gettext("The new password was not typed alike both times."))
    try:
        office.staff.set_password(session.member.login, new, request.cookies.get(session_cookie(office), ""))
    except WeakPasswordError:
        problem = gettext("A password needs at least %(count)s characters.") % {"count": MIN_PASSWORD}
        return _page(request, session, code=422, problem=problem)
    return RedirectResponse(_HERE, 303)


@router.post("/me/access/others")
def end_others(request: Request, session: _In, csrf: _Word = "") -> Response:
    """Whoever is logged in elsewhere under this name is out."""
    check_form(request, session, csrf)
    office = office_of(request)
    office.staff.end_others(session.member.login, request.cookies.get(session_cookie(office), ""))
    return RedirectResponse(_HERE, 303)


@router.post("/me/access/factor")
def begin(request: Request, session: _In, csrf: _Word = "", password: _Word = "") -> Response:
    """Show a new secret, to be read by an authenticator."""
    check_form(request, session, csrf)
    if problem := _not_mine(request, session, password):
        return _page(request, session, code=422, problem=problem)
    office = office_of(request)
    secret = office.factors.begin(session.member.login, office.real.now())
    return RedirectResponse(_HERE, 303) if secret is None else _page(request, session, secret=secret)


@router.post("/me/access/factor/confirm")
def confirm(request: Request, session: _In, csrf: _Word = "", code: _Word = "") -> Response:
    """From now on the code is asked for; the recovery codes are shown this once, and every other session ends."""
    check_form(request, session, csrf)
    office, login = office_of(request), session.member.login
    secret = office.factors.begun(login)
    if secret is None:
        return RedirectResponse(_HERE, 303)
    codes = office.factors.confirm(login, code[:64], office.real.now())
    if codes is None:
        problem = speech_of(request).gettext(
            "That is not the code that the authenticator shows now: type the next one."
        )
        return _page(request, session, code=422, problem=problem, secret=secret)
    office.staff.end_others(login, request.cookies.get(session_cookie(office), ""))
    return _page(request, session, codes=tuple(codes))


@router.post("/me/access/factor/codes")
def renew(request: Request, session: _In, csrf: _Word = "", password: _Word = "") -> Response:
    """Other recovery codes, shown this once."""
    check_form(request, session, csrf)
    if problem := _not_mine(request, session, password):
        return _page(request, session, code=422, problem=problem)
    office, login = office_of(request), session.member.login
    if not office.factors.has(login):
        return RedirectResponse(_HERE, 303)
    return _page(request, session, codes=tuple(office.factors.renew_codes(login)))


@router.post("/me/access/factor/remove")
def remove(request: Request, session: _In, csrf: _Word = "", password: _Word = "") -> Response:
    """Ask for no code any more, where the role leaves that to its people."""
    check_form(request, session, csrf)
    office = office_of(request)
    if session.member.role in office.second_factor:
        problem = speech_of(request).gettext("Your role needs a second factor: it cannot be taken away.")
        return _page(request, session, code=422, problem=problem)
    if problem := _not_mine(request, session, password):
        return _page(request, session, code=422, problem=problem)
    office.factors.remove(session.member.login)
    return RedirectResponse(_HERE, 303)


def _not_mine(request: Request, session: Session, password: str) -> str:
    """What to say where this is not the password of whoever is logged in; empty where it is."""
    office, gettext = office_of(request), speech_of(request).gettext
    known = office.staff.knows(session.member.login, password, office.real.now())
    if isinstance(known, Refused):
        seconds = known.wait // SECOND
        return gettext("Too many attempts: wait %(seconds)s seconds, then try again.") % {"seconds": seconds}
    return "" if known else gettext("That is not your password: try again.")
