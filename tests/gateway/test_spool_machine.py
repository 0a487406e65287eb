"""Any sequence of adding, sending, acknowledging, restarting, copying back and a server that forgets.

Invariants: no number of an epoch is ever shown with two bodies by one card (a card that was copied back may, and the server
catches it); whatever was added waits, is stored, is a dead letter, or is counted as lost; and whatever has happened, a few
greetings later nothing waits and the server waits for nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from domain.clock import DAY, HOUR, SECOND
from domain.ids import DeviceId
from domain.readings import Quantity
from gateway.sent import Sent
from gateway.spool import Greeting, Observation, Spool
from ingest.streams import Stream

T = 1_790_000_000 * SECOND
KINDS = (Quantity.TEMPERATURE, Quantity.MOTION, Quantity.BUTTON)
MOST = 12


class Server:
    """What ingest keeps: the first body of each number, and what it need not wait for."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, int], float] = {}
        self.dead: set[float] = set()
        self.streams: dict[str, Stream] = {}

    def stream(self, epoch: str) -> Stream:
        return self.streams.setdefault(epoch, Stream(0, "g1", epoch))

    def take(self, epoch: str, seq: int, body: float) -> None:
        stream = self.stream(epoch)
        if seq in stream:
            if self.stored.get((epoch, seq)) != body:
                self.dead.add(body)
            return
        self.stored[epoch, seq] = body
        stream.add(seq, seq)

    def forget(self, share: float) -> None:
        """It was restored from a backup."""
        kept = list(self.stored.items())[: int(len(self.stored) * share)]
        self.stored, self.streams = dict(kept), {}
        for epoch, seq in self.stored:
            self.stream(epoch).add(seq, seq)


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(prefix="spool-"))
        self.server = Server()
        self.spool = self.opened()
        self.added: set[float] = set()
        self.forgiven: set[float] = set()
        self.loss_before = 0
        self.shown: dict[tuple[str, int], float] = {}
        self.copied = False
        self.sent: set[tuple[str, int]] = set()

    kind = Spool

    def opened(self) -> Spool:
        return self.kind(self.folder / "spool.db", max_readings=MOST, durable=False, keep_stored=HOUR)

    def waiting(self) -> list[tuple[int, float]]:
        return [(r.seq, r.value) for r in self.spool.waiting(0, self.spool.last_seq, 10_000)]

    @rule(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=8))
    def add(self, kinds: list[Quantity]) -> None:
        first = len(self.added) + 1
        fresh = [Observation(DeviceId("d"), kind, float(first + n), T + n) for n, kind in enumerate(kinds)]
        last = self.spool.add(fresh)
        assert last == self.spool.last_seq
        self.added |= {o.value for o in fresh}

    @rule(start=st.integers(0, 10), many=st.integers(1, 10))
    def send(self, start: int, many: int) -> None:
        for seq, body in self.waiting()[start : start + many]:
            self.server.take(self.spool.epoch, seq, body)
            self.sent.add((self.spool.epoch, seq))

    def sent_through(self) -> int:
        """The number below which nothing waits that this process has not sent."""
        unsent = [seq for seq, _ in self.waiting() if (self.spool.epoch, seq) not in self.sent]
        return unsent[0] - 1 if unsent else self.spool.last_seq

    @rule()
    def tell_losses(self) -> None:
        for first, last, _ in self.spool.lost():
            self.server.stream(self.spool.epoch).add(first, last)

    @rule()
    def acknowledge(self) -> None:
        self.spool.settle(self.spool.epoch, self.server.stream(self.spool.epoch).through, Sent(self.sent_through()))

    @rule()
    def greet(self) -> None:
        epoch = self.spool.epoch
        answer = self.spool.greeted(epoch, self.server.stream(epoch).through, T, Sent(self.sent_through()))
        assert (answer is Greeting.NEW_EPOCH) == (self.spool.epoch != epoch)
        assert answer is Greeting.KNOWN or self.copied, "only a copy is behind its server"

    @rule(ago=st.sampled_from([0, 2 * HOUR]))
    def tidy(self, ago: int) -> None:
        self.spool._noted_at = -DAY
        self.spool.tidy(T)
        self.spool.tidy(T + ago)

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool, self.sent = self.opened(), set()

    @rule()
    def copy(self) -> None:
        self.spool.close()
        shutil.copyfile(self.folder / "spool.db", self.folder / "copy.db")
        self.spool, self.sent = self.opened(), set()

    @precondition(lambda self: (self.folder / "copy.db").exists())
    @rule()
    def copy_back(self) -> None:
        self.spool.close()
        shutil.copyfile(self.folder / "copy.db", self.folder / "spool.db")
        self.spool, self.sent = self.opened(), set()
        self.forgiven |= self.missing()
        self.loss_before = sum(self.spool.losses().values())
        self.shown, self.copied = {}, True

    @rule(share=st.floats(0, 1))
    def server_is_restored(self, share: float) -> None:
        self.server.forget(share)
        self.greet()
        if self.copied:  # what only the other life of the card had sent is gone with the server's disk
            self.forgiven |= self.missing()
            self.loss_before = sum(self.spool.losses().values())

    def missing(self) -> set[float]:
        held = {body for _, body in self.waiting()} | set(self.server.stored.values()) | self.server.dead
        return self.added - held - self.forgiven

    @invariant()
    def no_number_has_two_bodies(self) -> None:
        for seq, body in self.waiting():
            assert self.shown.setdefault((self.spool.epoch, seq), body) == body

    @invariant()
    def what_is_missing_is_counted(self) -> None:
        assert len(self.missing()) <= sum(self.spool.losses().values()) - self.loss_before

    @invariant()
    def it_knows_what_it_holds(self) -> None:
        numbers = [seq for seq, _ in self.waiting()]
        assert self.spool.depth == len(numbers)
        assert self.spool.kept + self.spool.depth == self.spool._file.read("SELECT count(*) FROM readings")[0][0]
        buttons = self.spool._file.read("SELECT count(*) FROM readings WHERE worth = 2")[0][0]
        assert self.spool.depth + self.spool.kept <= max(MOST, buttons)

    def teardown(self) -> None:
        for _ in range(4):
            self.greet()
            if self.spool.depth:
                self.send(0, self.spool.depth)
            self.tell_losses()
            self.acknowledge()
        assert self.spool.depth == 0
        assert self.server.stream(self.spool.epoch).through == self.spool.last_seq
        self.spool.close()
        shutil.rmtree(self.folder)


class Hasty(Spool):
    """Takes an acknowledgement for more than it says."""

    def settle(self, epoch: str, through: int, sent: Sent) -> bool:
        """See Spool.settle."""
        sent.add(1, sent.run_from(1) + 1)
        return super().settle(epoch, max(through, 1) + 1, sent)


class HastyLife(Life):
    kind = Hasty


def test_a_spool_that_takes_one_more_as_stored_is_caught() -> None:
    """The control."""
    generate = settings(
        max_examples=60, stateful_step_count=15, deadline=None, phases=[Phase.generate], derandomize=True, database=None
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(HastyLife, settings=generate)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
