"""Homes, residents, contacts and gateways; and the directory that ingest asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from domain.clock import SECOND, Instant, Span, monotonic
from domain.ids import WATCHDOG, DeviceId, GatewayId, HomeId, check_id
from domain.readings import Device, Quantity, RoomType
from registry import tables
from registry.directory import GatewayEntry

_MANY = 500
"""More changed gateways than this are not read one by one."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody to call about a resident, in the order of ``position``."""

    name: str
    relation: str
    phone: str
    has_key: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """A dwelling and who lives there."""

    id: HomeId
    alias: str
    """What staff call it where no name may stand."""
    zone: str
    area: str = ""
    resident_name: str = ""
    resident_kana: str = ""
    phone: str = ""
    address: str = ""
    note: str = ""
    contacts: tuple[Contact, ...] = ()


class Homes:
    """The registry of homes in the SQL database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, home: Home, gateways: Iterable[GatewayId], at: Instant) -> None:
        """Enrol a home with its gateways; raises sqlalchemy.exc.IntegrityError when one is enrolled already."""
        self.add_all([(home, gateways)], at)

    def add_all(
        self,
        wanted: Iterable[tuple[Home, Iterable[GatewayId]]],
        at: Instant,
        credentials: Mapping[GatewayId, str] | None = None,
    ) -> None:
        """Enrol many homes, all or none; ``credentials`` are the hashed passwords of those gateways that have one."""
        hashes = credentials or {}
        with self._engine.begin() as connection:
            for home, gateways in wanted:
                check_id(home.id, "home")
                body = asdict(home)
                contacts = body.pop("contacts")
                connection.execute(insert(tables.homes).values(**body, enrolled_at=at))
                for position, contact in enumerate(contacts):
                    connection.execute(insert(tables.contacts).values(home=home.id, position=position, **contact))
                for gateway in gateways:
                    _add_gateway(connection, gateway, home.id, at, hashes.get(gateway))

    def all(self) -> dict[HomeId, Home]:
        """Every home, by id, without its contacts."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(tables.homes)).mappings()
            return {HomeId(row["id"]): _home(dict(row)) for row in rows}

    def get(self, home: str) -> Home | None:
        """One home with its contacts, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(select(tables.homes).where(tables.homes.c.id == home)).mappings().first()
            if row is None:
                return None
            contacts = connection.execute(
                select(tables.contacts).where(tables.contacts.c.home == home).order_by(tables.contacts.c.position)
            ).mappings()
            return _home(
                dict(row),
                tuple(Contact(c["name"], c["relation"], c["phone"], bool(c["has_key"])) for c in contacts),
            )

    def gateways(self) -> dict[HomeId, list[tuple[GatewayId, bool]]]:
        """Each home's gateways, by id, and whether each was revoked."""
        found: dict[HomeId, list[tuple[GatewayId, bool]]] = {}
        wanted = select(tables.gateways).order_by(tables.gateways.c.home, tables.gateways.c.id)
        with self._engine.connect() as connection:
            for row in connection.execute(wanted):
                found.setdefault(HomeId(row.home), []).append((GatewayId(row.id), row.revoked_at is not None))
        return found

    def taken(self, homes: Collection[HomeId], gateways: Collection[GatewayId]) -> list[str]:
        """Which of these ids are enrolled already."""
        with self._engine.connect() as connection:
            known_homes = set(connection.execute(select(tables.homes.c.id)).scalars())
            known_gateways = set(connection.execute(select(tables.gateways.c.id)).scalars())
        return [h for h in homes if h in known_homes] + [g for g in gateways if g in known_gateways]

    def add_gateway(self, gateway: GatewayId, home: HomeId, at: Instant, credential: str | None = None) -> None:
        """Enrol another gateway of a home; raises sqlalchemy.exc.IntegrityError when it is enrolled already."""
        with self._engine.begin() as connection:
            _add_gateway(connection, gateway, home, at, credential)

    def renew(self, gateway: GatewayId, credential: str | None) -> bool:
        """Give a gateway another hashed password, or none; False when there is no such gateway or it was revoked."""
        this = (tables.gateways.c.id == gateway) & tables.gateways.c.revoked_at.is_(None)
        with self._engine.begin() as connection:
            return connection.execute(update(tables.gateways).where(this).values(credential=credential)).rowcount > 0

    def credentials(self) -> dict[str, str]:
        """The hashed password of each gateway that has one and was not revoked."""
        held = select(tables.gateways.c.id, tables.gateways.c.credential).where(
            tables.gateways.c.revoked_at.is_(None), tables.gateways.c.credential.is_not(None)
        )
        with self._engine.connect() as connection:
            return {row.id: row.credential for row in connection.execute(held)}

    def revoke(self, gateway: GatewayId, at: Instant) -> None:
        """Stop accepting what ``gateway`` sends; its password is forgotten."""
        with self._engine.begin() as connection:
            connection.execute(
                update(tables.gateways).where(tables.gateways.c.id == gateway).values(revoked_at=at, credential=None)
            )
            _note_change(connection, gateway)


def _note_change(connection: Connection, gateway: GatewayId) -> None:
    """Number this change; the numbers must become visible in their order, or a reader would pass one by."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE gateway_changes IN EXCLUSIVE MODE"))
    connection.execute(insert(tables.gateway_changes).values(gateway=gateway))


def _add_gateway(connection: Connection, gateway: GatewayId, home: HomeId, at: Instant, credential: str | None) -> None:
    check_id(gateway, "gateway")
    connection.execute(insert(tables.gateways).values(id=gateway, home=home, enrolled_at=at, credential=credential))
    _note_change(connection, gateway)


def _home(row: dict[str, object], contacts: tuple[Contact, ...] = ()) -> Home:
    texts = {name: str(row[name]) for name in ("alias", "zone", "area", "phone", "address", "note")}
    return Home(
        id=HomeId(str(row["id"])),
        resident_name=str(row["resident_name"]),
        resident_kana=str(row["resident_kana"]),
        contacts=contacts,
        **texts,
    )


PROBE = GatewayEntry(
    GatewayId(WATCHDOG), HomeId(WATCHDOG), "UTC", {DeviceId("probe"): Device(DeviceId("probe"), Quantity.OTHER)}
)
"""The watchdog's entry, in every installation: it is in no table, and so on no list of homes."""


class SqlDirectory:
    """Directory over the registry's tables.

    It remembers all of them, and looks at most every ``refresh`` for gateways that were enrolled or revoked since: one number
    is read, and then only what changed. So a revoked gateway is refused that long after, whether or not the broker knows.
    """

    def __init__(self, engine: Engine, refresh: Span = SECOND // 20) -> None:
        self._engine = engine
        self._refresh = refresh
        self._entries: dict[str, GatewayEntry] = {}
        self._seen = -1
        self._looked_at: Span | None = None

    def gateway(self, gateway: str) -> GatewayEntry | None:
        """See Directory.gateway."""
        now = monotonic()
        if self._looked_at is None or now - self._looked_at > self._refresh:
            self._look()
            self._looked_at = now
        return PROBE if gateway == WATCHDOG else self._entries.get(gateway)

    def _look(self) -> None:
        changes = tables.gateway_changes.c
        with self._engine.connect() as connection:
            last = connection.execute(select(func.max(changes.id))).scalar() or 0
            if last == self._seen:
                return
            if last < self._seen or self._seen < 0 or last - self._seen > _MANY:
                self._entries = _entries(connection)
            else:
                changed = set(connection.execute(select(changes.gateway).where(changes.id > self._seen)).scalars())
                fresh = _entries(connection, changed)
                self._entries = {g: e for g, e in self._entries.items() if g not in changed} | fresh
        self._seen = last

    def introduce(self, gateway: GatewayId, devices: Iterable[Device], at: Instant) -> GatewayEntry:
        """See Directory.introduce."""
        if gateway == WATCHDOG:
            return PROBE
        old = self._entries[gateway]
        wanted = {device.id: device for device in devices}
        if wanted != old.devices:
            with self._engine.begin() as connection:
                connection.execute(delete(tables.devices).where(tables.devices.c.gateway == gateway))
                if wanted:
                    connection.execute(
                        insert(tables.devices),
                        [{"gateway": gateway, "id": d.id, "kind": d.kind.value, "room": d.room, "exit": d.exit,
                          "check_in": d.check_in, "mains": d.mains,
                          "room_type": d.room_type and d.room_type.value, "model": d.model,
                          "announced_at": at} for d in wanted.values()],
                    )  # fmt: skip
        entry = GatewayEntry(old.id, old.home, old.zone, wanted)
        self._entries[gateway] = entry
        return entry


def _entries(connection: Connection, only: Collection[str] | None = None) -> dict[str, GatewayEntry]:
    known = (
        select(tables.gateways.c.id, tables.gateways.c.home, tables.homes.c.zone)
        .join(tables.homes, tables.homes.c.id == tables.gateways.c.home)
        .where(tables.gateways.c.revoked_at.is_(None))
    )
    devices = select(tables.devices)
    if only is not None:
        known = known.where(tables.gateways.c.id.in_(only))
        devices = devices.where(tables.devices.c.gateway.in_(only))
    entries = {row.id: GatewayEntry(GatewayId(row.id), HomeId(row.home), row.zone) for row in connection.execute(known)}
    for row in connection.execute(devices):
        if row.gateway in entries:
            entries[row.gateway].devices[DeviceId(row.id)] = Device(
                DeviceId(row.id), Quantity(row.kind), row.room, bool(row.exit), row.check_in, bool(row.mains),
                RoomType.of(row.room_type), row.model,
            )  # fmt: skip
    return entries
