"""What follows from what: an alert about equipment is held back while the alert stands from which it follows.

Nothing about a person is ever held back. What is held back stands on the board, and says what it waits for.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from alerts import tables
from alerts.sqlalerts import alert_of
from domain.alerts import Alert, State
from domain.findings import Subject
from domain.ids import INSTALLATION

_FLEET = "fleet_outage"
_UNHEARD = ("gateway_silent", "device_silent", "clock_wrong")
"""What follows when homes cannot be heard."""
_OF_A_GATEWAY = ("device_silent", "battery_low", "device_stuck")
"""What follows from a gateway's silence in its own home."""
_LINE_CAUSES = ("service_down:ingest", "service_down:broker")
"""The parts of ours without which nobody is heard; the others ail us and silence nobody."""


def held_back_by(connection: Connection, alert: Alert) -> Alert | None:
    """The standing alert from which ``alert`` follows, or None when it speaks for itself."""
    if alert.subject is Subject.PERSON or alert.home == INSTALLATION:
        return None
    columns = tables.alerts.c
    standing = columns.state.in_([state.value for state in State if state.standing]) & (columns.id != alert.id)
    if alert.kind in _UNHEARD:
        lines = (columns.home == INSTALLATION) & ((columns.kind == _FLEET) | columns.cause.in_(_LINE_CAUSES))
        row = connection.execute(select(tables.alerts).where(standing, lines).order_by(columns.id)).first()
        if row is not None:
            return alert_of(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name)
    if alert.kind in _OF_A_GATEWAY:
        own = (columns.home == alert.home) & (columns.kind == "gateway_silent")
        row = connection.execute(select(tables.alerts).where(standing, own).order_by(columns.id)).first()
        if row is not None:
            return alert_of(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name)
    return None
