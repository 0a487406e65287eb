"""``kehai doctor``: checks an installation and says in words what is wrong and how to mend it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from alerts.auditor import Wrong, audit
from domain.errors import ConfigurationError, KehaiError
from domain.localtime import LocalTime
from ingest.history import JournalHistory
from kehai.door import check_door
from kehai.lazily import command
from kehai.network import check_free
from kehai.running import RESTORING
from kehai.settings import Settings, load
from kehai.verdict import Verdict
from registry.database import open_database
from registry.homes import Homes

GIB = 2**30


def doctor(config: Path | None) -> None:
    """Print one line per check; raises KehaiError when something serious is wrong."""
    verdicts = list(_machine())
    if config is not None:
        settings = load(config)
        for check in (_data, _journal, _database, _calling, _broker, _door, _store, _watchdog, _port):
            verdicts.extend(check(settings))
    wrong = 0
    for verdict in verdicts:
        wrong += not verdict.good and verdict.serious
        sign = "ok  " if verdict.good else ("BAD " if verdict.serious else "note")
        typer.echo(f"{sign} {verdict.what}" + ("" if verdict.good else f": {verdict.mend}"))
    if config is None:
        typer.echo("note no --config was given: only the machine was looked at")
    if wrong:
        raise KehaiError(f"{wrong} of {len(verdicts)} checks found something wrong: see the lines marked BAD.")


def _machine() -> Iterator[Verdict]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Verdict(sys.version_info >= (3, 11), f"Python {version}", "install Python 3.11 or newer")
    for library, extra in (("sqlalchemy", "server"), ("fastapi", "server"), ("msgspec", "server")):
        found = importlib.util.find_spec(library) is not None
        yield Verdict(found, f"library {library}", f"install kehai with the extra '{extra}'")
    written_back = sqlite3.sqlite_version_info >= (3, 35)
    yield Verdict(written_back, f"SQLite {sqlite3.sqlite_version}", "install SQLite 3.35 or newer")
    broker = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    yield Verdict(
        broker is not None, "mosquitto on this machine", "install mosquitto here, or name another broker", serious=False
    )
    vendor = Path(__file__).resolve().parents[2] / "dashboard" / "static" / "vendor"
    yield Verdict(
        (vendor / "htmx.min.js").exists(),
        "front-end library",
        "run scripts/fetch-frontend for live pages",
        serious=False,
    )


def _data(settings: Settings) -> Iterator[Verdict]:
    folder = settings.installation.data
    if not folder.is_dir():
        yield Verdict(False, f"data folder {folder}", "make it, owned by the user that runs kehai")
        return
    yield Verdict(os.access(folder, os.W_OK), f"data folder {folder}", "let the user that runs kehai write there")
    free = shutil.disk_usage(folder).free
    yield Verdict(free > GIB, f"{free / GIB:.1f} GiB free in {folder}", "make room: the journal needs at least 1 GiB")
    if (folder / RESTORING).exists():
        yield Verdict(False, f"restore into {folder}", "it was cut short: run 'kehai restore' again")


def _sqlite(file: Path, name: str) -> Verdict:
    if not file.exists():
        return Verdict(False, f"{name} {file}", "it is made at the first start", serious=False)
    try:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        connection.close()
    except sqlite3.Error as error:
        answer = str(error)
    return Verdict(answer == "ok", f"{name} {file}", f"it is damaged ({answer}): restore it from a backup")


def _journal(settings: Settings) -> Iterator[Verdict]:
    verdict = _sqlite(settings.journal, "journal")
    yield verdict
    if verdict.good:
        kept = JournalHistory(settings.journal).dead_letter_count()
        yield Verdict(kept == 0, f"{kept} dead letters", "look at them with 'kehai dead-letters list'", serious=False)


def _database(settings: Settings) -> Iterator[Verdict]:
    if not settings.installation.database:
        yield _sqlite(settings.installation.data / "kehai.db", "database")


def _calling(settings: Settings) -> Iterator[Verdict]:
    """Whether every alert has a next step, and somebody can be reached about every area."""
    if not settings.installation.database and not (settings.installation.data / "kehai.db").exists():
        return
    try:
        engine = open_database(settings.database_url)
        with engine.connect() as connection:
            local, now = LocalTime(settings.installation.zone), settings.make_clock().now()
            faults = audit(connection, now, local, settings.speed)
        engine.dispose()
    except SQLAlchemyError:
        return  # said of the database already
    for fault in faults:
        about = f"alert {fault.alert}" if fault.alert is not None else f"alerts of {fault.area or 'the installation'}"
        what, mend, serious = _MENDS[fault.what]
        yield Verdict(False, f"{about}: {what}", mend, serious=serious)
    if not faults:
        yield Verdict(True, "every open alert has a next step, and somebody is reached about every area", "")


_REPORT = "please report it; claim it and give it back, and it is called about anew"
_MENDS = {
    Wrong.NO_NEXT_STEP: ("nothing is due about it", _REPORT, True),
    Wrong.WRONG_STEP: ("what is due does not fit it", _REPORT, True),
    Wrong.NOBODYS_STEP: ("something is due though it is closed", "please report it", False),
    Wrong.OVERDUE: ("what was due has not happened", "start the watch ('kehai up')", True),
    Wrong.REACHES_NOBODY: (
        "nobody who would be called has an address",
        "let staff add one: 'How I am called'",
        False,
    ),
    Wrong.BAD_POLICY: ("a policy cannot be read, the wider one holds", "save it anew: 'kehai policy set'", True),
}


def _broker(settings: Settings) -> Iterator[Verdict]:
    section = settings.broker
    for file, what in ((section.password_file, "broker.password_file"), (section.ca_file, "broker.ca_file")):
        if file is not None:
            yield Verdict(os.access(file, os.R_OK), f"{what} {file}", "make it, readable by the user that runs kehai")
    where = f"{section.host}:{section.port}"
    try:
        socket.create_connection((section.host, section.port), timeout=3).close()
    except OSError as error:
        yield Verdict(
            False, f"broker at {where}", f"it does not answer ({error}): start it, or mend broker.host and port"
        )
    else:
        yield Verdict(True, f"broker at {where} answers")


def _door(settings: Settings) -> Iterator[Verdict]:
    """See kehai.door; the password list is compared with a registry that is there, none is made."""
    credentials = None
    if settings.installation.database or (settings.installation.data / "kehai.db").exists():
        engine = open_database(settings.database_url)
        try:
            credentials = Homes(engine).credentials()
        except SQLAlchemyError:
            credentials = None  # what is wrong with it stands in a line of its own
        finally:
            engine.dispose()
    yield from check_door(settings, credentials)


def _store(settings: Settings) -> Iterator[Verdict]:
    """Write the point that stands for nothing: whether the store is there, knows us, and has what we write into."""
    section = settings.influxdb
    if section is None:
        return
    influx = command("influx")  # its libraries need not be there where no store is configured
    wrong = influx.knock(section)
    yield Verdict(wrong is None, f"InfluxDB at {section.url} takes points", wrong or "")


def _watchdog(settings: Settings) -> Iterator[Verdict]:
    """Whether it runs, and whether what it sends comes through."""
    section = settings.watchdog
    if section is None:
        yield Verdict(
            False, "no watchdog", "add [watchdog]: without it nobody hears when the watch itself stops", serious=False
        )
        return
    answer, where = _health(section.host, section.port), f"watchdog on port {section.port}"
    if answer is None:
        yield Verdict(False, where, "it does not answer: start it ('kehai watchdog', or 'kehai up')")
    else:
        yield Verdict(answer["ok"] is True, f"{where}: {answer['detail']}", "see the other lines for what has stopped")
    if not section.channels:
        yield Verdict(False, f"{where} has nobody to tell", "add [watchdog.channels.NAME]", serious=False)


def _health(host: str, port: int) -> dict[str, Any] | None:
    connection = HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", "/healthz")
        answer = json.loads(connection.getresponse().read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) and {"ok", "detail"} <= answer.keys() else None


def _port(settings: Settings) -> Iterator[Verdict]:
    section = settings.dashboard
    where = f"dashboard port {section.port} on {section.host}"
    try:
        check_free(section.host, section.port, "the dashboard")
    except ConfigurationError as error:
        yield Verdict(False, where, f"{error} (right if kehai is running)", serious=False)
    else:
        yield Verdict(True, f"{where} is free")
