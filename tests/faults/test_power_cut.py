"""The power fails: what spool and journal had confirmed is there when it comes back.

python -m pytest tests/faults/test_power_cut.py --rounds 20 --seed 7 -s
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.faults import disks
from tests.faults.ledger import Account, NotebookReader, settle
from tests.faults.relay import journal_file
from tests.programs import ROOT, until

pytestmark = pytest.mark.skipif(bool(disks.why_not()), reason=disks.why_not())
_ROUNDS = 2
_MOST = 150
"""Readings confirmed before the latest cut."""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[disks.PowerCut]:
    with disks.PowerCut(tmp_path_factory.mktemp("power")) as made:
        yield made


@contextmanager
def relay(world: Path, outside: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The writer, at work until the end of the block."""
    command = [sys.executable, "-m", "tests.faults.relay", str(world), "--outside", str(outside), *more]
    with (outside / "said").open("ab") as said:
        process = subprocess.Popen(command, cwd=ROOT, stderr=said)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def cut(disk: disks.PowerCut, folder: Path, after: int, *more: str) -> Account:
    """Cut the power once ``after`` readings were confirmed; both sides, when all that was left has been sent."""
    world, outside, later = disk.root / folder.name, folder / "before", folder / "after"
    outside.mkdir(parents=True)
    later.mkdir()
    notebook, reader = outside / "notebook", NotebookReader(outside / "notebook")
    with relay(world, outside, "--groups", "100000", *more) as writer:
        until(lambda: len(reader.read().taken) >= after or writer.poll() is not None, 60, f"{after} readings")
        assert writer.poll() is None, (outside / "said").read_text()
        with disk.after_a_cut(notebook, later / "notebook") as root:
            with relay(root / folder.name, later, "--groups", "3") as again:
                assert again.wait(60) == 0, (later / "said").read_text()
            account = settle(later / "notebook", journal_file(root / folder.name))
            assert not any(root.rglob("*.broken-*")), "a power cut has damaged a file"
    shutil.rmtree(world)
    return account


def test_after_a_power_cut_everything_confirmed_is_there(
    disk: disks.PowerCut, tmp_path: Path, rounds: int | None, chance: random.Random
) -> None:
    wrong = {}
    for number in range(rounds or _ROUNDS):
        after = chance.randint(1, _MOST)
        account = cut(disk, tmp_path / f"round-{number}", after)
        assert account.sent >= after
        if not account.balanced or account.dead:
            wrong[f"round {number}, cut after {after}"] = str(account)
    assert wrong == {}


@pytest.mark.parametrize("mode", ["NORMAL", "OFF"])
def test_files_that_are_not_flushed_at_each_commit_lose_what_was_confirmed(
    disk: disks.PowerCut, tmp_path: Path, mode: str
) -> None:
    """The control."""
    account = cut(disk, tmp_path / f"control-{mode}", _MOST, "--synchronous", mode)
    assert len(account.lost) > 10, account


def test_the_disk_after_a_cut_holds_what_was_flushed_and_not_what_was_only_written(disk: disks.PowerCut) -> None:
    """The method itself."""
    for name in ("flushed", "written"):
        with (disk.root / name).open("wb") as file:
            file.write(name.encode() * 1_000)
            file.flush()
            if name == "flushed":
                os.fsync(file.fileno())
    with closing(os.scandir(disk.root)) as entries:
        assert {"flushed", "written"} <= {entry.name for entry in entries}
    with disk.after_a_cut() as root:
        assert (root / "flushed").read_bytes() == b"flushed" * 1_000
        assert not (root / "written").exists() or (root / "written").stat().st_size == 0
