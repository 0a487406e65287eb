"""What goes into the audit log of a request: who was shown which home and why, who did what, who was refused.

It is written before the answer leaves, so that nobody is shown a home without a row that says so. Pages ask for themselves
again whenever something changes; a look that goes on is one row for each ``AGAIN``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from fastapi import Request, Response
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access import Need, purpose_of
from domain.clock import HOUR, MINUTE, Clock, Instant, Span, monotonic
from registry.audit import NOBODY, Entry, Event, record

AGAIN: Span = 10 * MINUTE
AGAIN_LIST: Span = HOUR
_AGAIN_REFUSED: Span = MINUTE
_MOST = 20_000
log = structlog.get_logger("dashboard")


@dataclass(slots=True)
class Visit:
    """What the door knows of a request."""

    method: str
    path: str
    """The page's, with its parameters in braces."""
    url: str
    need: Need
    login: str
    home: str = ""
    """The one that the page is about; it is there and in sight, unless the request is refused."""
    called: bool = False
    """They see the home because they were called about it."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a page itself has to say about the request."""

    who: str
    what: Event
    about: str
    detail: str = ""


def note(request: Request, who: str, what: Event, about: str, detail: str = "") -> None:
    """Have this written down with the answer."""
    request.state.notes = [*getattr(request.state, "notes", []), Note(who, what, about, detail)]


def notes_of(state: Mapping[str, object], status: int) -> list[Note]:
    """What a request with this outcome is to leave behind."""
    found = state.get("notes", [])
    notes = list(found) if isinstance(found, list) else []
    visit = state.get("visit")
    if not isinstance(visit, Visit):
        return notes
    about = f"home:{visit.home}" if visit.home else ""
    asked = f"{visit.method} {visit.url}"
    if status in (403, 404) and (status == 403 or visit.home or "{" in visit.path):
        notes.append(Note(visit.login, Event.REFUSED, about, asked))
    elif status >= 400 or (status >= 300 and visit.method != "POST"):
        return notes
    elif visit.method == "POST":
        notes.append(Note(visit.login, Event.DID, about, asked))
    elif visit.path.endswith((".csv", ".jsonl")):
        notes.append(Note(visit.login, Event.EXPORTED, about, asked))
    elif visit.home:
        purpose = purpose_of(visit.path)
        notes.append(Note(visit.login, Event.LOOKED, about, f"{purpose}, called" if visit.called else purpose))
    elif visit.need in (Need.LOOK, Need.READ):
        notes.append(Note(visit.login, Event.LOOKED, "list", visit.path))
    return notes


class Recorder:
    """Writes notes down, a look that goes on not each time. For one process; another writes one row more, and that is all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._written: dict[Note, Span] = {}

    def fresh(self, notes: Sequence[Note]) -> list[Note]:
        """Those that do not stand there already."""
        now = monotonic()
        return [one for one in notes if one not in self._written or now - self._written[one] >= _again(one)]

    def write(self, notes: Sequence[Note], at: Instant) -> None:
        """Write them, all or none; raises what the database raises."""
        record(self._engine, *(Entry(at, one.who, one.what, one.about, one.detail) for one in notes))
        now = monotonic()
        for one in notes:
            if _again(one):
                self._written.pop(one, None)  # the dictionary is in the order of writing: the oldest go first
                self._written[one] = now
        while len(self._written) > _MOST:
            del self._written[next(iter(self._written))]


class Recording:
    """ASGI middleware: holds an answer back until what it is about is written down.

    A home is not shown without a row. What somebody did stands in the histories whether or not there is a row, so that answer
    goes out, and the log tells of the hole.
    """

    def __init__(self, app: ASGIApp, recorder: Recorder, clock: Clock) -> None:
        self._app, self._recorder, self._clock = app, recorder, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        withheld = False

        async def send_recorded(message: Message) -> None:
            nonlocal withheld
            if message["type"] == "http.response.start":
                withheld = not await self._write(scope.get("state", {}), message["status"], scope["method"])
                if withheld:
                    sorry = "What you look at cannot be written down at the moment, so it is not shown: try again."
                    await Response(sorry, 503, media_type="text/plain")(scope, receive, send)
            if not withheld:
                await send(message)

        await self._app(scope, receive, send_recorded)

    async def _write(self, state: Mapping[str, object], status: int, method: str) -> bool:
        notes = self._recorder.fresh(notes_of(state, status))
        if not notes:
            return True
        try:
            await asyncio.to_thread(self._recorder.write, notes, self._clock.now())
        except SQLAlchemyError as error:
            log.error("the audit log cannot be written", why=str(error).splitlines()[0])  # noqa: TRY400 (no row in a trace)
            return method == "POST" or status >= 400
        return True


def _again(one: Note) -> Span:
    if one.what is Event.LOOKED:
        return AGAIN_LIST if one.about == "list" else AGAIN
    if one.what is Event.REFUSED or (one.what is Event.LOG_IN_FAILED and one.who == NOBODY):
        return _AGAIN_REFUSED
    return 0
