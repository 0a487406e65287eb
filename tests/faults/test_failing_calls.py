"""Spool and journal on a disk whose calls fail, or under a process that dies in the middle of one.

python -m pytest tests/faults/test_failing_calls.py --rounds 100 --seed 7 -s
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import strace
from tests.faults.ledger import NotebookReader, read_journal, settle
from tests.faults.relay import journal_file, spool_file

pytestmark = pytest.mark.skipif(strace.STRACE is None, reason="strace is not installed")
_ROUNDS = 12
_GROUPS = ["--groups", "14"]
"""What the relay keeps and sends in each run."""
_PROGRAM = "tests.faults.relay"


def file_of(what: str, world: Path) -> Path:
    return spool_file(world) if what == "spool" else journal_file(world)


def watched(what: str, world: Path) -> list[Path]:
    file = file_of(what, world)
    return [file, file.with_name(file.name + "-wal")]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[str]]:
    """The calls that a run without a fault makes on each file."""
    calls = {}
    for what in ("spool", "journal"):
        folder = tmp_path_factory.mktemp(what)
        outcome = strace.run([_PROGRAM, folder / "disk", *_GROUPS], watched(what, folder / "disk"), folder / "trace")
        assert (outcome.status, outcome.said) == (0, "")
        calls[what] = strace.counted(folder / "trace")
    return calls


def looked_at(file: Path, folder: Path) -> Path:
    """A copy to look into: recovering the original is the program's own work."""
    folder.mkdir(parents=True)
    for suffix in ("", "-wal"):
        part = file.with_name(file.name + suffix)
        if part.exists():
            shutil.copy(part, folder / part.name)
    copy = folder / file.name
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return copy


def acknowledged_too_early(outside: Path, journal: Path) -> list[str]:
    """Acknowledgements that speak of a number which is not on the disk."""
    told = NotebookReader(outside / "notebook").read().told
    stored = {key for key, _ in read_journal(journal).history} if told else set()
    return [
        f"{gateway} {epoch} {through}"
        for (gateway, epoch), through in told.items()
        if any((gateway, epoch, n) not in stored for n in range(1, through + 1))
    ]


def told_apart(outside: Path, journal: Path) -> list[float]:
    """Values that stand under two keys: each was observed once."""
    times = Counter(value for _, (_, _, value, _) in read_journal(journal).history)
    return sorted(value for value, count in times.items() if count > 1)


def complaints(point: strace.Point, folder: Path, *more: str) -> list[str]:
    """Run one point to its end, with as many restarts as it takes, and say what is wrong afterwards."""
    world, outside, wrong = folder / "disk", folder, []
    outcome = strace.run(
        [_PROGRAM, world, *_GROUPS, *more], watched(point.what, world), folder / "trace", [point.option]
    )
    if not outcome.struck:
        return ["the fault did not happen"]
    if "Traceback" in outcome.said or outcome.status == 3:
        wrong.append(f"it crashed: {outcome.said[-1500:]}")
    if point.fault != "SIGKILL" and outcome.status == 0 and point.call in {"pwrite64", "fdatasync"}:
        sentences = [line for line in outcome.said.splitlines() if not re.fullmatch(r"The (spool|journal) .*\.", line)]
        wrong += [f"not one sentence: {line}" for line in sentences]
    if spool_file(world).exists():
        looked_at(spool_file(world), folder / "spool after the fault")
    if journal_file(world).exists():
        copy = looked_at(journal_file(world), folder / "journal after the fault")
        wrong += [f"acknowledged and not stored: {line}" for line in acknowledged_too_early(outside, copy)]
    again = strace.run([_PROGRAM, world, "--groups", 5], watched(point.what, world), folder / "trace2")
    if again.status != 0:
        return [*wrong, f"it does not start again: {again.said[-1500:]}"]
    account = settle(outside / "notebook", journal_file(world))
    if not account.balanced:
        wrong.append(str(account))
    if account.dead:
        wrong.append(f"{account.dead} dead letters")
    wrong += [f"{value} is stored under two numbers" for value in told_apart(outside, journal_file(world))[:3]]
    if any(world.rglob("*.broken-*")):
        wrong.append("a file that was whole was moved aside")
    looked_at(spool_file(world), folder / "spool at the end")
    looked_at(journal_file(world), folder / "journal at the end")
    return wrong


def campaign(points: list[strace.Point], folder: Path, *more: str) -> dict[str, list[str]]:
    found = {}
    for number, point in enumerate(points):
        place = folder / str(number)
        place.mkdir()
        wrong = complaints(point, place, *more)
        if wrong:
            found[f"{number}: {point}"] = wrong
        else:
            shutil.rmtree(place)
    return found


@pytest.mark.parametrize("what", ["spool", "journal"])
def test_a_failing_disk_or_a_killed_process_loses_nothing_and_doubles_nothing(
    what: str, quiet: dict[str, Counter[str]], tmp_path: Path, rounds: int | None, chance: random.Random
) -> None:
    points = strace.draw(chance, what, quiet[what], ((rounds or _ROUNDS) + 1) // 2)
    found = campaign(points, tmp_path)
    assert not found, "\n".join(f"{name}: {'; '.join(wrong)}" for name, wrong in found.items())


@pytest.mark.parametrize(
    ("early", "what", "calls", "caught"),
    [("spool", "spool", 6, r"[1-9]\d* lost"), ("ack", "journal", 1, "acknowledged and not stored")],
)
def test_a_word_given_before_the_commit_is_caught(
    early: str, what: str, calls: int, caught: str, quiet: dict[str, Counter[str]], tmp_path: Path
) -> None:
    """The control. A page and its header are two calls: every second one reaches each commit of a group."""
    middle = quiet[what]["pwrite64"] // 2
    points = [strace.Point(what, "pwrite64", "SIGKILL", middle + 2 * n) for n in range(calls)]
    found = campaign(points, tmp_path, "--early", early)
    words = " ".join(" ".join(wrong) for wrong in found.values())
    assert re.search(caught, words), words


def test_the_notebook_speaks_of_every_group(quiet: dict[str, Counter[str]], tmp_path: Path) -> None:
    outcome = strace.run([_PROGRAM, tmp_path / "disk", "--groups", 6], [tmp_path / "no file"], tmp_path / "trace")
    assert outcome.status == 0
    assert len(NotebookReader(tmp_path / "notebook").read().taken) == 12
    assert settle(tmp_path / "notebook", journal_file(tmp_path / "disk")).stored == 12
    assert quiet["spool"]["fdatasync"] > 14
