"""The command line: one sentence on standard error, and the exit status that scripts rely on."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from alerts.book import WatchedHome
from alerts.sqlbook import SqlBook
from detectors.home import HomeWatch
from detectors.outlook.delays import limits_of
from domain.clock import DAY, SECOND
from domain.errors import KehaiError
from domain.readings import Vouch
from ingest.journal import Batch, Journal
from ingest.letters import compose
from kehai.cli import main
from kehai.running import RESTORING
from registry.database import migrate, open_database
from tests.detectors.homes import GATEWAY, HOME, T0, ZONE, Script, run

COMMANDS = (
    "demo", "up", "ingest", "watch", "dashboard", "influx", "gateway", "simulate", "replay", "backtest",
    "report", "doctor", "admin", "home", "dead-letters", "backup", "restore", "rules",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    def sentence(self) -> str:
        """The one line of standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


@dataclass(frozen=True)
class Terminal:
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> Said:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = self.capsys.readouterr()
        status = ended.value.code
        return Said(status if isinstance(status, int) else 0, captured.out, captured.err)


@pytest.fixture
def kehai(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated homes of two weeks."""
    folder = tmp_path_factory.mktemp("simulated") / "homes"
    with pytest.raises(SystemExit):
        main(["simulate", "--homes", "2", "--days", "14", "--seed", "7", "--out", str(folder)])
    return folder


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield int(holder.getsockname()[1])


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_every_command_explains_itself(kehai: Terminal) -> None:
    shown = kehai("--help").out
    for name in COMMANDS:
        assert f"\n  {name}" in shown
        assert kehai(name, "--help").status == 0
    assert "\n  neighbourhood" not in shown, "what only other commands call is not shown"


def test_the_version_is_told(kehai: Terminal) -> None:
    assert kehai("--version").out.startswith("kehai 0.")


@pytest.mark.parametrize("role", ["up", "ingest", "watch", "dashboard", "influx", "doctor", "gateway"])
def test_a_configuration_that_is_missing_or_malformed_is_one_sentence_and_status_two(
    kehai: Terminal, tmp_path: Path, role: str
) -> None:
    missing = kehai(role, "--config", tmp_path / "none.toml")
    assert (missing.status, missing.out if role != "doctor" else "") == (2, "")
    assert "There is no file" in missing.sentence()
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[installation\n")
    malformed = kehai(role, "--config", wrong)
    assert malformed.status == 2
    assert "is not valid TOML" in malformed.sentence()


def test_a_misspelt_key_is_named(kehai: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "k.toml"
    file.write_text('[installation]\ndata = "d"\n[broker]\nprot = 1883\n')
    said = kehai("up", "--config", file)
    assert said.status == 2
    assert "broker.prot: there is no such key" in said.sentence()


@pytest.mark.parametrize("command", ["demo", "up", "dashboard"])
def test_a_port_in_use_is_one_sentence_and_leaves_nothing_behind(
    kehai: Terminal, tmp_path: Path, taken_port: int, command: str
) -> None:
    data = tmp_path / "data"
    if command == "demo":
        said = kehai("demo", "--port", taken_port, "--data", data)
    else:
        file = tmp_path / "k.toml"
        file.write_text(f'[installation]\ndata = "{data}"\n[dashboard]\nport = {taken_port}\n')
        said = kehai(command, "--config", file)
    assert said.status == 2
    assert f"Port {taken_port} on 127.0.0.1 is in use by another program: choose another port" in said.sentence()
    assert not data.exists()


def test_a_demo_does_not_touch_a_folder_with_other_files(kehai: Terminal, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("keep me")
    said = kehai("demo", "--port", 1, "--data", tmp_path / "letters")
    assert said.status == 2
    assert (tmp_path / "letters" / "dear.txt").read_text() == "keep me"


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(
    kehai: Terminal, homes: Path, tmp_path: Path
) -> None:
    said = kehai("simulate", "--homes", 2, "--days", 14, "--seed", 7, "--out", tmp_path / "again")
    assert said.status == 0
    assert "2 homes, 14 days" in said.err
    assert bytes_of(tmp_path / "again") == bytes_of(homes)
    always = ("home.json", "readings.csv", "incidents.csv")
    assert {f"sim-{number:04d}/{name}" for number in (1, 2) for name in always} <= bytes_of(homes).keys()
    kehai("simulate", "--homes", 2, "--days", 14, "--seed", 8, "--out", tmp_path / "other")
    assert set(bytes_of(tmp_path / "other").values()).isdisjoint(
        digest for name, digest in bytes_of(homes).items() if "readings" in name
    )


def test_simulate_writes_over_nothing(kehai: Terminal, homes: Path) -> None:
    said = kehai("simulate", "--out", homes)
    assert said.status == 2
    assert "is not an empty folder" in said.sentence()


def test_replay_tells_alerts_on_standard_output_and_the_summary_beside_it(
    kehai: Terminal, homes: Path, tmp_path: Path
) -> None:
    folder = min(homes.iterdir())
    said = kehai("replay", folder, "--out", tmp_path / "log.jsonl")
    assert said.status == 0
    assert folder.name in said.err
    assert "x real time" in said.err
    log = (tmp_path / "log.jsonl").read_text()
    for line in log.splitlines():
        assert json.loads(line)["home"] == folder.name
    again = kehai("replay", folder, "--out", tmp_path / "again.jsonl")
    assert again.out == said.out
    assert (tmp_path / "again.jsonl").read_text() == log


def test_bad_lines_are_named_and_the_rest_goes_on(kehai: Terminal, homes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "torn"
    folder.mkdir()
    source = min(homes.iterdir())
    (folder / "home.json").write_bytes((source / "home.json").read_bytes())
    lines = (source / "readings.csv").read_text().splitlines()
    lines[5:5] = ["yesterday,living,1", "2026-04-01T10:00:00"]
    (folder / "readings.csv").write_text("\n".join(lines))
    said = kehai("replay", folder)
    assert said.status == 0
    assert "left out: " in said.err
    assert "readings.csv, line 6" in said.err
    assert "2 bad lines" in said.err


def test_a_recording_that_cannot_be_read_is_refused_in_one_sentence(kehai: Terminal, tmp_path: Path) -> None:
    for make in (None, "{", '{"home": "h"}'):
        folder = tmp_path / f"r{make is not None}{make == '{'}"
        folder.mkdir()
        if make is not None:
            (folder / "home.json").write_text(make)
        said = kehai("replay", folder)
        assert said.status == 2
        assert str(folder) in said.sentence()


@pytest.mark.parametrize("url", ["http://here:1", "mqtt://", "mqtt://h:notaport"])
def test_a_broker_s_address_that_is_none_is_refused(kehai: Terminal, homes: Path, url: str) -> None:
    said = kehai("replay", min(homes.iterdir()), "--through-broker", url)
    assert said.status == 2
    assert "mqtt://" in said.sentence()


def test_a_broker_that_is_not_there_is_one_sentence_and_status_one(kehai: Terminal, homes: Path) -> None:
    said = kehai("replay", min(homes.iterdir()), "--through-broker", "mqtt://127.0.0.1:1")
    assert said.status == 1
    assert said.sentence() == "The broker at 127.0.0.1:1 does not answer: start it, then replay again."


def test_backtest_writes_one_line_for_each_finding_by_home(kehai: Terminal, homes: Path, tmp_path: Path) -> None:
    out = tmp_path / "pages.jsonl"
    said = kehai("backtest", homes, "--page-budget", 2, "--out", out, "--jobs", 1)
    assert said.status == 0
    assert "2 homes, 28 home-days" in said.sentence()
    found = [json.loads(line) for line in out.read_text().splitlines()]
    names = [one["home"] for one in found]
    assert names == sorted(names)
    for one in found:
        assert {
            "home",
            "kind",
            "subject",
            "level",
            "onset",
            "raised_at",
            "ended_at",
            "room",
            "evidence",
            "text",
        } <= set(one)


def test_backtest_of_nothing_is_refused(kehai: Terminal, tmp_path: Path) -> None:
    said = kehai("backtest", tmp_path, "--out", tmp_path / "x.jsonl")
    assert said.status == 2
    assert not (tmp_path / "x.jsonl").exists()
    said.sentence()


def test_a_doctor_says_what_is_wrong_and_how_to_mend_it(kehai: Terminal, tmp_path: Path, taken_port: int) -> None:
    file = tmp_path / "k.toml"
    file.write_text(
        f'[installation]\ndata = "{tmp_path / "d"}"\n[broker]\nport = 1\n[dashboard]\nport = {taken_port}\n'
    )
    said = kehai("doctor", "--config", file)
    assert said.status == 1
    assert "BAD  broker at 127.0.0.1:1: it does not answer" in said.out
    assert f"BAD  data folder {tmp_path / 'd'}: make it" in said.out
    assert "checks found something wrong" in said.sentence()


def test_a_doctor_sees_dead_letters_and_a_restore_that_was_cut_short(kehai: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "k.toml"
    file.write_text(f'[installation]\ndata = "{tmp_path}"\n[broker]\nport = 1\n')
    journal = Journal(tmp_path / "journal.db")
    journal.append(Batch(letters=[compose(1, "topic", "not_json", "", b"x")]), 1)
    journal.close()
    (tmp_path / RESTORING).mkdir()
    said = kehai("doctor", "--config", file)
    assert "note 1 dead letters: look at them with 'kehai dead-letters list'" in said.out
    assert f"BAD  restore into {tmp_path}: it was cut short" in said.out


def test_a_wrong_call_about_letters_or_backups_is_a_sentence(kehai: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "k.toml"
    file.write_text(f'[installation]\ndata = "{tmp_path / "d"}"\n')
    for words, status in (
        (("dead-letters", "list"), 1),
        (("dead-letters", "retry"), 2),
        (("dead-letters", "retry", "1", "--all"), 2),
        (("backup", "--out", tmp_path / "b.tar"), 1),
        (("backup", "--out", file), 2),
        (("restore", tmp_path / "missing.tar"), 1),
    ):
        said = kehai(*words, "--config", file)
        assert said.status == status, words
        said.sentence()
    Journal(tmp_path / "d" / "journal.db").close()
    for option in ("--since=yesterday", "--state=lost"):
        said = kehai("dead-letters", "list", option, "--config", file)
        assert said.status == 2
        said.sentence()


def test_homes_and_accounts_are_made_from_the_command_line(kehai: Terminal, tmp_path: Path) -> None:
    config = tmp_path / "k.toml"
    config.write_text(f'[installation]\ndata = "{tmp_path}"\n')
    table = tmp_path / "homes.csv"
    table.write_text(
        "home,gateway,area,contact1_name,contact1_phone\nh-1,gw-1,見本町,見本 太郎,000\nh-2,gw-2 gw-3,,,\n", "utf-8"
    )
    assert kehai("admin", "home", "import", table, "--config", config).status == 0
    assert kehai("admin", "gateway", "revoke", "gw-3", "--config", config).status == 0
    assert kehai("admin", "home", "list", "--config", config).out.splitlines() == [
        "h-1\th-1\t見本町\tAsia/Tokyo\tgw-1",
        "h-2\th-2\t\tAsia/Tokyo\tgw-2 gw-3 (revoked)",
    ]
    again = kehai("admin", "home", "import", table, "--config", config)
    assert again.status == 1
    assert "enrolled already" in again.sentence()
    for password, status in (("short", 2), ("a long enough one", 0), ("a long enough one", 1)):
        done = subprocess.run(
            [sys.executable, "-m", "kehai", "admin", "staff", "add", "hana", "--config", str(config)],
            input=password, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert kehai("admin", "staff", "disable", "nobody", "--config", config).status == 2
    assert kehai("admin", "staff", "role", "hana", "manager", "--config", config).status == 0
    assert "There is no role 'king'" in kehai("admin", "staff", "role", "hana", "king", "--config", config).sentence()
    assert kehai("admin", "staff", "sees", "hana", "--area", "nowhere", "--config", config).status == 2
    assert kehai("admin", "staff", "sees", "hana", "--area", "見本町", "--home", "h-2", "--config", config).status == 0
    assert kehai("admin", "staff", "list", "--config", config).out.endswith("\tmanager\t見本町, h-2\n")
    assert kehai("admin", "staff", "sees", "hana", "--everywhere", "--config", config).status == 0
    kehai("admin", "staff", "disable", "hana", "--config", config)
    assert kehai("admin", "staff", "list", "--config", config).out == "hana\thana\tdisabled\tmanager\tevery home\n"


def test_a_damaged_database_is_one_sentence_and_a_traceback_only_when_asked_for(
    kehai: Terminal, tmp_path: Path
) -> None:
    config = tmp_path / "k.toml"
    config.write_text(f'[installation]\ndata = "{tmp_path}"\n')
    (tmp_path / "kehai.db").write_bytes(b"this is no database at all" * 100)
    said = kehai("admin", "home", "list", "--config", config)
    assert said.status == 1
    assert "file is not a database" in said.sentence()
    with pytest.raises(KehaiError):
        main(["--debug", "admin", "home", "list", "--config", str(config)])
    assert (tmp_path / "kehai.db").read_bytes().startswith(b"this is")
    assert kehai("--version").status == 0


@pytest.fixture
def watched_home(tmp_path: Path) -> tuple[Path, HomeWatch]:
    """(configuration, what the watch saved of) a home of ten days, whose readings are in the journal."""
    config = tmp_path / "k.toml"
    start, now = T0, T0 + 10 * DAY
    clock = f"[clock]\norigin = {now}\nstart = {now}\nspeed = 0.000000001\n"
    config.write_text(f'[installation]\ndata = "{tmp_path}"\n{clock}')
    script = Script()
    script.live(10)
    watch = HomeWatch(HOME, ZONE)
    run(watch, script.items(now))
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(engine)
    with SqlBook(engine).transaction() as page:
        page.save(WatchedHome(HOME, 1, watch.snapshot(), b""))
    engine.dispose()
    journal = Journal(tmp_path / "journal.db")
    stream = journal.stream(GATEWAY, "e")
    vouch = Vouch(HOME, GATEWAY, now, ((start, now),), (), now, now)
    journal.append(Batch([*script.readings, vouch], {stream.id: stream}, {(GATEWAY, "e"): stream.id}), now)
    journal.close()
    return config, watch


def test_a_report_tells_the_delays_what_would_shorten_them_and_the_pages_so_far(
    kehai: Terminal, watched_home: tuple[Path, HomeWatch]
) -> None:
    config, _ = watched_home
    english = kehai("report", HOME, "--config", config, "--language", "en")
    assert english.status == 0
    for words in (
        "of 28 days are known; ", "By day", "living", "Limit", "Watched for 0.3 months", "✓ Sees",
        "No sign of life", "The mean limit if a device were missing",
    ):  # fmt: skip
        assert words in english.out, words
    japanese = kehai("report", HOME, "--config", config, "--language", "ja")
    assert "ご本人が自宅で倒れた場合" in japanese.out
    assert "確認できる" in japanese.out
    assert "would" not in japanese.out
    nobody = kehai("report", "h-9", "--config", config)
    assert nobody.status == 2
    assert "Nothing has been heard of a home 'h-9'" in nobody.sentence()
    assert kehai("report", HOME, "--config", config, "--language", "fr").status == 2


def test_a_report_for_programs_is_json_with_spans_in_seconds(
    kehai: Terminal, watched_home: tuple[Path, HomeWatch]
) -> None:
    config, watch = watched_home
    told = json.loads(kehai("report", HOME, "--config", config, "--json").out)
    assert told["home"] == HOME
    assert told["limits"]["page_s"][4 * 12] == limits_of(watch.inactivity).page[4 * 12] // SECOND
    living = told["after_a_movement"]["living"]["hours"]
    assert (living[12]["reach"], living[3]["reach"]) == ("noticed", "never_seen")
    noon = told["limits"]["page_s"][4 * 12 : 4 * 13]
    assert min(noon) <= living[12]["page_s"] <= max(noon)
    assert living[12]["prompt_s"] < living[12]["page_s"], "the resident is asked first"
    assert told["any_moment"]["day"]["page_s"] < living[12]["page_s"], "part of the silence has passed already"
    assert 0.5 < told["own_share"] < 1.0
    assert {row["kind"] for row in told["detectors"]} >= {"inactivity", "heat"}
    assert {row["device"] for row in told["one_less"]} == {"living", "kitchen"}
    assert told["pages"]["interval_90"][0] == 0.0
