"""Who may see a page, and what a browser may do with it."""

from __future__ import annotations

import secrets
from urllib.parse import quote, urlsplit

from fastapi import HTTPException, Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.office import Office
from registry.staff import SESSION_ABSOLUTE, Session, same_token

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""On every answer."""
_LOGIN_COOKIE = "kehai_login"
_LANGUAGE_COOKIE = "kehai_lang"
_MAX_FORM = 64 * 1024
MAX_EVENTS = 1024 * 1024
"""What LINE brings at once may be larger than a form."""


class LogInFirstError(Exception):
    """Nobody is logged in; ``wanted`` is the page to come back to."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


def office_of(request: Request) -> Office:
    """The office of the application that serves ``request``, as whoever asks may see it."""
    office = getattr(request.state, "office", None) or request.app.state.office
    assert isinstance(office, Office)  # noqa: S101 (create_app put it there)
    return office


def session_cookie(office: Office) -> str:
    """The cookie's name; over HTTPS the browser itself keeps other hosts from setting it."""
    return "__Host-kehai" if office.https else "kehai_session"


def require_session(request: Request) -> Session:
    """The session of the request, for pages; raises LogInFirstError."""
    known = getattr(request.state, "session", None)
    if isinstance(known, Session):
        return known
    office = office_of(request)
    token = request.cookies.get(session_cookie(office))
    session = office.staff.session(token, office.real.now()) if token else None
    if session is None:
        raise LogInFirstError(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    return session


def check_form(request: Request, session: Session, token: str) -> None:
    """Refuse a form that did not come from a page of this session."""
    check_origin(request)
    if not same_token(session.csrf, token):
        raise HTTPException(403, "This form is too old: load the page again, then try once more.")


def check_origin(request: Request) -> None:
    """Refuse a form that another site sent."""
    origin = request.headers.get("origin")
    if origin in (None, "null"):
        foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    else:
        foreign = urlsplit(origin or "").netloc != request.headers.get("host")
    if foreign:
        raise HTTPException(403, "This form came from another site: open the page here, then try once more.")


def start_session(response: Response, office: Office, token: str) -> None:
    """Give the browser its session."""
    response.set_cookie(
        session_cookie(office), token, max_age=SESSION_ABSOLUTE // 1_000_000, path="/", secure=office.https,
        httponly=True, samesite="lax",
    )  # fmt: skip
    response.delete_cookie(_LOGIN_COOKIE, path="/login")


def end_session(response: Response, office: Office) -> None:
    """Take it away, and with it whatever the browser kept of these pages.

    Not its ``storage``: with that the service worker would go, and whoever logs out in the evening would be called no more.
    """
    response.delete_cookie(session_cookie(office), path="/", secure=office.https, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cache"'


def login_token(request: Request, response: Response, office: Office) -> str:
    """The token that a log-in form must carry: it stands in a cookie too, since there is no session yet."""
    token = request.cookies.get(_LOGIN_COOKIE) or secrets.token_urlsafe(24)
    response.set_cookie(
        _LOGIN_COOKIE, token, max_age=3600, path="/login", secure=office.https, httponly=True, samesite="strict"
    )
    return token


def check_login_form(request: Request, token: str) -> None:
    """Refuse a log-in that did not come from our own form."""
    check_origin(request)
    known = request.cookies.get(_LOGIN_COOKIE)
    if not known or not same_token(known, token):
        raise HTTPException(403, "This form is too old: load the page again, then try once more.")


def set_language(response: Response, office: Office, language: str) -> None:
    """Remember a language for a year."""
    response.set_cookie(
        _LANGUAGE_COOKIE, language, max_age=31_536_000, path="/", secure=office.https, httponly=True, samesite="lax"
    )


def chosen_language(request: Request) -> str | None:
    """What the person chose."""
    return request.cookies.get(_LANGUAGE_COOKIE)


def own_path(text: str | None) -> str:
    """``text`` if it is a path on this site, else the board: a link must not lead away after log-in."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")) or "\\" in text:
        return "/"
    parts = urlsplit(text)
    if parts.scheme or parts.netloc:
        return "/"
    return quote(parts.path) + (f"?{quote(parts.query, safe='=&')}" if parts.query else "")


class Guard:
    """ASGI middleware: our headers on every answer, nothing personal in any cache, no form larger than a form is."""

    def __init__(self, app: ASGIApp, office: Office) -> None:
        self._app, self._office = app, office

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "public, max-age=3600" if static else "no-store")
                if self._office.https:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length) > (MAX_EVENTS if scope["path"].startswith("/line/") else _MAX_FORM):
            await Response("This form is too large.", 413, media_type="text/plain")(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)
