"""The web application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import structlog
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dashboard.access import PAGES, Need
from dashboard.admission import admit
from dashboard.live import Bell
from dashboard.office import Office
from dashboard.pages import render
from dashboard.record import Recorder, Recording
from dashboard.routes import (
    account,
    alert,
    answers,
    audit,
    board,
    calling,
    channels,
    handover,
    home,
    ledger,
    line,
    me,
    mode,
    push,
    rules,
    session,
    silences,
    system,
)
from dashboard.security import Guard, LogInFirstError
from registry.staff import Session

_STATIC = Path(__file__).resolve().parent / "static"
log = structlog.get_logger("dashboard")


def create_app(office: Office, pages: Mapping[str, Need] = PAGES) -> FastAPI:
    """The pages of one installation; ``pages`` says what each needs."""
    bell = Bell(office.book.change_count)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await bell.close()

    app = FastAPI(
        title="Kehai", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan,
        dependencies=[Depends(admit)],
    )  # fmt: skip
    app.state.office, app.state.bell, app.state.pages = office, bell, pages
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    for room in (
        answers,
        line,
        me,
        session,
        board,
        home,
        mode,
        rules,
        alert,
        system,
        calling,
        channels,
        handover,
        push,
        silences,
        ledger,
        audit,
        account,
    ):
        app.include_router(room.router)
    app.add_middleware(Recording, recorder=Recorder(office.engine), clock=office.real)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(office.trusted_hosts))
    app.add_middleware(Guard, office=office)
    app.add_exception_handler(LogInFirstError, _log_in_first)
    app.add_exception_handler(StarletteHTTPException, _failed)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(OperationalError, _database_away)
    return app


def _log_in_first(request: Request, error: Exception) -> Response:
    assert isinstance(error, LogInFirstError)  # noqa: S101 (registered for nothing else)
    if request.url.path == "/events":
        return Response("log in first", 401, media_type="text/plain")
    if request.method == "GET":
        return RedirectResponse(f"/login?next={quote(error.wanted, safe='')}", 303)
    return RedirectResponse("/login", 303)


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException | StarletteHTTPException)  # noqa: S101 (registered for nothing else)
    if error.status_code == 303 and error.headers:
        return RedirectResponse(error.headers["Location"], 303)
    detail = error.detail if error.status_code == 403 else ""
    return _problem(request, error.status_code, detail)


def _not_understood(request: Request, _error: Exception) -> Response:
    return _problem(request, 404 if request.method == "GET" else 422, "")


def _database_away(_request: Request, error: Exception) -> Response:
    log.error("the database does not answer", why=str(error).splitlines()[0])
    return Response("The database does not answer: try again in a moment.", 503, media_type="text/plain")


def _problem(request: Request, status: int, detail: str) -> Response:
    nobody: Session | None = None
    return render(request, "problem.html", session=nobody, code=status, detail=detail)
