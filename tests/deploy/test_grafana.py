"""Grafana's provisioning agrees with the compose file and with what the projection writes; no Grafana is needed for that."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest.influx.points import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "grafana"
SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
(DATASOURCE,) = yaml.safe_load((DEPLOY / "provisioning/datasources/kehai.yaml").read_text())["datasources"]
(PROVIDER,) = yaml.safe_load((DEPLOY / "provisioning/dashboards/kehai.yaml").read_text())["providers"]
DASHBOARDS: dict[str, dict[str, Any]] = {
    file.name: json.loads(file.read_text()) for file in sorted((DEPLOY / "dashboards").glob("*.json"))
}
INFLUXDB = tomllib.loads((ROOT / "deploy" / "kehai.toml").read_text())["influxdb"]


def questions(board: dict[str, Any]) -> Iterator[str]:
    """Every query of a dashboard, those of its variables too."""
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield target["query"]
    for variable in board["templating"]["list"]:
        yield variable["query"]


QUESTIONS = [(name, question) for name, board in DASHBOARDS.items() for question in questions(board)]


@pytest.mark.parametrize(("board", "question"), QUESTIONS)
def test_every_name_in_a_query_is_one_that_the_projection_writes(board: str, question: str) -> None:
    measurements = set(re.findall(r'FROM "(\w+)"', question))
    assert len(measurements) == 1, question
    (measurement,) = measurements
    tags, fields = SCHEMA[measurement]
    known = tags | fields | measurements | set(re.findall(r' AS "(\w+)"', question))
    assert set(re.findall(r'"(\w+)"', question)) <= known
    if "TAG VALUES" not in question:
        assert "$timeFilter" in question
        for grouped in re.findall(r"GROUP BY (.*?)(?:\)|fill|$)", question):
            assert set(re.findall(r'"(\w+)"', grouped)) <= tags, "only tags can be grouped by"


@pytest.mark.parametrize("board", DASHBOARDS)
def test_every_panel_asks_our_data_source_and_has_a_place_of_its_own(board: str) -> None:
    panels = DASHBOARDS[board]["panels"]
    asked = [panel["datasource"] for panel in panels] + [t["datasource"] for panel in panels for t in panel["targets"]]
    asked += [variable["datasource"] for variable in DASHBOARDS[board]["templating"]["list"]]
    assert all(source == {"type": "influxdb", "uid": DATASOURCE["uid"]} for source in asked)
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        assert {m[1] for m in re.finditer(r"\$tag_(\w+)", json.dumps(panel))} <= {
            m[1] for m in re.finditer(r'\\"(\w+)\\"', json.dumps(panel))
        }


def test_the_dashboards_have_names_and_ids_of_their_own() -> None:
    assert set(DASHBOARDS) == {"home.json", "gateways.json"}
    assert len({board["uid"] for board in DASHBOARDS.values()}) == 2
    assert len({board["title"] for board in DASHBOARDS.values()}) == 2


def test_the_data_source_is_the_store_that_the_projection_fills() -> None:
    assert INFLUXDB["url"] == DATASOURCE["url"]
    assert INFLUXDB["bucket"] == DATASOURCE["jsonData"]["dbName"]
    token = DATASOURCE["secureJsonData"]["httpHeaderValue1"]
    assert token == f"Token $__file{{{INFLUXDB['token_file']}}}"
    assert Path(INFLUXDB["token_file"]).name in SERVICE["secrets"]


def test_the_files_lie_where_grafana_looks_for_them() -> None:
    mounts = dict(reversed(volume.split(":")[:2]) for volume in SERVICE["volumes"])
    assert mounts["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"
    assert mounts[PROVIDER["options"]["path"]] == "./deploy/grafana/dashboards"


def test_nobody_gets_in_without_an_account_or_with_a_password_that_everybody_knows() -> None:
    settings = SERVICE["environment"]
    assert "GF_SECURITY_ADMIN_PASSWORD" not in settings
    assert settings["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana_password"
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == settings["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert all(port.startswith("127.0.0.1:") for port in SERVICE["ports"])
