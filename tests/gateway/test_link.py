"""What the uplink learns about a broker."""

from __future__ import annotations

from domain.clock import HOUR, MINUTE, SECOND
from gateway.link import NotDeliveredError, Rivalry, Room


def test_a_message_that_is_too_large_is_halved_until_it_passes_and_one_reading_is_not_halved() -> None:
    room = Room(400)
    assert room.narrow(400)
    assert room.readings == 200
    assert room.narrow(90), "the message that failed was not a full one"
    assert room.readings == 45
    assert room.narrow(200), "an older and larger message makes no room again"
    assert room.readings == 45
    assert not room.narrow(1)
    assert room.readings == 45


def test_only_one_of_the_broker_s_refusals_is_about_size() -> None:
    assert [NotDeliveredError(code).too_large for code in (0x10, 0x87, 0x95, 0x97)] == [False, False, True, False]


def test_a_broker_that_is_killed_again_and_again_is_no_second_gateway() -> None:
    rivalry = Rivalry()
    for n in range(20):
        assert not rivalry.ended(n * SECOND, taken_over=False, lasted=SECOND)
        if n % 3 == 0:
            rivalry.away()


def test_six_short_connections_to_a_broker_that_is_there_are_a_reason_to_look_for_a_second_gateway() -> None:
    rivalry = Rivalry()
    said = [rivalry.ended(n * MINUTE, taken_over=False, lasted=5 * SECOND) for n in range(9)]
    assert said == [False] * 5 + [True] + [False] * 3, "once an hour is enough"
    rivalry = Rivalry()
    assert not any(rivalry.ended(n * HOUR, taken_over=False, lasted=SECOND) for n in range(20)), "a bad line"
    assert not any(rivalry.ended(n * MINUTE, taken_over=False, lasted=2 * MINUTE) for n in range(1_200, 1_220))


def test_a_broker_that_names_the_reason_is_believed_after_three() -> None:
    rivalry = Rivalry()
    assert [rivalry.ended(n * SECOND, taken_over=True, lasted=HOUR) for n in range(4)] == [False, False, True, False]
