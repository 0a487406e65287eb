"""What the uplink learns about a broker."""

from __future__ import annotations

from gateway.link import NotDeliveredError, Room


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
