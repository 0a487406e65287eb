"""The process that calls people dies at its k-th system call around claim, send and done, or at any moment.

python -m pytest tests/faults/test_calling.py -s --rounds 200 --seed 7
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import strace
from tests.faults.town import PEOPLE
from tests.receivers import Hook, Mailbox

pytestmark = pytest.mark.server
_PROGRAM = "tests.faults.town"
_ALERTS = 2
_ROUNDS = 5
_ROOT = Path(__file__).resolve().parents[2]
_CALLS = ("pwrite64", "fdatasync", "sendto", "connect")
needs_strace = pytest.mark.skipif(strace.STRACE is None, reason="strace is not installed")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as running:
        yield running


def command(folder: Path, mailbox: Mailbox, hook: Hook, *more: str) -> list[str]:
    return [_PROGRAM, str(folder), "--smtp", str(mailbox.port), "--hook", hook.url, "--alerts", str(_ALERTS), *more]


def end(folder: Path, mailbox: Mailbox, hook: Hook, *more: str) -> None:
    """Run it to its end."""
    done = subprocess.run(
        [sys.executable, "-m", *command(folder, mailbox, hook, *more)], cwd=_ROOT, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def complaints(mailbox: Mailbox, hook: Hook, crashes: int) -> list[str]:
    """What is wrong with what was received."""
    wrong = []
    if len(mailbox.ids()) != _ALERTS:
        wrong.append(f"{_ALERTS - len(mailbox.ids())} alerts never reached the mailbox")
    if len(hook.taken) != _ALERTS:
        wrong.append(f"{_ALERTS - len(hook.taken)} alerts never reached the hook, or twice under two ids")
    repeated = sum(mailbox.ids().values()) - len(mailbox.ids())
    if repeated > crashes * len(PEOPLE):
        wrong.append(f"{repeated} mails came twice after {crashes} deaths")
    wrong += [f"{key} came twice without a word about it" for key in mailbox.unmarked_repetitions()]
    return wrong


def forget(mailbox: Mailbox, hook: Hook) -> None:
    mailbox.mails.clear()
    hook.taken.clear()
    hook.calls.clear()


def points(folder: Path, mailbox: Mailbox, hook: Hook) -> Counter[str]:
    """How many of each call a run makes that nothing befalls; what comes before the outbox is filled counts too."""
    trace = folder / "quiet"
    outcome = strace.run(command(folder / "quiet world", mailbox, hook), [], trace, calls=",".join(_CALLS))
    assert (outcome.status, outcome.said) == (0, "")
    forget(mailbox, hook)
    return strace.counted(trace)


@needs_strace
def test_a_death_at_any_system_call_loses_no_alert_and_says_none_twice_without_a_word(
    tmp_path: Path, mailbox: Mailbox, hook: Hook, rounds: int | None, chance: random.Random
) -> None:
    counts = points(tmp_path, mailbox, hook)
    every = [(call, at) for call in _CALLS for at in range(1, counts[call] + 1)]
    late = [(call, at) for call, at in every if call in ("sendto", "connect") or at > counts[call] // 2]
    chosen = (
        every if rounds is not None and rounds >= len(every) else chance.sample(late, min(len(late), rounds or _ROUNDS))
    )
    found = {}
    for call, at in chosen:
        folder = tmp_path / f"{call}-{at}"
        option = f"inject={call}:signal=SIGKILL:when={at}"
        outcome = strace.run(command(folder, mailbox, hook), [], tmp_path / "trace", [option], ",".join(_CALLS))
        end(folder, mailbox, hook)
        wrong = complaints(mailbox, hook, int(outcome.killed))
        if wrong:
            found[f"{call} {at}"] = wrong
        forget(mailbox, hook)
    print(f"{len(chosen)} of {len(every)} points")  # noqa: T201 (shown with -s)
    assert found == {}


def test_a_death_at_any_moment_loses_no_alert_and_says_none_twice_without_a_word(
    tmp_path: Path, mailbox: Mailbox, hook: Hook, rounds: int | None, chance: random.Random
) -> None:
    found = {}
    for number in range(rounds or _ROUNDS):
        folder = tmp_path / str(number)
        wait = chance.uniform(0.6, 3.0)
        started = subprocess.Popen(
            [sys.executable, "-m", *command(folder, mailbox, hook)], cwd=_ROOT, stderr=subprocess.PIPE, text=True
        )
        try:
            started.wait(wait)
        except subprocess.TimeoutExpired:
            started.send_signal(signal.SIGKILL)
        started.communicate()
        end(folder, mailbox, hook)
        wrong = complaints(mailbox, hook, 1)
        if wrong:
            found[f"{number} after {wait:.3f} s"] = wrong
        forget(mailbox, hook)
    assert found == {}


@needs_strace
def test_an_outbox_that_marks_before_it_sends_is_caught_losing_alerts(
    tmp_path: Path, mailbox: Mailbox, hook: Hook
) -> None:
    """The control."""
    option = "inject=connect:signal=SIGKILL:when=1"
    folder = tmp_path / "careless"
    outcome = strace.run(
        command(folder, mailbox, hook, "--careless"), [], tmp_path / "trace", [option], ",".join(_CALLS)
    )
    assert outcome.killed
    end(folder, mailbox, hook, "--careless")
    assert any("never reached" in sentence for sentence in complaints(mailbox, hook, 1))
