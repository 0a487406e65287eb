"""The supervisor, with real child processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kehai.network import check_free, free_port, wait_for
from kehai.supervisor import Child, Supervisor

FOREVER = [sys.executable, "-c", "import threading; threading.Event().wait()"]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_that_dies_is_started_again_and_said_so() -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    child = Child("role", FOREVER, wait=0.05)
    supervisor.start(child)
    watching = threading.Thread(target=supervisor.watch, args=(0.01,))
    watching.start()
    try:
        assert child.process is not None
        first = child.process.pid
        os.kill(first, signal.SIGKILL)
        deadline = threading.Event()
        for _ in range(500):
            if child.restarts and supervisor.alive("role"):
                break
            deadline.wait(0.02)
        assert child.restarts == 1
        assert supervisor.pids()["role"] != first
        assert said == ["role ended with status -9; starting it again in 0.1 s."]
    finally:
        supervisor.stop.set()
        watching.join()
        supervisor.end()
    assert not supervisor.alive("role")


def test_a_role_with_a_wrong_configuration_stops_the_whole_instead_of_being_tried_for_ever() -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    supervisor.start(Child("role", [sys.executable, "-c", "raise SystemExit(2)"]))
    supervisor.watch(0.01)
    assert supervisor.stop.is_set()
    assert supervisor.failed()
    assert said == ["role ended with status 2; stopping."]
    supervisor.end()


def test_every_child_is_gone_when_the_supervisor_has_ended() -> None:
    supervisor = Supervisor(lambda _: None)
    for name in ("one", "two", "three"):
        supervisor.start(Child(name, FOREVER))
    pids = list(supervisor.pids().values())
    assert len(pids) == 3
    supervisor.end()
    assert not any(is_running(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_a_child_does_not_outlive_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, threading\n"
        "from kehai.supervisor import Child, Supervisor\n"
        "s = Supervisor(print)\n"
        "s.start(Child('role', [sys.executable, '-c', 'import threading; threading.Event().wait()']))\n"
        "print(s.pids()['role'], flush=True)\n"
        "threading.Event().wait()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2]
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    gone = threading.Event()
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
            gone.set()
            break
        gone.wait(0.02)
    assert gone.is_set()


def test_a_port_in_use_is_one_sentence_that_says_what_to_do() -> None:
    import socket  # noqa: PLC0415 (only this test listens)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            Exception, match=f"Port {port} on 127.0.0.1 is in use .* choose another port for the dashboard"
        ):
            check_free("127.0.0.1", port, "the dashboard")
        wait_for(port, "the listener", threading.Event())
    check_free("127.0.0.1", free_port(), "the dashboard")


def test_what_never_answers_is_named() -> None:
    with pytest.raises(Exception, match="the broker did not answer"):
        wait_for(free_port(), "the broker", threading.Event(), seconds=0.2)
