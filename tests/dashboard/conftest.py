"""A small office: two homes, one of staff, an alert; and a browser without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from alerts.book import WatchedHome
from alerts.records import encode_status
from alerts.sqlbook import RoleMark
from dashboard.app import create_app
from dashboard.office import Office
from domain.alerts import Reason, State
from domain.clock import HOUR, MINUTE, Instant, SystemClock, VirtualClock, from_iso
from domain.findings import Finding, Level, Subject
from domain.ids import DeviceId, GatewayId, HomeId
from domain.localtime import LocalTime
from domain.status import DeviceStatus, HomeStatus, Observability, Resident
from ingest.history import JournalHistory
from registry.database import open_database
from registry.homes import Contact, Home, Homes
from registry.staff import Staff
from tests.alerts.duty import empty_database

NOW = from_iso("2026-03-02T10:00:00+09:00")
LOGIN, PASSWORD = "hana", "a long enough one"


def home(number: int, area: str = "見本町") -> Home:
    return Home(
        HomeId(f"home-{number}"), f"A-{number}", "Asia/Tokyo", area, f"見本 {number}子", f"ミホン {number}コ",
        f"000-0000-{number:04d}", "見本町 0-0-0", "", (Contact("(架空)ご家族", "長女", "000-1111-0000", has_key=True),),
    )  # fmt: skip


def status(number: int, resident: Resident = Resident.ACTIVE, seen: Observability = Observability.CLEAR) -> HomeStatus:
    return HomeStatus(
        HomeId(f"home-{number}"), resident, seen, NOW, NOW, NOW - 20 * MINUTE, "居間", 50 * MINUTE, 12,
        ((GatewayId(f"gw-{number}"), NOW - MINUTE),),
        (
            DeviceStatus(DeviceId("living"), "motion", "居間", False, NOW - 20 * MINUTE, False, 81.0),
            DeviceStatus(DeviceId("front"), "door", "玄関", True, NOW - HOUR, seen is Observability.PARTIAL),
            DeviceStatus(DeviceId("air"), "temperature", "居間", False, NOW - 9 * MINUTE, False),
        ),
    )  # fmt: skip


def fall(number: int, raised_at: Instant = NOW - 5 * MINUTE, level: Level = Level.PAGE) -> Finding:
    return Finding(
        HomeId(f"home-{number}"), "inactivity", "inactivity/1", "inactivity", Subject.PERSON, level,
        raised_at - 50 * MINUTE, raised_at, "居間", None, None,
        {"silent_s": 3000, "limit_s": 3000, "since": "2026-03-02T09:05:00+09:00", "comparable": 31, "longer": 0,
         "longest_s": 1440, "learnt_days": 28, "room": "居間", "blind_s": 0, "last_exit": None, "silent_devices": []},
        "09:05(居間)を最後に50分、動きがありません。", "No sign of life for 50 min <script>alert(1)</script>.",
    )  # fmt: skip


QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
"""The usual one takes a fifth of a second on purpose, and these tests log in hundreds of times."""


class Browser:
    """A person's browser: follows redirects, sends the forms that pages hold."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.page: Response | None = None

    def get(self, path: str) -> Response:
        self.page = self.client.get(path)
        return self.page

    def submit(self, action: str, **fields: str) -> Response:
        """Send the form of the present page that goes to ``action``, with its hidden fields and ``fields``."""
        assert self.page is not None
        form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', self.page.text, re.DOTALL)
        assert form is not None, f"there is no form for {action}"
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
        origin = {"origin": str(self.client.base_url).rstrip("/")}
        self.page = self.client.post(action, data={**hidden, **fields}, headers=origin)
        return self.page

    def log_in(self, login: str = LOGIN, password: str = PASSWORD) -> Response:
        self.get("/login")
        return self.submit("/login", login=login, password=password)


@dataclass
class Installation:
    office: Office
    browser: Browser

    def watch_says(self, *statuses: HomeStatus) -> None:
        with self.office.book.transaction() as page:
            for one in statuses:
                page.save(WatchedHome(one.home, 1, b"", encode_status(one)))

    def raise_alert(self, finding: Finding, late: bool = False) -> int:
        with self.office.book.transaction() as page:
            page.note(finding, NOW)
            return page.open(finding, State.OPEN, Reason.RAISED, NOW, late).id


@cache
def _with_homes_and_staff() -> bytes:
    """A database with three homes and one of staff: hashing a password takes longer than most tests."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "kehai.db"
        file.write_bytes(empty_database())
        engine = open_database(f"sqlite:///{file}")
        homes = [(home(n, "見本町" if n < 3 else "架空町"), [GatewayId(f"gw-{n}")]) for n in (1, 2, 3)]
        Homes(engine).add_all(homes, NOW)
        Staff(engine).add(LOGIN, "職員 はな", PASSWORD, SystemClock().now())
        engine.dispose()
        return file.read_bytes()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    (tmp_path / "kehai.db").write_bytes(_with_homes_and_staff())
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    history = JournalHistory(tmp_path / "journal.db")
    office = Office(
        engine, history, VirtualClock(NOW), "見守り室", LocalTime("Asia/Tokyo"), https=False, remembered=0, hasher=QUICK
    )
    now = office.real.now()
    for role in ("ingest", "watch"):
        office.book.mark(RoleMark(role, now, 0))
    with TestClient(create_app(office), base_url="http://kehai.test", headers={"accept-language": "en"}) as client:
        yield Installation(office, Browser(client))
    engine.dispose()


@pytest.fixture
def browser(installation: Installation) -> Browser:
    """Logged in."""
    installation.browser.log_in()
    return installation.browser
