"""``kehai doctor`` at the broker's door: a sound installation, and one thing wrong at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kehai.access import DOCTOR
from kehai.door import check_door
from kehai.passwordlist import hashed, read, write
from kehai.settings import BrokerSection, GatewaysSection, InstallationSection, Settings
from kehai.verdict import Verdict
from tests.shipped import ACL, Shipped

pytestmark = pytest.mark.server
FREE = ("use_username_as_clientid true", "use_username_as_clientid false")
"""With it mosquitto also refuses whoever comes without a name."""


class Patient:
    """An installation whose broker is as it ships, and its registry's credentials."""

    def __init__(self, folder: Path, acl: Path = ACL, *changes: tuple[str, str]) -> None:
        self.site = Shipped(folder / "site", acl=acl)
        for before, after in changes:
            self.site.broker._settings = self.site.broker._settings.replace(before, after)
        password = folder / "ingest_password"
        password.write_text("secret-ingest")
        password.chmod(0o600)
        self.settings = Settings(
            installation=InstallationSection(data=folder),
            broker=BrokerSection(port=self.site.inner, username="ingest", password_file=password),
            gateways=GatewaysSection(
                host="localhost", port=self.site.tls, ca_file=self.site.authority.certificate,
                passwords=self.site.passwords,
            ),
        )  # fmt: skip
        self.settings.doctor_password.write_text("secret-doctor")
        self.settings.doctor_password.chmod(0o600)
        self.credentials = {"gw-1": hashed("secret-gw-1")}
        users = {"ingest": hashed("secret-ingest"), DOCTOR: hashed("secret-doctor"), **self.credentials}
        write(self.site.passwords, users)

    def bad(self) -> list[Verdict]:
        return [verdict for verdict in check_door(self.settings, self.credentials) if not verdict.good]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    patient = Patient(tmp_path_factory.mktemp("sound"))
    with patient.site.broker:
        yield patient


def test_a_sound_door_is_looked_at_and_nothing_is_wrong(sound: Patient) -> None:
    verdicts = list(check_door(sound.settings, sound.credentials))
    assert [verdict for verdict in verdicts if not verdict.good and "renew" not in verdict.mend] == []
    said = "\n".join(verdict.what for verdict in verdicts)
    for port in (sound.site.inner, sound.site.tls):
        assert f"localhost:{port} lets nobody in" in said.replace("127.0.0.1", "localhost")
        assert f"localhost:{port} keeps one gateway" in said.replace("127.0.0.1", "localhost")
        assert f"localhost:{port} makes the user's name" in said.replace("127.0.0.1", "localhost")
    assert "is good for 29 days" in said


def test_a_certificate_that_ends_soon_or_is_another_s_is_said(sound: Patient, tmp_path: Path) -> None:
    soon = [verdict for verdict in sound.bad() if "certificate" in verdict.what]
    assert [verdict.serious for verdict in soon] == [False], "it is good for a month, which is not much"
    stranger = Shipped(tmp_path).authority.certificate
    gateways = sound.settings.gateways.model_copy(update={"ca_file": stranger})
    settings = sound.settings.model_copy(update={"gateways": gateways})
    wrong = [verdict for verdict in check_door(settings, sound.credentials) if "certificate of" in verdict.what]
    assert [(verdict.good, verdict.serious) for verdict in wrong] == [(False, True)]
    assert "gateways would not trust it" in wrong[0].mend


def test_a_list_that_is_not_the_registry_s_is_said(sound: Patient) -> None:
    before = read(sound.site.passwords)
    for changed in ({}, {**before, "gw-9": hashed("x")}, {**before, "gw-1": hashed("x")}):
        write(sound.site.passwords, changed)
        assert any("gateway sync" in verdict.mend for verdict in sound.bad())
    write(sound.site.passwords, before)


def test_a_secret_that_everybody_may_read_is_said(sound: Patient) -> None:
    file = sound.settings.broker.password_file
    assert file is not None
    file.chmod(0o644)
    assert any(f"chmod o= {file}" in verdict.mend for verdict in sound.bad())
    file.chmod(0o600)


def test_a_door_that_is_open_is_said(tmp_path: Path) -> None:
    patient = Patient(tmp_path, ACL, ("allow_anonymous false", "allow_anonymous true"), FREE)
    with patient.site.broker:
        bad = patient.bad()
    for word in ("may send readings", "take another's session over"):
        found = [verdict for verdict in bad if word in verdict.mend]
        assert len(found) == 2, "at both doors"
        assert all(verdict.serious for verdict in found)


def test_an_access_list_that_lets_gateways_speak_for_each_other_is_said(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text(ACL.read_text() + "pattern write kehai/1/gw/+/up/#\n")
    patient = Patient(tmp_path, tmp_path / "acl")
    with patient.site.broker:
        assert len([verdict for verdict in patient.bad() if "deploy/mosquitto.acl" in verdict.mend]) == 2
