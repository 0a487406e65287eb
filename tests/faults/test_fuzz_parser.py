"""The parser fuzzer: mutated messages on admit and intake; whatever comes, nothing raises and everything is accounted for.

python -m pytest tests/faults/test_fuzz_parser.py -s --rounds 1000000
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable

import pytest

from domain.clock import SECOND, Instant, SystemClock
from ingest.admit import (
    FAR_FUTURE,
    Admitted,
    AdmittedHeartbeat,
    AdmittedReadings,
    Refusal,
    Why,
    admit,
)
from ingest.intake import Intake
from ingest.journal import Journal
from registry.directory import Directory, GatewayEntry, MemoryDirectory
from tests.faults.house import tell
from tests.faults.mutations import SURELY_BAD, Message, clear, directory, mutated, sound

_TOGETHER = 500


def in_order(admitted: Admitted, now: Instant) -> bool:
    """What may be said of everything that is let in, in words that are not admit's own."""
    if isinstance(admitted, AdmittedReadings):
        numbers = [r.seq for r in admitted.readings]
        return (
            len(numbers) + len(admitted.refused) == admitted.last - admitted.first + 1
            and admitted.first >= 1
            and admitted.last < 2**63
            and numbers == sorted(set(numbers))
            and all(r.device in admitted.entry.devices and math.isfinite(r.value) for r in admitted.readings)
            and all(0 <= r.observed_at <= now and r.stamp < now + FAR_FUTURE + SECOND for r in admitted.readings)
        )
    if isinstance(admitted, AdmittedHeartbeat):
        return (
            admitted.through <= now
            and 0 <= admitted.seq < 2**63
            and all(0 <= start <= end <= now for start, end in admitted.spells)
            and all(at <= now for _, at in admitted.heard)
        )
    return len({device.id for device in admitted.devices}) <= 200


def fuzz(chance: random.Random, count: int, known: Callable[[], Directory] = directory) -> Counter[str]:
    """Judge and take in ``count`` mutated messages between sound ones; how many were refused for which reason.

    Raises AssertionError that shows the message which was not dealt with as it should be.
    """
    reasons: Counter[str] = Counter()
    journal = Journal(":memory:", durable=False)
    intake: Intake[int] = Intake(journal, known())
    judge, now = known(), SystemClock().now()
    taken: list[int] = []
    for number in range(count):
        message = sound(chance, now) if number % 10 == 9 else mutated(chance, now)
        words = f"{message.kind}: {clear(message.topic)} {message.payload[:300]!r}"
        try:
            outcome = admit(message.topic, message.payload, now, judge, message.retain)
            intake.take(message.topic, message.payload, now, number, message.retain)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} at {words}") from error
        if isinstance(outcome, Refusal):
            assert outcome.reason is not Why.FAULT, f"{outcome.detail} at {words}"
            reasons[outcome.reason] += 1
        else:
            reasons["(let in)"] += 1
            assert message.kind not in SURELY_BAD, f"let in: {words}"
            assert in_order(outcome, now), f"let in as {outcome}: {words}"
        assert message.kind != "sound" or not isinstance(outcome, Refusal), f"{outcome}: {words}"
        taken.append(number)
        if len(taken) == _TOGETHER or number == count - 1:
            now += SECOND
            assert list(intake.commit(now).tokens) == taken, "every message is acknowledged once, in its order"
            taken.clear()
    assert journal.count("dead_letters") >= sum(reasons.values()) - reasons["(let in)"]
    journal.close()
    return reasons


def test_a_million_mutated_messages_raise_nothing_and_each_is_let_in_or_refused_with_a_reason(
    rounds: int | None, chance: random.Random
) -> None:
    reasons = fuzz(chance, rounds or 20_000)
    tell(", ".join(f"{count} {reason}" for reason, count in reasons.most_common()))
    assert set(reasons) >= {Why.NOT_JSON, Why.WRONG_SHAPE, Why.WRONG_GATEWAY, Why.UNKNOWN_TOPIC, Why.UNKNOWN_GATEWAY,
                            Why.BAD_TIME, Why.RETAINED, "(let in)"}  # fmt: skip


class Fragile(MemoryDirectory):
    """The control: asked about a name that is not ASCII, it fails as a careless parser would."""

    def gateway(self, gateway: str) -> GatewayEntry | None:
        """See Directory.gateway."""
        gateway.encode("ascii")
        return super().gateway(gateway)


def fragile() -> Directory:
    """The fuzzers' gateways in a directory that is too weak for them."""
    whole, made = directory(), Fragile()
    made._entries |= whole._entries
    return made


def test_a_parser_that_raises_on_one_kind_of_mutation_is_caught(chance: random.Random) -> None:
    """The control."""
    with pytest.raises(AssertionError, match="UnicodeEncodeError"):
        fuzz(chance, 5_000, fragile)


def test_every_sound_message_of_the_fuzzers_is_let_in(chance: random.Random) -> None:
    now = SystemClock().now()
    made: list[Message] = [sound(chance, now) for _ in range(500)]
    assert not [m for m in made if isinstance(admit(m.topic, m.payload, now, directory()), Refusal)]
