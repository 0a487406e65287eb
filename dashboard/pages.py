"""Templates, and what every page says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from dashboard import words
from dashboard.language import LANGUAGES, Speech, choose
from dashboard.security import chosen_language, office_of
from domain.localtime import LocalTime
from registry.staff import Session

_HERE = Path(__file__).resolve().parent
LIVE = (_HERE / "static" / "vendor" / "htmx.min.js").exists()
"""Whether the front-end library has been fetched; without it pages are forms and links."""

_environment = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=["jinja2.ext.i18n"],
)
_environment.globals["words"] = words


def speech_of(request: Request, zone: LocalTime | None = None) -> Speech:
    """The language of the request, at the homes' present time."""
    office = office_of(request)
    language = choose(chosen_language(request), request.headers.get("accept-language", ""))
    return Speech(language, office.clock.now(), zone or office.zone)


def render(
    request: Request,
    template: str,
    *,
    session: Session | None,
    code: int = 200,
    speech: Speech | None = None,
    **values: Any,
) -> Response:
    """A page; ``values`` are the template's own."""
    office = office_of(request)
    speech = speech or speech_of(request)
    said = {
        "office": office, "speech": speech, "session": session, "code": code, "languages": LANGUAGES, "live": LIVE,
        "stale": office.stale_roles() if session is not None else {}, "path": _path(request), "change": None,
        "may": getattr(request.state, "allowed", frozenset()).__contains__,
        "gettext": speech.gettext, "ngettext": speech.ngettext, "_": speech.gettext,
    }  # fmt: skip
    body = _environment.get_template(template).render(said | values)
    return HTMLResponse(body, code, headers={"Content-Language": speech.language, "Vary": "Cookie, Accept-Language"})


def _path(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
