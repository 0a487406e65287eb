"""Homes and book as somebody sees them whose sight ends somewhere: what lies outside is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, Engine, exists, select

from alerts import tables
from alerts.duty_tables import notifications
from alerts.sqlbook import SqlBook
from domain.alerts import Alert, State
from domain.ids import INSTALLATION, GatewayId, HomeId
from registry.homes import Home, Homes
from registry.sight import Sight


class SightedHomes(Homes):
    """The registry's homes, within a sight."""

    def __init__(self, engine: Engine, sight: Sight) -> None:
        super().__init__(engine)
        self._sight = sight

    def all(self) -> dict[HomeId, Home]:
        """See Homes.all."""
        found = super().all()
        return {number: self._sight.of(home) for number, home in found.items() if self._sight.covers(home)}

    def get(self, home: str) -> Home | None:
        """See Homes.get."""
        found = super().get(home)
        return self._sight.of(found) if found is not None and self._sight.covers(found) else None

    def gateways(self) -> dict[HomeId, list[tuple[GatewayId, bool]]]:
        """See Homes.gateways."""
        known = self.all()
        return {home: held for home, held in super().gateways().items() if home in known}


class SightedBook(SqlBook):
    """The book, within a sight: alerts of other homes are not there."""

    def __init__(
        self,
        engine: Engine,
        pace: float,
        sight: Sight,
        called: frozenset[int],
        homes: Callable[[], Mapping[HomeId, Home]],
    ) -> None:
        super().__init__(engine, pace)
        self._sight, self._called, self._homes = sight, called, homes

    def _sees(self, alert: Alert, homes: Mapping[HomeId, Home]) -> bool:
        if alert.id in self._called or self._sight.everywhere:
            return True
        if alert.home != INSTALLATION:
            return alert.home in homes
        area = alert.evidence.get("area")
        return self._sight.numbers if area is None else self._sight.covers_area(str(area))

    def open_alerts(self) -> list[Alert]:
        """See SqlBook.open_alerts."""
        return self._seen(super().open_alerts())

    def recent(self, limit: int = 20) -> list[Alert]:
        """See SqlBook.recent."""
        return self._seen(super().recent(limit))

    def alerts_of(self, home: str, limit: int = 50) -> list[Alert]:
        """See SqlBook.alerts_of."""
        return self._seen(super().alerts_of(home, limit))

    def alert(self, number: int) -> Alert | None:
        """See SqlBook.alert."""
        found = super().alert(number)
        return found if found is not None and self._sees(found, self._homes()) else None

    def _seen(self, alerts: list[Alert]) -> list[Alert]:
        homes = self._homes()
        return [alert for alert in alerts if self._sees(alert, homes)]


def called_about(connection: Connection, login: str) -> dict[int, HomeId]:
    """The alerts that are not closed, and their homes, of which ``login`` was told or which they were given."""
    alerts = tables.alerts.c
    told = exists().where(notifications.c.alert == alerts.id, notifications.c.recipient == login)
    wanted = select(alerts.id, alerts.home).where(
        alerts.state.not_in([State.CLOSED.value, State.HELD.value]), (alerts.owner == login) | told
    )
    return {row.id: HomeId(row.home) for row in connection.execute(wanted)}
