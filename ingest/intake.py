"""Intake: admitted messages -> one journal commit -> who may be acknowledged.

Synchronous and without a clock: the service tells it the time. Between two commits it holds what it took in memory, and
nobody has been told that it is stored.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, NamedTuple, TypeVar

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
from ingest.gateways import GatewayStates
from ingest.journal import Batch, Journal
from ingest.letters import DeadLetter, LetterState, Settled, apart, compose
from ingest.streams import Stream
from registry.directory import Directory

Token = TypeVar("Token")
_REMEMBERED = 40 * DAY
"""How far back the coverage is kept in memory, to send on only what is new."""


class Ack(NamedTuple):
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


class _Repeated(Enum):
    """What stands under a number that has been dealt with before."""

    SAME = auto()
    ANOTHER = auto()
    EMPTY = auto()
    """Nothing: a record of this number was refused."""


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
    _held: tuple[Batch, Instant] | None = None
    """A batch that the disk refused, to be written as it was before anything else is."""
    _taken: dict[int, dict[int, AdmittedReading]] = field(default_factory=dict)
    """Stream id -> seq -> what was taken since the last commit."""
    _refused: set[tuple[int, int]] = field(default_factory=set)
    """(stream id, seq) refused since the last commit."""
    _pending: dict[tuple[str, str], _Pending] = field(default_factory=dict)
    _coverage: dict[str, Coverage] = field(default_factory=dict)
    _vouches: dict[str, Vouch] = field(default_factory=dict)
    _vouched: dict[str, Instant] = field(default_factory=dict)
    """Gateway -> what it has vouched for, in this process."""
    _acks: dict[tuple[str, str], None] = field(default_factory=dict)
    _tokens: list[Token] = field(default_factory=list)
    _last: Instant = 0
    _states: GatewayStates = field(init=False)

    def __post_init__(self) -> None:
        """Know where the state of a gateway is read from."""
        self._states = GatewayStates(self.journal.gateway_state)

    @property
    def waiting(self) -> bool:
        """True when something taken in asks for a commit of its own: heartbeats can wait for the next mark."""
        return bool(self._batch or self._acks or self._held)

    @property
    def pending(self) -> int:
        """Heartbeats that wait for readings."""
        return len(self._pending)

    def start(self, now: Instant) -> Committed[Token]:
        """Write the first mark after a start: it names when ingest was last known to run."""
        last = self.journal.last_time()
        self._last = last or 0
        return self.commit(now, Mark(max(now, self._last), down_since=last))

    def take(self, topic: str, payload: bytes, received_at: Instant, token: Token, retained: bool = False) -> None:
        """Take one message in; after the next ``commit`` its token comes back. None is older than the last commit."""
        received_at = max(received_at, self._last)
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
        self, refused: list[tuple[Refusal, bool]], stream: Stream, topic: str, payload: bytes, received_at: Instant
    ) -> None:
        """A letter for each refusal; True with it where its letter is here already."""
        alone = apart(payload, [refusal.seq for refusal, _ in refused if refusal.seq is not None])
        for refusal, known in refused:
            seq = refusal.seq or 0
            if known:
                self.counters["duplicates"] += 1
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
        # Every question to the journal comes first: a disk that fails in the middle leaves nothing half taken.
        repeated: dict[int, _Repeated] | None = None
        if not stream.is_above(message.first):
            repeated = {r.seq: self._repeated(message, stream, r) for r in message.readings if r.seq in stream}
        if message.refused:
            refused = [(r, r.seq in stream and self._is_refused(stream.id, r.seq)) for r in message.refused if r.seq]
            self._refuse_records(refused, stream, topic, payload, received_at)
        batch, taken = self._batch, self._taken.get(stream.id)
        if taken is None:
            taken = self._taken[stream.id] = {}
        home, gateway, epoch, add = entry.home, entry.id, message.epoch, batch.items.append
        vouched, stored, late = self._vouched.get(gateway, 0), 0, 0
        for reading in message.readings:
            seq, observed_at = reading.seq, reading.observed_at
            if repeated is not None and seq in repeated and not self._fills(
                repeated[seq], reading, stream, topic, payload, received_at
            ):  # fmt: skip
                continue
            if reading.stamp != observed_at:
                batch.clamped.append((stream.id, seq, reading.stamp, observed_at))
            taken[seq] = reading
            add(Reading(home, reading.device, reading.quantity, reading.value, observed_at, received_at, gateway, epoch,
                        seq, reading.flags))  # fmt: skip
            stored += 1
            if observed_at < vouched:
                late += 1
        self.counters["readings"] += stored
        if late:
            self.counters["late"] += late
        stream.add(message.first, message.last)
        batch.streams[stream.id] = stream
        key = (gateway, epoch)
        batch.stream_of[key] = stream.id
        self._acks[key] = None
        if self._pending:
            self._settle(gateway, epoch)

    def _repeated(self, message: AdmittedReadings, stream: Stream, reading: AdmittedReading) -> _Repeated:
        """What a key that is here already stands for: another body is a cloned card or a restored backup."""
        taken = self._taken.get(stream.id, {}).get(reading.seq)
        if taken is not None:
            same = (taken.device, taken.quantity, taken.value, taken.stamp) == (
                reading.device, reading.quantity, reading.value, reading.stamp,
            )  # fmt: skip
            return _Repeated.SAME if same else _Repeated.ANOTHER
        if self.journal.holds(
            message.entry.home,
            reading.device,
            reading.quantity,
            reading.value,
            reading.stamp,
            stream.id,
            reading.seq,
        ):
            return _Repeated.SAME
        return _Repeated.EMPTY if self._is_refused(stream.id, reading.seq) else _Repeated.ANOTHER

    def _fills(
        self, repeated: _Repeated, reading: AdmittedReading, stream: Stream, topic: str, payload: bytes,
        received_at: Instant,
    ) -> bool:  # fmt: skip
        """True when the number was refused before and may be stored now; else it is counted, or kept as a letter."""
        if repeated is _Repeated.SAME:
            self.counters["duplicates"] += 1
            return False
        if repeated is _Repeated.EMPTY:
            self._batch.filled.append((stream.id, reading.seq))
            return True
        detail = f"seq {reading.seq} of epoch {stream.epoch} is stored with another body"
        refusal = Refusal(Why.KEY_CONFLICT, detail, reading.seq)
        self._states.conflict(GatewayId(stream.gateway))
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
        key = (beat.entry.id, beat.epoch)
        stream = self._stream(*key)
        self._coverage_of(beat.entry.id)  # asked now, before anything is taken: the disk may fail
        self.counters["heartbeats"] += 1
        self._take_lost(beat, stream, topic, received_at)
        self._states.heard(beat, stream.through, received_at)
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
            self._states.lost(beat.entry, why, sum(last - first + 1 for first, last in ranges))
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
        self._vouched[gateway] = max(beat.through, self._vouched.get(gateway, 0))
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
        self._stream(entry.id, message.epoch)
        entry = self.directory.introduce(entry.id, message.devices, received_at)
        self._acks[entry.id, message.epoch] = None
        updated = self._states.greeted(message)
        if updated or entry.devices != known or not known:
            self._batch.items.append(
                Hello(entry.home, entry.id, entry.zone, tuple(entry.devices.values()), received_at, message.software)
            )

    def commit(self, now: Instant, mark: Mark | None = None) -> Committed[Token]:
        """Write what was taken, with ``mark`` if given; raises JournalError, and then everything is still held.

        With nothing taken and no mark it writes nothing. A batch that failed is written first, exactly as it was: it may have
        reached the disk although the disk said that it failed, and must not stand in the log twice.
        """
        arrival = None if self._held is None else self._write_held()
        if self._batch or mark is not None:
            at = max(now, self._last)
            self._held = (self._seal(mark and Mark(max(mark.received_at, at), mark.down_since)), at)
            arrival = self._write_held()
        acks = tuple(Ack(GatewayId(g), e, self._streams[g, e].through) for g, e in self._acks)
        tokens = tuple(self._tokens)
        self._acks, self._tokens = {}, []
        self._taken.clear()
        self._refused.clear()
        return Committed(arrival, acks, tokens)

    def _seal(self, mark: Mark | None) -> Batch:
        """What was taken, in the log's order; what comes from now on belongs to the next batch."""
        batch, items = self._batch, self._batch.items
        hellos = [item for item in items if type(item) is Hello]
        readings = items if not hellos else [item for item in items if type(item) is Reading]
        marks = [] if mark is None else [mark]
        batch.items = [*marks, *hellos, *readings, *self._vouches.values()]
        if mark is not None:
            batch.gateways = self._states.due()
            self._states.written(batch.gateways)
        self._batch, self._vouches = Batch(), {}
        return batch

    def _write_held(self) -> Arrival | None:
        if self._held is None:
            return None
        arrival = self.journal.append(*self._held)
        self._last, self._held = self._held[1], None
        return arrival
