"""A disk of 8 MB with spool and journal on it is filled by somebody else, and freed again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from domain.clock import SECOND
from domain.ids import DeviceId
from domain.readings import Quantity
from gateway.overflow import DISK_FULL
from gateway.spool import Observation, Spool, SpoolError
from tests.faults import disks
from tests.faults.ledger import Notebook, NotebookReader, settle
from tests.faults.relay import GATEWAY, METER, EarlySpool, T, journal_file, spool_file
from tests.programs import ROOT, until

pytestmark = pytest.mark.skipif(bool(disks.why_not()), reason=disks.why_not())
_SAID = "make room"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disks.small(tmp_path / "disk", 8) as root:
        yield root


def fill(disk: Path) -> Path:
    """Take every byte that is free."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            with suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    return filler


def give_way(filler: Path, kilobytes: int) -> None:
    os.truncate(filler, filler.stat().st_size - (kilobytes << 10))


def keep_on(spool: Spool) -> None:
    """Reading after reading, until the disk refuses one."""
    for number in range(2, 2_000):
        spool.add([Observation(METER.id, Quantity.POWER, float(number), T + number)])


def test_a_disk_that_is_full_and_freed_again_costs_nothing_that_was_confirmed(disk: Path, tmp_path: Path) -> None:
    outside, reader = tmp_path / "outside", NotebookReader(tmp_path / "outside" / "notebook")
    outside.mkdir()
    command = [sys.executable, "-m", "tests.faults.relay", str(disk / "data"), "--outside", str(outside)]
    said = outside / "said"
    with said.open("wb") as err:
        writer = subprocess.Popen([*command, "--groups", "100000"], cwd=ROOT, stderr=err)
    try:
        for turn in range(1, 3):
            began, refusals = len(reader.read().taken), said.read_text().count(_SAID)
            until(lambda began=began: len(reader.read().taken) >= began + 40, 60, "readings")  # type: ignore[misc]
            filler = fill(disk)
            until(lambda refusals=refusals: said.read_text().count(_SAID) > refusals, 60, "refusal")  # type: ignore[misc]
            filler.unlink()
            assert writer.poll() is None, f"turn {turn}: {said.read_text()}"
        began = len(reader.read().taken)
        until(lambda: len(reader.read().taken) >= began + 40, 60, "readings once the disk is free")
    finally:
        writer.kill()
        writer.wait(30)
    assert all(line.endswith(".") and _SAID in line for line in said.read_text().splitlines())
    again = subprocess.run([*command, "--groups", "3"], cwd=ROOT, check=False, capture_output=True, timeout=60)
    assert again.returncode == 0, again.stderr
    account = settle(outside / "notebook", journal_file(disk / "data"))
    assert account.balanced, account
    assert account.dead == 0
    assert not list(disk.rglob("*.broken-*"))


def test_a_spool_that_confirms_before_it_commits_is_caught_on_a_full_disk(disk: Path, tmp_path: Path) -> None:
    """The control: what it confirmed while the disk refused dies with it; the rest is delivered by its next life."""
    outside, data = tmp_path / "outside", disk / "data"
    outside.mkdir()
    data.mkdir()
    notebook = Notebook(outside / "notebook")
    spool = EarlySpool(spool_file(data), GATEWAY, notebook)
    spool.add([Observation(METER.id, Quantity.POWER, 1.0, T)])
    filler = fill(disk)
    with pytest.raises(SpoolError, match=_SAID):
        keep_on(spool)
    spool.close()
    filler.unlink()
    command = [sys.executable, "-m", "tests.faults.relay", str(data), "--outside", str(outside), "--groups", "3"]
    again = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=60)
    assert again.returncode == 0, again.stderr
    account = settle(outside / "notebook", journal_file(data))
    assert account.lost or account.changed, account


def test_a_spool_on_a_disk_that_stays_full_gives_up_the_least_worth_first_and_counts_it(disk: Path) -> None:
    spool, moved = Spool(disk / "spool.db"), DeviceId("hall")
    kept: dict[int, Quantity] = {}

    def keep(number: int, quantity: Quantity, device: DeviceId) -> None:
        seen = [Observation(device, quantity, float(number), T + number * SECOND + n) for n in range(50)]
        last = spool.add(seen)
        kept.update({last - 49 + n: quantity for n in range(50)})

    for number in range(30):
        keep(number, Quantity.POWER, METER.id)
    keep(30, Quantity.BUTTON, DeviceId("pendant"))
    spool.close()
    spool = Spool(disk / "spool.db")
    filler = fill(disk)
    give_way(filler, 350)  # a twentieth of the disk is to stay free: this is less
    for number in range(31, 51):
        keep(number, Quantity.MOTION, moved)
    here = {reading.seq for start in range(0, max(kept), 100) for reading in spool.after(start, 100)}
    lost = {seq for first, last, _ in spool.lost() for seq in range(first, last + 1)}
    assert here.isdisjoint(lost)
    assert here | lost == set(kept), "each reading that was confirmed is there, or is told"
    assert {reason for _, _, reason in spool.lost()} <= {DISK_FULL}
    assert spool.losses().get(DISK_FULL, 0) == len(lost) > 0
    assert all(kept[seq] is Quantity.POWER for seq in lost)
    filler.unlink()
    keep(101, Quantity.MOTION, moved)
    spool.close()
    again = Spool(disk / "spool.db")
    assert again.moved_aside is None
    assert again.depth == len(kept) - len(lost)
    again.close()
