"""A gateway is enrolled, renewed and cut off as people do it: commands, the shipped broker, real programs."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.clock import SECOND, SystemClock
from domain.errors import KehaiError
from domain.ids import GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import Reading
from ingest.journal import Journal, read_all
from kehai.access import Access, Told, knock
from kehai.cli import main
from kehai.commands.credentials import Credentials, say
from kehai.passwordlist import hashed, read
from kehai.settings import load
from registry.database import open_database
from registry.homes import Homes
from tests.programs import Program, until
from tests.shipped import Shipped

pytestmark = pytest.mark.server
INGEST_PASSWORD = "a password of ingest's own"


@dataclass(frozen=True)
class Said:
    out: str
    err: str


@dataclass
class Site:
    """One installation: its broker under the script that ships, its settings, its commands."""

    folder: Path
    broker: Shipped

    def __post_init__(self) -> None:
        password = self.folder / "ingest_password"
        password.write_text(INGEST_PASSWORD)
        self.config = self.folder / "kehai.toml"
        self.config.write_text(
            f'[installation]\ndata = "{self.folder / "data"}"\n'
            f'[broker]\nport = {self.broker.inner}\nusername = "ingest"\npassword_file = "{password}"\n'
            f'[gateways]\nhost = "localhost"\nport = {self.broker.tls}\nca_file = "{self.broker.authority.certificate}"\n'
            f'passwords = "{self.broker.passwords}"\n[ingest]\nmark_seconds = 0.5\n'
        )

    def kehai(self, *arguments: object, status: int = 0) -> Said:
        """A command of ours, in this process: what it said."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        assert (ended.value.code or 0) == status, err.getvalue()
        return Said(out.getvalue(), err.getvalue())

    def admin(self, *arguments: object, status: int = 0) -> Said:
        return self.kehai("admin", *arguments, "--config", self.config, status=status)

    def enrol(self, bundle: Path, *more: object) -> Path:
        pi = self.folder / "pi"
        self.kehai("gateway", "enrol", bundle, "--folder", pi, "--data", pi / "data", *more)
        return pi / "gateway.toml"

    def stored(self) -> int:
        file = self.folder / "data" / "journal.db"
        if not file.exists():
            return 0
        journal = Journal(file, read_only=True)
        try:
            arrivals = read_all(journal) if journal.is_made() else []
            return sum(isinstance(item, Reading) for arrival in arrivals for item in arrival.items)
        finally:
            journal.close()

    def refused(self) -> list[str]:
        journal = Journal(self.folder / "data" / "journal.db", read_only=True)
        try:
            return [reason for reason, _ in journal.letters()]
        finally:
            journal.close()

    def let_in(self, gateway: str, password: str) -> bool | None:
        return knock("localhost", self.broker.tls, self.broker.authority.certificate, gateway, password)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    broker = Shipped(tmp_path / "site", watched=True)
    with broker.broker:
        yield Site(tmp_path, broker)


def walk(folder: Path) -> Path:
    """A recording in which somebody moves four times a second for the next five minutes."""
    recording = folder / "recording"
    recording.mkdir()
    sensors = {"living": {"kind": "motion", "room": "living room"}}
    (recording / "home.json").write_text(json.dumps({"home": "h-1", "timezone": "UTC", "sensors": sensors}))
    now = SystemClock().now()
    moves = [LocalTime("UTC").iso(now + step * SECOND // 4) for step in range(1200)]
    (recording / "readings.csv").write_text("time,sensor,value\n" + "".join(f"{at},living,1\n" for at in moves))
    return recording


def test_a_gateway_is_enrolled_sends_over_tls_gets_another_password_and_is_cut_off(site: Site) -> None:
    site.admin("home", "add", "h-1")
    bundle = site.folder / "gw-1.json"
    site.admin("gateway", "add", "gw-1", "--home", "h-1", "--bundle", bundle)
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    password = json.loads(bundle.read_text())["password"]
    assert set(read(site.broker.passwords)) == {"ingest", "~doctor", "gw-1"}
    assert password not in site.broker.passwords.read_text(), "the server keeps a hash"

    config = site.enrol(bundle)
    assert stat.S_IMODE((config.parent / "mqtt_password").stat().st_mode) == 0o600
    with config.open("a") as file:
        file.write(f'\n[[driver]]\nname = "simulated"\nrecording = "{walk(site.folder)}"\n')
    with Program(site.folder / "ingest", "ingest", "--config", site.config) as ingest:
        with Program(site.folder / "gateway", "gateway", "--config", config) as gateway:
            until(lambda: site.stored() > 3, 30, "reading over TLS")

            # The card was lost: whoever holds it is out, and the new card is in.
            renewed = site.folder / "gw-1-again.json"
            site.admin("gateway", "renew", "gw-1", "--bundle", renewed)
            assert site.let_in("gw-1", password) is False
            before = site.stored()
            assert gateway.interrupt() == 0, gateway.err
        assert site.enrol(renewed, "--force") == config
        assert config.read_text().splitlines().count("[[driver]]") == 1
        with Program(site.folder / "gateway-2", "gateway", "--config", config) as gateway:
            until(lambda: site.stored() > before + 3, 30, "reading under the new password")

            site.admin("gateway", "revoke", "gw-1")
            assert site.let_in("gw-1", json.loads(renewed.read_text())["password"]) is False
            until(lambda: "no connection to the broker" in gateway.out, 30, "word of the gateway that it is cut off")
            after = site.stored()
            assert gateway.process is not None
            assert gateway.process.poll() is None, "it stays up, and keeps what it sees"
        assert site.stored() == after
        assert set(read(site.broker.passwords)) == {"ingest", "~doctor"}
        assert ingest.interrupt() == 0, ingest.err


def test_a_revoked_gateway_with_a_certificate_loses_its_connection_though_no_list_names_it(site: Site) -> None:
    site.admin("home", "add", "h-1")
    site.admin("gateway", "add", "gw-1", "--home", "h-1", "--certificate")
    certificate = site.broker.client_certificate("gw-1")
    config = site.folder / "gateway.toml"
    config.write_text(
        f'[gateway]\nid = "gw-1"\ndata = "{site.folder / "gateway-data"}"\nheartbeat_seconds = 1\n'
        f'[broker]\nhost = "localhost"\nport = {site.broker.certificates}\n'
        f'ca_file = "{site.broker.authority.certificate}"\ncert_file = "{certificate.certificate}"\n'
        f'key_file = "{certificate.key}"\n[[driver]]\nname = "simulated"\nrecording = "{walk(site.folder)}"\n'
    )
    with (
        Program(site.folder / "ingest", "ingest", "--config", site.config),
        Program(site.folder / "gateway", "gateway", "--config", config) as gateway,
    ):
        until(lambda: site.stored() > 3, 30, "reading of a gateway with a certificate")
        site.broker.gateways.revoke(certificate)
        site.admin("gateway", "revoke", "gw-1")
        until(lambda: "no connection to the broker" in gateway.out, 30, "word of the gateway that it is cut off")


def test_ingest_refuses_a_revoked_gateway_though_the_broker_was_never_told(site: Site) -> None:
    site.admin("home", "add", "h-1")
    bundle = site.folder / "gw-1.json"
    site.admin("gateway", "add", "gw-1", "--home", "h-1", "--bundle", bundle)
    config = site.enrol(bundle)
    with config.open("a") as file:
        file.write(f'\n[[driver]]\nname = "simulated"\nrecording = "{walk(site.folder)}"\n')
    site.config.write_text(site.config.read_text().replace(f'passwords = "{site.broker.passwords}"\n', ""))
    with (
        Program(site.folder / "ingest", "ingest", "--config", site.config),
        Program(site.folder / "gateway", "gateway", "--config", config),
    ):
        until(lambda: site.stored() > 3, 30, "reading")
        site.admin("gateway", "revoke", "gw-1")
        before = site.stored()
        until(lambda: site.refused().count("unknown_gateway") > 3, 30, "refusals")
        assert site.stored() == before, "nothing is stored after the command has returned"


def test_a_broker_that_is_down_is_said_and_has_the_new_list_when_it_starts(site: Site) -> None:
    site.broker.broker.stop()
    site.admin("home", "add", "h-1")
    said = site.admin("gateway", "add", "gw-1", "--home", "h-1")
    assert "does not answer" in said.err
    password = json.loads(said.out)["password"]
    gone = site.admin("gateway", "add", "gw-2", "--home", "h-1")
    assert "does not answer" in site.admin("gateway", "revoke", "gw-2").err
    site.broker.broker.start()
    assert site.let_in("gw-1", password) is True
    assert site.let_in("gw-2", json.loads(gone.out)["password"]) is False


def test_a_broker_that_goes_by_its_old_list_is_said_and_a_signal_mends_it(tmp_path: Path) -> None:
    broker = Shipped(tmp_path / "site")
    site = Site(tmp_path, broker)
    with broker.broker:
        site.admin("home", "add", "h-1")
        assert broker.broker.process is not None
        pid = tmp_path / "mosquitto.pid"
        pid.write_text(f"{broker.broker.process.pid}\n")
        settings = load(site.config)
        engine = open_database(settings.database_url)
        Homes(engine).add_gateway(GatewayId("gw-1"), HomeId("h-1"), 1, hashed("secret"))
        told = Access(settings, engine, patience=0.3).admit("gw-1", "secret")
        engine.dispose()
        assert told is Told.DEAF
        with pytest.raises(KehaiError, match="send mosquitto a SIGHUP"):
            say(told, "gw-1 will be let in")
        site.config.write_text(site.config.read_text().replace("[ingest]", f'pid_file = "{pid}"\n[ingest]'))
        site.admin("gateway", "add", "gw-2", "--home", "h-1")
        assert site.let_in("gw-1", "secret") is True


def test_of_two_commands_that_enrol_the_same_gateway_at_once_one_wins_and_the_other_leaves_nothing(site: Site) -> None:
    site.admin("home", "add", "h-1")
    settings = load(site.config)
    engine = open_database(settings.database_url)
    credentials = Credentials(Access(settings, engine), [GatewayId("gw-1")])
    late = site.folder / "late.json"
    credentials.write_one(late)
    site.admin("gateway", "add", "gw-1", "--home", "h-1")
    with pytest.raises(KehaiError, match="Another command has just enrolled"), credentials.or_taken_back():
        Homes(engine).add_gateway(GatewayId("gw-1"), HomeId("h-1"), 1, credentials.hashes[GatewayId("gw-1")])
    engine.dispose()
    assert not late.exists()


def test_no_gateway_is_called_as_ingest_is(site: Site) -> None:
    site.admin("home", "add", "h-1")
    for words in (("gateway", "add", "ingest", "--home", "h-1"), ("home", "add", "h-2", "--gateway", "ingest")):
        assert "is the user name of ingest itself" in site.admin(*words, status=2).err
    assert "h-2" not in site.admin("home", "list").out


def test_many_homes_at_once_give_each_gateway_a_file_of_its_own(site: Site) -> None:
    table = site.folder / "homes.csv"
    table.write_text("home,gateway\n" + "".join(f"h-{n},gw-{n}\n" for n in range(20)))
    folder = site.folder / "bundles"
    site.admin("home", "import", table, "--bundles", folder)
    bundles = sorted(folder.iterdir())
    assert len(bundles) == 20
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in bundles[:2]:
        content = json.loads(file.read_text())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert site.let_in(content["gateway"], content["password"]) is True
    assert len(read(site.broker.passwords)) == 22
    again = site.admin("home", "import", table, "--bundles", folder, status=1)
    assert "enrolled already" in again.err
