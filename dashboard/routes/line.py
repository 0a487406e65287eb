"""What LINE brings back, for each LINE channel at an address of its own: answers of residents. No page, and no log-in."""

from __future__ import annotations

import json
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request, Response

from alerts import lineevents
from alerts.book import StaleError
from alerts.channels.channel import TransientError
from alerts.channels.line.channel import Line
from dashboard.routes.answers import refuse
from dashboard.security import MAX_EVENTS, office_of

router = APIRouter()
log = structlog.get_logger("dashboard")


async def _body(request: Request) -> bytes:
    """The raw body, of which every byte is signed; a length that nobody named is counted as it comes."""
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > MAX_EVENTS:
            raise HTTPException(413)
    return bytes(read)


@router.post("/line/{name}")
def take(request: Request, name: str, body: Annotated[bytes, Depends(_body)]) -> Response:
    """Take what LINE brings, each event once. Anything but 200 makes LINE bring all of it again, where that is switched on."""
    office = office_of(request)
    channel = office.channels.get(name)
    if not isinstance(channel, Line) or not channel.takes_events:
        return refuse(request)
    try:
        genuine = channel.is_from_line(body, request.headers.get("x-line-signature", ""))
    except TransientError as error:
        log.warning("LINE brought events, and nobody can tell whether it was LINE", channel=name, why=str(error))
        return Response(status_code=503)
    if not genuine:
        return refuse(request)
    try:
        events = json.loads(body)["events"]
    except (ValueError, KeyError, TypeError, RecursionError):
        events = None
    if not isinstance(events, list):
        log.warning("LINE brought what cannot be read", channel=name)
        return Response(status_code=400)
    now, lost = office.clock.now(), 0
    for event in events:
        try:
            lineevents.take(office.engine, name, event, now, office.pace)
        except StaleError:
            lost += 1
    if lost:
        log.warning("answers by LINE did not get through, and are to be brought again", channel=name, count=lost)
        return Response(status_code=503)
    lineevents.forget(office.engine, now)
    return Response(status_code=200)
