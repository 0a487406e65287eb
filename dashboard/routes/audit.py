"""Who did and who looked at what: for auditors all of it, and for a resident what is about their home."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Engine

from dashboard import words
from dashboard.pages import render, speech_of
from dashboard.security import office_of, require_session
from dashboard.views.looks import MOST, SHOWN, in_words, looks_at
from domain.localtime import LocalTime
from registry.audit import check, latest, rows
from registry.staff import Session

router = APIRouter()
_In = Annotated[Session, Depends(require_session)]
_ROWS = 300
_CHECKED = 2_000
"""Rows that a page checks; the command checks all of them."""


@router.get("/homes/{home}/looks")
def looks(request: Request, home: str, session: _In) -> Response:
    """Who looked at this home in the last three months, when, and what for: to be printed for the resident."""
    office = office_of(request)
    known = office.homes.get(home)
    if known is None:
        raise HTTPException(404)
    speech = speech_of(request, LocalTime(known.zone))
    since = office.real.now() - SHOWN
    with office.engine.connect() as connection:
        found, count = looks_at(connection, known.id, since)
    roles = {member.login: words.ROLE[member.role] for member in office.staff.all()}
    return render(
        request, "looks.html", session=session, speech=speech, home=known, since=since, count=count, most=MOST,
        looks=in_words(found, office.names(), roles, speech),
    )  # fmt: skip


@router.get("/audit")
def show(request: Request, session: _In, about: str = "", who: str = "", what: str = "") -> Response:
    """The newest rows, and whether the newest part of the log is whole."""
    office = office_of(request)
    with office.engine.connect() as connection:
        found = latest(connection, _ROWS, about=about.strip(), who=who.strip(), what=what)
        verdict = check(connection, _CHECKED)
    return render(
        request, "audit.html", session=session, rows=found, verdict=verdict, asked={"about": about, "who": who, "what": what},
        names=office.names(), most=_ROWS,
    )  # fmt: skip


@router.get("/audit.jsonl")
def download(request: Request, _session: _In) -> Response:
    """The whole log, one JSON object a line, as ``kehai admin audit verify --file`` reads it."""
    headers = {"Content-Disposition": 'attachment; filename="kehai-audit.jsonl"'}
    return StreamingResponse(_lines(office_of(request).engine), media_type="application/x-ndjson", headers=headers)


def _lines(engine: Engine) -> Iterator[str]:
    with engine.connect() as connection:
        for row in rows(connection):
            yield json.dumps(asdict(row), ensure_ascii=False) + "\n"
