"""docker-compose.yml, Dockerfile, mosquitto.conf and deploy/ agree with each other and with the code.

There need not be a Docker engine here: every path, port, variable, secret and command that these files name is checked
against what they should match.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CONFIG = tomllib.loads((ROOT / "deploy" / "kehai.toml").read_text())
MADE_BY_THE_OPERATOR = {
    "./certs",
    "./certs/ca.crt",
    "./secrets/broker",
    *(s["file"] for s in COMPOSE["secrets"].values()),
}
HEADER = (ROOT / "docker-compose.yml").read_text().split("name: kehai")[0]


def broker_lines(file: str = "mosquitto.conf") -> list[list[str]]:
    text = (ROOT / file).read_text()
    return [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def mounts(service: str) -> dict[str, str]:
    found = {}
    for volume in SERVICES[service].get("volumes", []):
        source, target = volume.split(":")[:2]
        found[target] = source
    return found


def test_the_installation_has_the_eight_services_and_one_that_is_run_by_hand() -> None:
    started = {name for name, body in SERVICES.items() if "profiles" not in body}
    assert started == {"mosquitto", "influxdb", "ingest", "influx", "watch", "dashboard", "grafana", "watchdog"}
    assert set(SERVICES) - started == {"admin"}


def test_what_admin_writes_is_what_the_broker_reads_and_watches() -> None:
    """Both mount the folder: a mounted file would stay the old one when another is put in its place."""
    told = {line[0]: line[1] for line in broker_lines()}
    listed, read = Path(CONFIG["gateways"]["passwords"]), Path(told["password_file"])
    assert listed.name == read.name
    assert mounts("admin")[str(listed.parent)] == mounts("mosquitto")[str(read.parent)]
    shell, script, configuration, *watched = SERVICES["mosquitto"]["command"]
    assert shell == "/bin/sh"
    assert mounts("mosquitto")[script] == "./deploy/mosquitto.sh"
    assert mounts("mosquitto")[configuration] == "./mosquitto.conf"
    closed = re.findall(r"^#(?:crlfile) (\S+)", (ROOT / "mosquitto.conf").read_text(), re.MULTILINE)
    assert set(watched) == {told["password_file"], told["certfile"], told["keyfile"], *closed}


def test_admin_has_what_a_new_gateway_is_given() -> None:
    assert SERVICES["admin"]["entrypoint"] == ["kehai", "admin"]
    assert mounts("admin")[CONFIG["gateways"]["ca_file"]] == "./certs/ca.crt"
    assert mounts("admin")["/etc/kehai/kehai.toml"] == "./deploy/kehai.toml"
    assert CONFIG["installation"]["data"] in mounts("admin")
    assert Path(CONFIG["broker"]["password_file"]).name in SERVICES["admin"]["secrets"]
    assert f"{CONFIG['gateways']['port']}" in str(SERVICES["mosquitto"]["ports"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_bind_mount_exists_or_is_named_as_the_operator_s_to_make(service: str) -> None:
    for source in mounts(service).values():
        if not source.startswith("."):
            assert source in COMPOSE["volumes"]
        elif source in MADE_BY_THE_OPERATOR:
            assert Path(source).name in HEADER
        else:
            assert (ROOT / source).exists(), source


@pytest.mark.parametrize("service", SERVICES)
def test_every_secret_network_and_dependency_is_declared(service: str) -> None:
    body = SERVICES[service]
    assert set(body.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert set(body.get("networks", [])) <= set(COMPOSE["networks"])
    for other, condition in body.get("depends_on", {}).items():
        assert other in SERVICES
        if condition["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]


def test_every_variable_has_a_default_and_stands_in_the_operator_s_guide() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    guide = (ROOT / "docs" / "operations.md").read_text()
    variables = re.findall(r"\$\{([A-Z_]+)(:-[^}]*)?\}", text)
    assert variables
    for name, default in variables:
        assert default, f"{name} has no default"
        assert name in guide, f"{name} is not explained"


@pytest.mark.parametrize("role", ["ingest", "influx", "watch", "dashboard", "watchdog"])
def test_each_role_reads_the_mounted_configuration(role: str) -> None:
    command = SERVICES[role]["command"]
    assert command == [role, "--config", "/etc/kehai/kehai.toml"]
    assert mounts(role)["/etc/kehai/kehai.toml"] == "./deploy/kehai.toml"
    assert CONFIG["installation"]["data"] in mounts(role)


def test_the_watch_finds_the_watchdog_and_both_reach_those_whom_they_call() -> None:
    told = CONFIG["watchdog"]
    assert told["host"] in SERVICES
    assert SERVICES[told["host"]]["hostname"] == told["host"], "it listens under the name by which it is found"
    assert f"http://{told['host']}:{told['port']}/" in str(SERVICES["watchdog"]["healthcheck"])
    for service in ("watch", "watchdog"):
        assert "outside" in SERVICES[service]["networks"]
        assert "inside" in SERVICES[service]["networks"]


def test_the_roles_reach_the_broker_where_it_listens() -> None:
    listeners = {int(line[1]) for line in broker_lines() if line[0] == "listener"}
    assert CONFIG["broker"]["host"] in SERVICES
    assert CONFIG["broker"]["port"] in listeners
    published = {int(port.rsplit(":", 1)[1]) for port in SERVICES["mosquitto"]["ports"]}
    assert published == {8883}, "only the TLS listener may be published"
    assert published < listeners


def test_every_file_that_the_broker_is_told_to_read_is_mounted() -> None:
    told = {
        line[1] for line in broker_lines() if line[0] in {"cafile", "certfile", "keyfile", "password_file", "acl_file"}
    }
    assert len(told) == 5
    for path in told:
        assert any(path == target or path.startswith(target + "/") for target in mounts("mosquitto")), path


def test_the_secret_that_ingest_reads_is_given_to_ingest() -> None:
    name = Path(CONFIG["broker"]["password_file"]).name
    assert CONFIG["broker"]["password_file"] == f"/run/secrets/{name}"
    assert name in SERVICES["ingest"]["secrets"]


def test_the_store_that_the_projection_writes_to_is_the_one_that_compose_starts() -> None:
    section, store = CONFIG["influxdb"], SERVICES["influxdb"]
    url = urlsplit(section["url"])
    assert url.hostname in SERVICES
    assert {int(port.rsplit(":", 1)[1]) for port in store["ports"]} == {url.port}
    assert section["org"] == store["environment"]["DOCKER_INFLUXDB_INIT_ORG"]
    assert section["bucket"] == store["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert section["token_file"] == store["environment"]["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN_FILE"]
    assert Path(section["token_file"]).name in SERVICES["influx"]["secrets"]
    assert set(SERVICES["influx"]["networks"]) & set(store["networks"])


def test_the_broker_keeps_what_delivery_needs_and_lets_nobody_in_unnamed() -> None:
    settings = {line[0]: line[1] for line in broker_lines()}
    assert settings["allow_anonymous"] == "false"
    assert settings["max_queued_messages"] == "0"
    assert int(settings["max_queued_bytes"]) > 0
    assert settings["max_inflight_messages"] == "500"
    assert settings["autosave_on_changes"] == "false", "at each turn of its loop the broker would write all that waits"
    assert 0 < int(settings["autosave_interval"]) <= 60
    assert settings["message_size_limit"] == "65536"


def test_every_listener_makes_the_user_s_name_the_client_id() -> None:
    """What stands below a "listener" line holds for that listener alone; also the door that is closed as shipped."""
    text = re.sub(
        r"^#(listener|[a-z_]+ (?:/|true|tlsv))", r"\1", (ROOT / "mosquitto.conf").read_text(), flags=re.MULTILINE
    )
    doors = re.split(r"^(?=listener )", text, flags=re.MULTILINE)[1:]
    assert [door.split()[1] for door in doors] == ["8883", "8884", "1883"]
    for door in doors:
        assert "use_username_as_clientid true" in door.splitlines()
    for door in doors[:2]:
        assert "tls_version tlsv1.2" in door.splitlines()
    assert "require_certificate true" in doors[1].splitlines()


def test_the_dashboard_listens_where_its_port_is_published() -> None:
    assert CONFIG["dashboard"]["host"] == "0.0.0.0"  # noqa: S104 (inside its container)
    inner = {int(port.rsplit(":", 1)[1]) for port in SERVICES["dashboard"]["ports"]}
    assert inner == {CONFIG["dashboard"]["port"]}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["dashboard"]["ports"])
    assert f":{CONFIG['dashboard']['port']}/healthz" in SERVICES["dashboard"]["healthcheck"]["test"][-1]


def test_every_image_is_an_exact_version_and_names_no_host() -> None:
    for body in SERVICES.values():
        image = body["image"]
        name, _, tag = image.partition(":")
        assert tag.count(".") >= 1, image
        assert "." not in name, image


def test_no_secret_stands_in_the_files() -> None:
    for file in ("docker-compose.yml", "deploy/kehai.toml", "mosquitto.conf"):
        for line in (ROOT / file).read_text().splitlines():
            if re.match(r"\s*[A-Za-z_]*(password|token|secret)[A-Za-z_]*\s*[:=]", line, re.IGNORECASE):
                assert "/" in line or "[" in line or line.rstrip().endswith(":"), line


def test_the_image_is_built_from_files_that_exist_and_are_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    lines = (ROOT / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", lines, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists()
            assert source.split("/")[0] not in ignored
    for script in re.findall(r"scripts/\S+", lines):
        assert (ROOT / script).exists()
    assert "--require-hashes" in lines
    assert re.search(r"^USER kehai$", lines, re.MULTILINE)
    assert "README.md" not in ignored
