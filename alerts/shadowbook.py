"""What runs in the shadow of the live rules: its state, its findings, its cost. Nothing of it ever reaches the desk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from alerts import tables
from alerts.book import FindingRow
from alerts.records import decode_finding, encode_finding
from domain.clock import Instant, Span
from domain.findings import Finding, FindingEvent
from domain.ids import HomeId
from registry.database import upsert


@dataclass(frozen=True, slots=True)
class ShadowHome:
    """What is saved of one home under one candidate."""

    home: HomeId
    cursor: int
    since: Instant
    """Processing time at which it began to run beside the live rules."""
    state: bytes


@dataclass(frozen=True, slots=True)
class Cost:
    """What a candidate has cost so far."""

    homes: int
    state_bytes: int
    """Of all its homes together, as they are saved."""
    spent: Span
    """Work for the candidate."""
    beside: Span
    """Work for the live rules, in the same homes over the same arrivals."""


class Shadowbook:
    """The shadows' rows. Each public method is one transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def homes(self, rule_set: int) -> dict[HomeId, ShadowHome]:
        """What ``save`` saved last of each home."""
        wanted = select(tables.shadow_homes).where(tables.shadow_homes.c.rule_set == rule_set)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted).all()
        return {HomeId(r.home): ShadowHome(HomeId(r.home), r.cursor, r.since, r.state) for r in rows}

    def save(
        self,
        rule_set: int,
        saved: Iterable[ShadowHome],
        events: Sequence[FindingEvent] = (),
        now: Instant = 0,
        cost: Cost | None = None,
    ) -> None:
        """Save homes together with what they found."""
        with self._engine.begin() as connection:
            for event in events:
                _note(connection, rule_set, event, now)
            for home in saved:
                values = {"cursor": home.cursor, "since": home.since, "state": home.state}
                upsert(connection, tables.shadow_homes, {"rule_set": rule_set, "home": home.home}, values)
            if cost is not None:
                values = {
                    "homes": cost.homes, "state_bytes": cost.state_bytes, "spent": cost.spent, "beside": cost.beside
                }  # fmt: skip
                upsert(connection, tables.shadow_costs, {"rule_set": rule_set}, values)

    def end(self, rule_set: int) -> None:
        """Forget the state of a candidate that does not run any more; its findings stay."""
        with self._engine.begin() as connection:
            connection.execute(delete(tables.shadow_homes).where(tables.shadow_homes.c.rule_set == rule_set))

    # ---- what people ask ---------------------------------------------------------------------------------------------

    def cost(self, rule_set: int) -> Cost | None:
        """What it has cost, as of the last saving."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(tables.shadow_costs).where(tables.shadow_costs.c.rule_set == rule_set)
            ).first()
        return None if row is None else Cost(row.homes, row.state_bytes, row.spent, row.beside)

    def live_bytes_a_home(self) -> float:
        """How large a home's saved live state is on average: what a candidate will add for each of its homes."""
        with self._engine.connect() as connection:
            wanted = select(func.avg(func.length(tables.watched.c.state)))
            return float(connection.execute(wanted).scalar() or 0)

    def since(self, rule_set: int) -> dict[HomeId, Instant]:
        """Since when each home has run under the candidate; empty once it does not run any more."""
        columns = tables.shadow_homes.c
        with self._engine.connect() as connection:
            rows = connection.execute(select(columns.home, columns.since).where(columns.rule_set == rule_set)).all()
        return {HomeId(row.home): row.since for row in rows}

    def findings(self, rule_set: int, home: str | None = None) -> list[FindingRow]:
        """What the candidate found, in all its homes or in one, by deadline."""
        columns = tables.shadow_findings.c
        wanted = select(tables.shadow_findings).where(columns.rule_set == rule_set)
        if home is not None:
            wanted = wanted.where(columns.home == home)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(columns.raised_at, columns.id)).all()
        return [FindingRow(decode_finding(r.body), r.noticed_at, r.ended_at, r.end_reason) for r in rows]

    def live_findings(self, since: Instant, homes: Mapping[HomeId, Instant]) -> list[FindingRow]:
        """What the live rules found from ``since`` on in ``homes``, in each from its own instant on, by deadline."""
        columns = tables.findings.c
        wanted = select(tables.findings).where(columns.raised_at >= since)
        if len(homes) == 1:
            wanted = wanted.where(columns.home == next(iter(homes)))
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(columns.raised_at, columns.id)).all()
        return [
            FindingRow(decode_finding(r.body), r.noticed_at, r.ended_at, r.end_reason)
            for r in rows if r.home in homes and r.noticed_at >= homes[HomeId(r.home)]
        ]  # fmt: skip

    def counted(self, rule_set: int) -> int:
        """How many findings the candidate has made."""
        columns = tables.shadow_findings.c
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).where(columns.rule_set == rule_set)).scalar() or 0


def _note(connection: Connection, rule_set: int, event: FindingEvent, now: Instant) -> None:
    columns = tables.shadow_findings.c
    if isinstance(event, Finding):
        known = select(columns.id).where(columns.rule_set == rule_set, columns.id == event.id)
        if connection.execute(known).first() is None:
            connection.execute(
                insert(tables.shadow_findings).values(
                    rule_set=rule_set, id=event.id, home=event.home, raised_at=event.raised_at, noticed_at=now,
                    body=encode_finding(event),
                )
            )  # fmt: skip
        return
    connection.execute(
        update(tables.shadow_findings)
        .where(columns.rule_set == rule_set, columns.id == event.finding, columns.ended_at.is_(None))
        .values(ended_at=event.ended_at, end_reason=event.reason.value)
    )
