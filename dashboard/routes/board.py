"""The board, and the events that keep pages live."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from alerts.silences import holding
from dashboard.live import Bell, events
from dashboard.pages import render
from dashboard.security import office_of, require_session
from dashboard.views.board import lay_out
from dashboard.views.silences import in_sight, silenced
from registry import addresses
from registry.staff import Session

router = APIRouter()
SHOWN_ROWS = 300
"""Homes on one page; the worst come first, and `all` shows the rest."""


@router.get("/")
def board(
    request: Request, session: Annotated[Session, Depends(require_session)], area: str = "", every: bool = False
) -> Response:
    """Open alerts and homes, worst first."""
    office = office_of(request)
    change = office.book.change_count()
    homes = office.all_homes()
    alerts = office.book.open_alerts()
    laid_out = lay_out(homes, office.statuses(change), alerts, area)
    areas = sorted({home.area for home in homes.values() if home.area})
    rows = laid_out.rows if every else laid_out.rows[:SHOWN_ROWS]
    with office.engine.connect() as connection:
        cut_off = addresses.is_cut_off(connection, session.member.login)
        silent = in_sight(holding(connection, office.clock.now()), homes)
    return render(
        request, "board.html", session=session, board=laid_out, rows=rows, areas=areas, area=area, change=change,
        names=office.names(), cut_off=cut_off, silent=silent, silenced=silenced(silent, alerts, homes),
        called=office.called,
    )  # fmt: skip


@router.get("/events")
async def stream(
    request: Request, _session: Annotated[Session, Depends(require_session)], known: int = -1
) -> StreamingResponse:
    """Server-sent events: ``change`` when the book holds something newer than change ``known``, ``beat`` in quiet times."""
    last = request.headers.get("last-event-id", "")
    bell = request.app.state.bell
    assert isinstance(bell, Bell)  # noqa: S101 (create_app put it there)
    body = events(bell, int(last) if last.isdigit() else known)
    return StreamingResponse(body, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
