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

_LINES = ("fleet_outage", "service_down")
"""Kinds about the installation after which homes and devices cannot be heard ..."""
_UNHEARD = ("gateway_silent", "device_silent", "clock_wrong")
"""... so that these follow."""
_OF_A_GATEWAY = ("device_silent", "battery_low", "device_stuck")
"""What follows from a gateway's silence in its own home."""
_NOT_A_LINE = ("service_down:dashboard", "service_down:influx", "service_down:disk")
"""What ails us without making anybody unheard."""


def held_back_by(connection: Connection, alert: Alert) -> Alert | None:
    """The standing alert from which ``alert`` follows, or None when it speaks for itself."""
    if alert.subject is Subject.PERSON or alert.home == INSTALLATION:
        return None
    columns = tables.alerts.c
    standing = columns.state.in_([state.value for state in State if state.standing]) & (columns.id != alert.id)
    if alert.kind in _UNHEARD:
        lines = (columns.home == INSTALLATION) & columns.kind.in_(_LINES) & columns.cause.not_in(_NOT_A_LINE)
        row = connection.execute(select(tables.alerts).where(standing, lines).order_by(columns.id)).first()
        if row is not None:
            return alert_of(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name)
    if alert.kind in _OF_A_GATEWAY:
        own = (columns.home == alert.home) & (columns.kind == "gateway_silent")
        row = connection.execute(select(tables.alerts).where(standing, own).order_by(columns.id)).first()
        if row is not None:
            return alert_of(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name)
    return None
