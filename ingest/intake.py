"""Intake: admitted messages -> one journal commit -> who may be acknowledged.

Synchronous and without a clock: the service tells it the time. Between two commits it holds what it took in memory, and
nobody has been told that it is stored.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from domain.clock import DAY, Instant
from domain.ids import GatewayId
from domain.readings import Arrival, Hello, Mark, Reading, Vouch
from domain.watermark import Coverage
from ingest.admit import (
    Admitted,
    AdmittedHeartbeat,
    AdmittedHello,
    AdmittedReading,
    AdmittedReadings,
    Refusal,
    Why,
    admit,
)
from ingest.journal import Batch, Journal
from ingest.letters import DeadLetter, LetterState, Settled, apart, compose
from ingest.streams import Stream
from registry.directory import Directory

Token = TypeVar("Token")
_REMEMBERED = 40 * DAY
"""How far back the coverage is kept in memory, to send on only what is new."""


@dataclass(frozen=True, slots=True)
class Ack:
    """What one gateway is to be told."""

    gateway: GatewayId
    epoch: str
    stored_through: int


@dataclass(frozen=True, slots=True)
class Committed(Generic[Token]):
    """What one commit did."""

    arrival: Arrival | None
    acks: tuple[Ack, ...]
    tokens: tuple[Token, ...]
    """The messages that the broker may now forget, in the order in which they came."""


@dataclass(slots=True)
class _Pending:
    """A heartbeat whose readings are not all here yet."""

    heartbeat: AdmittedHeartbeat
    received_at: Instant


@dataclass(slots=True)
class Intake(Generic[Token]):
    """The one writer of a journal."""

    journal: Journal
    directory: Directory
    counters: Counter[str] = field(default_factory=Counter)
    """readings, duplicates, late, heartbeats, dead letters by reason: since the start of this process."""
    _batch: Batch = field(default_factory=Batch)
    _streams: dict[tuple[str, str], Stream] = field(default_factory=dict)
    _taken: dict[tuple[int, int], AdmittedReading] = field(default_factory=dict)
    _refused: set[tuple[int, int]] = field(default_factory=set)
    """(stream id, seq) refused since the last commit."""
    _pending: dict[tuple[str, str], _Pending] = field(default_factory=dict)
    _coverage: dict[str, Coverage] = field(default_factory=dict)
    _vouches: dict[str, Vouch] = field(default_factory=dict)
    _acks: dict[tuple[str, str], None] = field(default_factory=dict)
    _tokens: list[Token] = field(default_factory=list)
    _last: Instant = 0

    @property
    def waiting(self) -> bool:
        """True when something taken in asks for a commit of its own: heartbeats can wait for the next mark."""
        return bool(self._batch or self._acks)

    @property
    def pending(self) -> int:
        """Heartbeats that wait for readings."""
        return len(self._pending)

    def start(self, now: Instant) -> Committed[Token]:
        """Write the first mark after a start: it names when ingest was last known to run."""
        last = self.journal.last()
        self._last = last[1] if last else 0
        return self.commit(now, Mark(max(now, self._last), down_since=last[1] if last else None))

    def take(self, topic: str, payload: bytes, received_at: Instant, token: Token, retained: bool = False) -> None:
        """Take one message in; after the next ``commit`` its token comes back."""
        admitted = admit(topic, payload, received_at, self.directory, retained)
        if isinstance(admitted, Refusal):
            self._refuse(admitted, topic, payload, received_at)
        else:
            self._accept(admitted, topic, payload, received_at)
        self._tokens.append(token)

    def _refuse(
        self, refusal: Refusal, topic: str, payload: bytes, received_at: Instant, stream: int | None = None
    ) -> None:
        """Keep a dead letter; ``stream`` where its number counts as dealt with from now on."""
        self.counters[refusal.reason] += 1
        self._batch.letters.append(
            compose(received_at, topic, refusal.reason, refusal.detail, payload, refusal.seq, stream)
        )

    def _refuse_records(
        self, message: AdmittedReadings, stream: Stream, topic: str, payload: bytes, received_at: Instant
    ) -> None:
        alone = apart(payload, [refusal.seq for refusal in message.refused if refusal.seq is not None])
        for refusal in message.refused:
            seq = refusal.seq or 0
            if seq in stream and self._is_refused(stream.id, seq):
                self.counters["duplicates"] += 1  # its letter is here already
                continue
            empty = seq not in stream
            self._refuse(refusal, topic, alone[seq], received_at, stream.id if empty else None)
            if empty:
                self._refused.add((stream.id, seq))

    def _is_refused(self, stream: int, seq: int) -> bool:
        return (stream, seq) in self._refused or self.journal.is_refused(stream, seq)

    def _accept(self, admitted: Admitted, topic: str, payload: bytes, received_at: Instant) -> None:
        if isinstance(admitted, AdmittedReadings):
            self._take_readings(admitted, topic, payload, received_at)
        elif isinstance(admitted, AdmittedHeartbeat):
            self._take_heartbeat(admitted, topic, received_at)
        else:
            self._take_hello(admitted, received_at)

    def _stream(self, gateway: str, epoch: str) -> Stream:
        key = (gateway, epoch)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = self.journal.stream(gateway, epoch)
        return stream

    def _take_readings(self, message: AdmittedReadings, topic: str, payload: bytes, received_at: Instant) -> None:
        entry = message.entry
        stream = self._stream(entry.id, message.epoch)
        if stream.would_scatter(message.first):
            detail = f"seq {message.first} lies beyond {len(stream.islands)} gaps"
            self._refuse(Refusal(Why.SCATTERED, detail), topic, payload, received_at)
            return
        if message.refused:
            self._refuse_records(message, stream, topic, payload, received_at)
        batch = self._batch
        batch.stream_of[entry.id, message.epoch] = stream.id
        for reading in message.readings:
            if reading.seq in stream and not self._fills(message, stream, reading, topic, payload, received_at):
                continue
            if reading.stamp != reading.observed_at:
                batch.clamped.append((stream.id, reading.seq, reading.stamp, reading.observed_at))
            self._taken[stream.id, reading.seq] = reading
            batch.items.append(
                Reading(entry.home, reading.device, reading.quantity, reading.value, reading.observed_at, received_at,
                        entry.id, message.epoch, reading.seq, reading.flags)
            )  # fmt: skip
            self.counters["readings"] += 1
        stream.add(message.first, message.last)
        batch.streams[stream.id] = stream
        self._acks[entry.id, message.epoch] = None
        self._settle(entry.id, message.epoch)

    def _fills(
        self, message: AdmittedReadings, stream: Stream, reading: AdmittedReading, topic: str, payload: bytes,
        received_at: Instant,
    ) -> bool:  # fmt: skip
        """A key that is here already: True when it was refused before and may be stored now.

        The same body is a duplicate, another one is a cloned card or a restored backup.
        """
        taken = self._taken.get((stream.id, reading.seq))
        if taken is not None:
            same = (taken.device, taken.quantity, taken.value, taken.stamp) == (
                reading.device, reading.quantity, reading.value, reading.stamp,
            )  # fmt: skip
        else:
            same = self.journal.holds(
                message.entry.home,
                reading.device,
                reading.quantity,
                reading.value,
                reading.stamp,
                stream.id,
                reading.seq,
            )
        if same:
            self.counters["duplicates"] += 1
            return False
        if taken is None and self._is_refused(stream.id, reading.seq):
            self._batch.filled.append((stream.id, reading.seq))
            return True
        detail = f"seq {reading.seq} of epoch {message.epoch} is stored with another body"
        refusal = Refusal(Why.KEY_CONFLICT, detail, reading.seq)
        self._refuse(refusal, topic, apart(payload, [reading.seq])[reading.seq], received_at)
        return False

    def retry(self, letter: DeadLetter, now: Instant) -> None:
        """Admit a dead letter again as if it came when it came; the next commit writes down what became of it."""
        batch, old = self._batch, letter
        if old.state is not LetterState.KEPT or old.unmendable is not None:
            outcome = old.unmendable or f"it is {old.state.value} already"
            batch.settled.append(Settled(old.id, old.state, old.reason, old.detail, outcome, now))
            return
        admitted = admit(old.topic, old.payload, old.received_at, self.directory)
        refused = admitted if isinstance(admitted, Refusal) else None
        if isinstance(admitted, AdmittedReadings) and old.seq is not None and admitted.refused:
            refused = admitted.refused[0]
        state, outcome = LetterState.STORED, "stored"
        if isinstance(admitted, AdmittedHello) and admitted.entry.devices:
            state, outcome = LetterState.DISCARDED, "its gateway has greeted since"
        elif refused is None and not isinstance(admitted, Refusal):
            known, before = len(batch.letters), self.counters.copy()
            self._accept(admitted, old.topic, old.payload, old.received_at)
            fresh = batch.letters[known:]
            again = next((new for new in fresh if new.seq is None or old.seq is not None), None)
            if again is not None:
                del batch.letters[known:]
                refused = Refusal(Why(again.reason), again.detail, old.seq)
            elif isinstance(admitted, AdmittedReadings):
                if len(fresh) == len(admitted.refused) + len(admitted.readings):
                    state = LetterState.DISCARDED  # nothing of it is left to this letter
                outcome = ", ".join(
                    f"{count} {what}"
                    for count, what in (
                        (self.counters["readings"] - before["readings"], "stored"),
                        (self.counters["duplicates"] - before["duplicates"], "here already"),
                        (len(fresh), "refused again, each a letter of its own"),
                    )
                    if count
                )
        if refused is not None:
            state, outcome = LetterState.KEPT, f"refused again: {refused.reason.value}"
        reason, detail = (old.reason, old.detail) if refused is None else (refused.reason.value, refused.detail)
        batch.settled.append(Settled(old.id, state, reason, detail, outcome, now))

    def discard(self, letter: DeadLetter, now: Instant) -> None:
        """Nobody will take this letter up again; it stays to be looked at until its time is over."""
        outcome = "discarded" if letter.state is LetterState.KEPT else f"it is {letter.state.value} already"
        state = LetterState.DISCARDED if letter.state is LetterState.KEPT else letter.state
        self._batch.settled.append(Settled(letter.id, state, letter.reason, letter.detail, outcome, now))

    def _take_heartbeat(self, beat: AdmittedHeartbeat, topic: str, received_at: Instant) -> None:
        self.counters["heartbeats"] += 1
        key = (beat.entry.id, beat.epoch)
        stream = self._stream(*key)
        self._take_lost(beat, stream, topic, received_at)
        if beat.depth > 0 or stream.through < beat.seq:  # it may not know what we lack: our journal was restored
            self._acks[key] = None
        waiting = self._pending.get(key)
        if waiting is None or beat.through >= waiting.heartbeat.through:
            self._pending[key] = _Pending(beat, received_at)
        self._settle(*key)

    def _take_lost(self, beat: AdmittedHeartbeat, stream: Stream, topic: str, received_at: Instant) -> None:
        """Wait no more for what the gateway says is gone; one dead letter for each reason, however scattered."""
        fresh: dict[str, list[tuple[int, int]]] = {}
        for first, last, why in beat.lost:
            if last > stream.through and not all(n in stream for n in (first, last)):
                fresh.setdefault(why, []).append((first, last))
                stream.add(first, last)
                self._batch.streams[stream.id] = stream
                self._acks[beat.entry.id, beat.epoch] = None
        for why, ranges in fresh.items():
            span = f"seq {ranges[0][0]} to {ranges[-1][1]}"
            if len(ranges) > 1:
                span = f"{sum(last - first + 1 for first, last in ranges)} numbers of {span}"
            self._refuse(Refusal(Why.LOST, f"{span}: {why}"), topic, b"", received_at)

    def _settle(self, gateway: str, epoch: str) -> None:
        """A heartbeat becomes a vouch once nothing that it speaks about is missing."""
        waiting = self._pending.get((gateway, epoch))
        if waiting is None or self._streams[gateway, epoch].through < waiting.heartbeat.seq:
            return
        del self._pending[gateway, epoch]
        beat = waiting.heartbeat
        covered = self._coverage_of(gateway)
        fresh = []
        for start, end in beat.spells:
            fresh += covered.holes(start, end)
            covered.add(start, end)
        if len(covered) > 100:
            covered.forget_before(beat.through - _REMEMBERED)
        earlier = self._vouches.get(gateway)
        merged = Coverage([*earlier.spells, *fresh]) if earlier else fresh
        heard = dict(earlier.heard) if earlier else {}
        for device, at in beat.heard:
            heard[device] = max(at, heard.get(device, at))
        self._vouches[gateway] = Vouch(
            beat.entry.home,
            beat.entry.id,
            max(beat.through, earlier.through if earlier else beat.through),
            tuple(merged),
            tuple(heard.items()),
            beat.sent_at,
            waiting.received_at,
        )

    def _coverage_of(self, gateway: str) -> Coverage:
        known = self._coverage.get(gateway)
        if known is None:
            known = self._coverage[gateway] = Coverage(self.journal.covered(gateway)[-100:])
        return known

    def _take_hello(self, message: AdmittedHello, received_at: Instant) -> None:
        entry = message.entry
        known = entry.devices
        entry = self.directory.introduce(entry.id, message.devices, received_at)
        self._stream(entry.id, message.epoch)
        self._acks[entry.id, message.epoch] = None
        if entry.devices != known or not known:
            self._batch.items.append(
                Hello(entry.home, entry.id, entry.zone, tuple(entry.devices.values()), received_at)
            )

    def commit(self, now: Instant, mark: Mark | None = None) -> Committed[Token]:
        """Write what was taken, with ``mark`` if given; raises JournalError, and then everything is still held.

        With nothing taken and no mark it writes nothing.
        """
        batch, at = self._batch, max(now, self._last)
        arrival = None
        if batch or mark is not None:
            items = batch.items
            ordered = [] if mark is None else [mark]
            whole = Batch(
                [*ordered, *(i for i in items if isinstance(i, Hello)),
                 *(i for i in items if isinstance(i, Reading)), *self._vouches.values()],
                batch.streams, batch.stream_of, batch.clamped, batch.letters, batch.filled, batch.settled,
            )  # fmt: skip
            arrival = self.journal.append(whole, at)
            self._vouches = {}
            self._last = at
        acks = tuple(Ack(GatewayId(g), e, self._streams[g, e].through) for g, e in self._acks)
        tokens = tuple(self._tokens)
        self._batch, self._acks, self._tokens = Batch(), {}, []
        self._taken.clear()
        self._refused.clear()
        return Committed(arrival, acks, tokens)
