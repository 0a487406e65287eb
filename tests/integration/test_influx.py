"""The projection at real stores: what is in the journal is in the store, each reading once, and nothing waits for it."""

from __future__ import annotations

import json
import random
import signal
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from domain.clock import DAY, MILLISECOND, MINUTE, SECOND, SystemClock
from domain.ids import DeviceId
from domain.readings import Device, Quantity
from ingest.influx import tables
from ingest.influx.cursor import passed
from ingest.influx.ledger import Ledger
from ingest.influx.projection import Projection
from ingest.influx.store import HttpStore
from ingest.journal import Journal
from kehai.cli import main
from kehai.commands.influx import address
from kehai.settings import load
from registry.database import migrate, open_database
from tests.deploy.test_grafana import QUESTIONS
from tests.ingest.projecting import Keeper, hello, reading, vouch, writer
from tests.programs import Program, page, until
from tests.servers import InfluxDB, Mosquitto, VictoriaMetrics, free_port

pytestmark = pytest.mark.server
AIR = Device(DeviceId("air"), Quantity.TEMPERATURE, "living room, 1st \\")
START = SystemClock().now() - 10 * MINUTE
ADMIN = {"u": "boss", "p": "test-boss"}


@dataclass(frozen=True)
class Installation:
    """An installation whose journal the test writes by hand."""

    folder: Path
    config: Path
    keeper: Keeper
    engine: Engine
    broker: int
    """The port of its broker."""

    def has_passed(self, offset: int) -> bool:
        return (passed(self.engine) or 0) > offset

    def has_come_to(self, offset: int) -> bool:
        return passed(self.engine) == offset


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    keeper = Keeper(tmp_path / "data" / "journal.db")
    engine = open_database(f"sqlite:///{tmp_path / 'data' / 'kehai.db'}")
    migrate(engine)
    yield Installation(tmp_path, tmp_path / "kehai.toml", keeper, engine, free_port())
    keeper.journal.close()
    engine.dispose()


def configure(installation: Installation, *lines: str) -> None:
    """Write the installation's file with these lines of [influxdb]."""
    text = f'[installation]\ndata = "{installation.folder / "data"}"\n[broker]\nport = {installation.broker}\n[dashboard]\n'
    installation.config.write_text(
        text + f"port = {free_port()}\nhttps = false\n[influxdb]\n" + "".join(f"{line}\n" for line in lines)
    )


def project(installation: Installation) -> None:
    """Copy what the journal holds, in this process."""
    section, clock = load(installation.config).influxdb, SystemClock()
    assert section is not None
    store = HttpStore(address(section), clock)
    made = Projection(
        Journal(installation.keeper.path, read_only=True),
        Ledger(installation.engine, clock),
        writer(store, lambda _seconds: False, clock),
    )
    made.run(lambda: False)
    made.close()
    store.close()


@dataclass(frozen=True)
class Terminal:
    """The command line, in this process."""

    installation: Installation
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> tuple[str, str]:
        """Standard output and standard error."""
        with pytest.raises(SystemExit):
            main([*arguments, "--config", str(self.installation.config)])
        return self.capsys.readouterr()


@pytest.fixture
def kehai(installation: Installation, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(installation, capsys)


def metrics_port(installation: Installation) -> int:
    """Where the role shows its figures."""
    return int(tomllib.loads(installation.config.read_text())["influxdb"]["metrics_port"])


def influx(installation: Installation) -> Program:
    """The role as an operator starts it."""
    return Program(installation.folder / "influx", "influx", "--config", installation.config)


@pytest.fixture
def one(installation: Installation) -> Iterator[InfluxDB]:
    """InfluxDB 1.x with a database and an account that may write into it."""
    with InfluxDB(installation.folder / "influxdb") as store:
        store.ask("/query", method="POST", q="CREATE USER boss WITH PASSWORD 'test-boss' WITH ALL PRIVILEGES")
        for question in (
            "CREATE DATABASE kehai", "CREATE USER kehai WITH PASSWORD 'test-kehai'", "GRANT ALL ON kehai TO kehai",
        ):  # fmt: skip
            store.ask("/query", method="POST", q=question, **ADMIN)
        password = installation.folder / "password"
        password.write_text("test-kehai\n")
        configure(
            installation,
            f'url = "{store.url}"',
            f"metrics_port = {free_port()}",
            'api = "v1"',
            'username = "kehai"',
            f'password_file = "{password}"',
        )
        yield store


def ask(store: InfluxDB, question: str) -> list[list[Any]]:
    """The rows that InfluxQL gives, times in nanoseconds."""
    answer = json.loads(store.ask("/query", db="kehai", epoch="ns", q=question, u="kehai", p="test-kehai"))
    return [row for series in answer["results"][0].get("series", []) for row in series["values"]]


def test_influxdb_1_holds_every_reading_once_two_in_one_microsecond_too(
    installation: Installation, one: InfluxDB
) -> None:
    keeper = installation.keeper
    keeper.commit(hello(Device(DeviceId("hall"), Quantity.MOTION, "hall"), AIR), at=START)
    same = [reading(1, START), reading(2, START, 0.0), reading(3, START + 200 * MILLISECOND)]
    warm = reading(4, START + SECOND, 21.5, device=AIR.id, quantity=Quantity.TEMPERATURE, flags=2)
    far = reading(1_000_001, START)
    last = keeper.commit(*same, warm, far, vouch(START + 3 * SECOND, START + 2 * SECOND), at=START)
    for _ in range(2):  # the second time everything is written again
        project(installation)
        assert installation.has_come_to(last)
        with installation.engine.begin() as connection:
            connection.execute(update(tables.projections).values(offset=0))
        milliseconds = START // MILLISECOND
        assert sorted(ask(one, "SELECT value, lap FROM motion"), key=str) == [
            [milliseconds * 1_000_000 + 1, 1, "1"],
            [milliseconds * 1_000_000 + 1, 1, None],
            [milliseconds * 1_000_000 + 2, 0, None],
            [(milliseconds + 200) * 1_000_000 + 3, 1, None],
        ]
        assert ask(one, "SELECT count(value) FROM motion")[0][1] == 4
        assert [row[1:] for row in ask(one, "SELECT value, flags, room FROM temperature")] == [
            [21.5, 2, "living room, 1st /"]
        ]
        assert [row[1:] for row in ask(one, "SELECT lag, home, gateway FROM heartbeat")] == [[1, "h1", "g1"]]


def test_every_query_of_the_dashboards_finds_what_it_asks_for(installation: Installation, one: InfluxDB) -> None:
    devices = {quantity: Device(DeviceId(f"d-{quantity}"), quantity, "hall") for quantity in Quantity}
    readings = [
        reading(seq, START + seq * SECOND, 1.0, device=device.id, quantity=quantity)
        for seq, (quantity, device) in enumerate(devices.items(), start=1)
    ]
    beat = vouch(START + MINUTE, START + MINUTE - SECOND)
    last = installation.keeper.commit(hello(*devices.values()), *readings, beat, at=START)
    project(installation)
    assert installation.has_come_to(last)
    for board, question in QUESTIONS:
        narrowed = question.replace("$timeFilter", "time > now() - 1h").replace("$home", "h1")
        found = [cell for row in ask(one, narrowed.replace("$__interval", "1m")) for cell in row[1:]]
        assert any(cell not in {None, 0} for cell in found), f"{board}: {question}: {found}"


def test_a_store_that_was_away_is_caught_up_and_doctor_says_meanwhile_what_is_wrong(
    installation: Installation, one: InfluxDB, kehai: Terminal
) -> None:
    keeper = installation.keeper
    first = keeper.commit(hello(), reading(1, START), at=START)
    with influx(installation) as role:
        until(lambda: installation.has_come_to(first), 30, "cursor after the first commit")
        one.kill()
        for seq in range(2, 102):
            last = keeper.commit(reading(seq, START + seq * SECOND), at=START + seq * SECOND)
        until(
            lambda: "the store does not answer; start it, or mend influxdb.url" in role.err, 30, "word about the store"
        )
        assert installation.has_come_to(first)
        assert f"BAD  InfluxDB at {one.url} takes points: the store does not answer" in kehai("doctor")[0]
        one.start()
        until(lambda: installation.has_come_to(last), 60, "cursor at the end")
        assert ask(one, "SELECT count(value) FROM motion")[0][1] == 101
        assert "the store takes points again" in role.err
        metrics = f"http://127.0.0.1:{metrics_port(installation)}/metrics"
        until(lambda: "kehai_projection_points_total 101.0" in page(metrics)[1], 10, "count of points")
        assert 'kehai_projection_retries_total{status="0"}' in page(metrics)[1]
        assert role.interrupt(signal.SIGTERM) == 0, role.err
        assert "Traceback" not in role.err


def test_doctor_tells_a_wrong_password_from_a_missing_database_and_from_a_store_that_is_well(
    installation: Installation, one: InfluxDB, kehai: Terminal
) -> None:
    def doctor() -> str:
        return next(line for line in kehai("doctor")[0].splitlines() if "InfluxDB" in line)

    assert doctor() == f"ok   InfluxDB at {one.url} takes points"
    one.ask("/query", method="POST", q="DROP DATABASE kehai", **ADMIN)
    assert "the store has no such database" in doctor()
    password = installation.folder / "password"
    password.write_text("wrong")
    assert "the store does not know us; mend influxdb.password_file (it said: authorization failed)" in doctor()
    password.unlink()
    assert f"{password} cannot be read" in doctor()


def test_a_point_that_the_real_store_refuses_is_listed_with_its_words_and_stored_once_the_cause_is_mended(
    installation: Installation, one: InfluxDB, kehai: Terminal
) -> None:
    """Somebody else wrote text where our number belongs; in that week's shard InfluxDB takes no number any more."""
    refuge = START - 400 * DAY
    strange = f'temperature value="warm" {refuge // MILLISECOND}000000'
    one.ask("/write", strange, method="POST", db="kehai", u="kehai", p="test-kehai")
    warm = reading(1, refuge, 21.5, quantity=Quantity.TEMPERATURE)
    last = installation.keeper.commit(hello(), warm, *(reading(seq, START + seq) for seq in range(2, 50)), at=START)
    project(installation)
    assert installation.has_come_to(last)
    assert ask(one, "SELECT count(value) FROM motion")[0][1] == 48

    listed, _ = kehai("dead-letters", "points")
    assert "  400  partial write: field type conflict" in listed
    assert "temperature,device=hall" in listed
    assert "0 stored, 1 refused again." in kehai("dead-letters", "points", "--retry")[1]
    one.ask("/query", method="POST", q="DROP MEASUREMENT temperature", db="kehai", **ADMIN)
    assert "1 stored, 0 refused again." in kehai("dead-letters", "points", "--retry")[1]
    assert kehai("dead-letters", "points", "--json") == ("", "")
    assert [row[1] for row in ask(one, "SELECT value FROM temperature")] == [21.5]


def test_a_role_that_is_killed_at_random_moments_leaves_every_reading_in_the_store_once(
    installation: Installation, one: InfluxDB, rounds: int | None, chance: random.Random
) -> None:
    installation.config.write_text(installation.config.read_text() + "batch_size = 100\n")
    first = installation.keeper.commit(hello(), at=START)
    for seq in range(1, 6_001, 20):
        last = installation.keeper.commit(*(reading(n, START + n, n / 8) for n in range(seq, seq + 20)), at=START)
    pause, settled = threading.Event(), passed(installation.engine) or first
    for _ in range(rounds or 2):
        with influx(installation) as role:
            until(partial(installation.has_passed, settled), 30, "progress")
            pause.wait(chance.uniform(0, 0.2))
            assert role.process is not None
            role.process.kill()
            role.process.wait(10)
        settled = passed(installation.engine) or 0
        if settled == last:
            break
    project(installation)
    assert installation.has_come_to(last)
    found = {stamp % 1_000_000: value for stamp, value in ask(one, "SELECT value FROM motion")}
    assert found == {n: n / 8 for n in range(1, 6_001)}
    assert ask(one, "SELECT count(value) FROM motion")[0][1] == 6_000


def test_a_role_whose_journal_was_replaced_ends_so_that_it_is_started_on_the_new_one(
    installation: Installation, one: InfluxDB
) -> None:
    last = installation.keeper.commit(hello(), reading(1, START), at=START)
    with influx(installation) as role:
        until(lambda: installation.has_come_to(last), 30, "cursor at the end")
        Keeper(installation.folder / "new.db").journal.close()
        (installation.folder / "new.db").rename(installation.keeper.path)
        assert role.wait(30) == 1
        assert "was replaced: start this role again" in role.err


def test_a_store_that_is_not_there_keeps_no_role_from_running(installation: Installation) -> None:
    configure(installation, f'url = "http://127.0.0.1:{free_port()}"')
    installation.keeper.commit(hello(), reading(1, START), at=START)
    port = tomllib.loads(installation.config.read_text())["dashboard"]["port"]
    with (
        Mosquitto(installation.folder / "mosquitto", port=installation.broker),
        Program(installation.folder / "up", "up", "--config", installation.config) as up,
    ):

        def roles() -> dict[str, dict[str, str]]:
            status, text = page(f"http://127.0.0.1:{port}/healthz")
            return dict(json.loads(text)["roles"]) if status == 200 else {}

        until(lambda: "the store does not answer" in roles().get("influx", {}).get("detail", ""), 40, "word of influx")
        assert set(roles()) == {"dashboard", "ingest", "watch", "influx"}
        assert up.interrupt() == 0, up.err
        assert up.running() == []


def test_victoriametrics_holds_every_reading_once_through_the_api_of_influxdb_2(installation: Installation) -> None:
    keeper = installation.keeper
    keeper.commit(hello(), at=START)
    last = keeper.commit(*(reading(seq, START + seq * SECOND, seq / 8) for seq in range(1, 51)), at=START)
    with VictoriaMetrics(installation.folder / "vm") as store:
        configure(installation, f'url = "{store.url}"')
        for _ in range(2):  # the second time everything is written again
            project(installation)
            assert installation.has_come_to(last)
            Ledger(installation.engine, SystemClock()).forget()

        def exported() -> list[tuple[int, float]]:
            store.ask("/internal/force_flush")
            series: list[bytes] = store.ask(
                "/api/v1/export", **{"match[]": 'motion_value{home="h1",room="hall"}'}
            ).splitlines()
            return [
                pair
                for line in map(json.loads, series)
                for pair in zip(line["timestamps"], line["values"], strict=True)
            ]

        until(lambda: len(exported()) >= 50, 60, "series that can be seen")
        assert exported() == [((START + seq * SECOND) // MILLISECOND, seq / 8) for seq in range(1, 51)]
