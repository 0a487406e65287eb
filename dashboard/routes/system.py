"""How the installation itself is: for staff, for a supervisor, and for Prometheus."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from alerts.auditor import Wrong, audit
from dashboard.office import STALE
from dashboard.pages import render
from dashboard.security import office_of, require_session
from dashboard.views.calling import area_name
from dashboard.views.equipment import Gateways, Homes, needs_a_look
from domain.clock import SECOND
from ingest.influx.refused import refused_count, refused_points
from registry.audit import check
from registry.staff import Session

router = APIRouter()
_CHECKED = 500


@router.get("/system")
def show(request: Request, session: Annotated[Session, Depends(require_session)]) -> Response:
    """Roles, gateways that need a look, dead letters."""
    office = office_of(request)
    gateways = [gateway for gateway in office.history.gateways() if needs_a_look(gateway)]
    with office.engine.connect() as connection:
        faults = audit(connection, office.clock.now(), office.zone, office.pace)
        verdict = check(connection, _CHECKED)
    if not office.sight.everywhere:
        homes, alerts = office.all_homes(), {alert.id for alert in office.book.open_alerts()}
        gateways = [gateway for gateway in gateways if gateway.home in homes]
        faults = [fault for fault in faults if fault.alert is None or fault.alert in alerts]
    return render(
        request, "system.html", session=session, change=office.book.change_count(), marks=office.book.marks(),
        letters=office.history.dead_letters(200), letter_count=office.history.dead_letter_count(),
        points=refused_points(office.engine, 200), point_count=refused_count(office.engine),
        real_now=office.real.now(), gateways=gateways, faults=faults, area_name=area_name,
        verdict=verdict,
    )  # fmt: skip


@router.get("/healthz")
def healthz(request: Request) -> JSONResponse:
    """Each role's state: 503 when any has given no sign of life for too long. Nothing personal, no log-in."""
    office = office_of(request)
    now, marks = office.real.now(), office.book.marks()
    roles: dict[str, dict[str, object]] = {"dashboard": {"state": "ok", "age_s": 0.0, "lag_s": 0.0, "detail": ""}}
    for name in office.roles:
        mark = marks.get(name)
        if mark is None:
            roles[name] = {"state": "never started", "age_s": None, "lag_s": None, "detail": ""}
            continue
        age = now - mark.stepped_at
        roles[name] = {
            "state": "stale" if age > STALE else "ok", "age_s": round(age / SECOND, 1),
            "lag_s": round(mark.lag / SECOND, 1), "detail": mark.detail,
        }  # fmt: skip
    good = all(role["state"] == "ok" for role in roles.values())
    return JSONResponse({"ok": good, "roles": roles}, 200 if good else 503)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Prometheus text: counts only, nothing personal."""
    office = office_of(request)
    registry = CollectorRegistry()
    now = office.real.now()
    age = Gauge("kehai_role_age_seconds", "Seconds since a role's last sign of life", ["role"], registry=registry)
    lag = Gauge("kehai_role_lag_seconds", "How far a role is behind", ["role"], registry=registry)
    for name, mark in office.book.marks().items():
        age.labels(name).set((now - mark.stepped_at) / SECOND)
        lag.labels(name).set(mark.lag / SECOND)
    alerts = Gauge("kehai_open_alerts", "Alerts that are open or claimed", ["level", "state"], registry=registry)
    for alert in office.book.open_alerts():
        alerts.labels(alert.level.value, alert.state.value).inc()
    wrong = Gauge(
        "kehai_calling_faults", "What the auditor finds wrong with who is called next", ["what"], registry=registry
    )
    with office.engine.connect() as connection:
        faults = audit(connection, office.clock.now(), office.zone, office.pace)
    for what in Wrong:
        wrong.labels(what.value).set(sum(fault.what is what for fault in faults))
    homes = Gauge("kehai_homes", "Watched homes", ["resident", "observability"], registry=registry)
    statuses = office.statuses(office.book.change_count()).values()
    for status in statuses:
        homes.labels(status.resident.value, status.observability.value).inc()
    registry.register(Homes(statuses, office.clock.now()))
    registry.register(Gateways(office.history.gateways()))
    letters = Gauge("kehai_dead_letters", "Messages that could not be stored as readings", registry=registry)
    letters.set(office.history.dead_letter_count())
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
