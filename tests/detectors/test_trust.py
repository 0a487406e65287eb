"""Which pulses are life: strays in an empty home, chatter, repetitions of rest, company."""

from __future__ import annotations

from detectors.evidence.life import Occupancy
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.readings import Quantity
from domain.watermark import Coverage
from tests.detectors.homes import BATH, DOOR, KITCHEN, LIVING, T0
from tests.detectors.readings import Seen


def goes_out(seen: Seen, at: Instant) -> None:
    seen.see_all((LIVING, at - MINUTE), (DOOR, at), (DOOR, at + 8 * SECOND))


def comes_home(seen: Seen, at: Instant) -> None:
    seen.see_all(
        (DOOR, at),
        (DOOR, at + 6 * SECOND),
        (LIVING, at + 20 * SECOND),
        (KITCHEN, at + 4 * MINUTE),
        (LIVING, at + 6 * MINUTE),
    )


def absence_with_strays(seen: Seen, leaves: Instant, hours: int = 83, strays: int = 14) -> Instant:
    """Three and a half days away, in which the kitchen's sensor pulses now and then; returns when they come home."""
    seen.listen()
    goes_out(seen, leaves)
    for number in range(1, strays + 1):
        seen.see(KITCHEN, leaves + number * hours * HOUR // (strays + 1))
    comes_home(seen, leaves + hours * HOUR)
    return leaves + hours * HOUR


def test_after_an_absence_of_83_hours_with_fourteen_strays_the_next_one_is_an_absence_in_spite_of_them() -> None:
    seen = Seen()
    noon = seen.live(3) + 12 * HOUR
    back = absence_with_strays(seen, noon)
    strays = [sign for sign in seen.signs if noon + MINUTE < sign.at < back]
    assert all(sign.alone for sign in strays), "the first time they are life, with doubt: it might be somebody"
    assert seen.evidence.left is None, "and the way home is plain"
    again = back + DAY
    later = absence_with_strays(seen, again)
    assert not [sign for sign in seen.signs if again + MINUTE < sign.at < later]


def test_an_absence_goes_on_through_its_strays() -> None:
    seen = Seen()
    noon = seen.live(3) + 12 * HOUR
    goes_out(seen, noon)
    left = seen.evidence.left
    seen.see(KITCHEN, noon + 5 * HOUR)
    assert seen.evidence.left == left
    assert seen.evidence.last is not None
    assert seen.evidence.last.at == noon + 5 * HOUR
    assert seen.evidence.occupancy(seen.context) is Occupancy.UNKNOWN


def test_two_pulses_together_after_an_exit_are_somebody_who_is_in() -> None:
    seen = Seen()
    noon = seen.live(3) + 12 * HOUR
    goes_out(seen, noon)
    first, second = seen.see(KITCHEN, noon + 5 * HOUR), seen.see(LIVING, noon + 5 * HOUR + 2 * MINUTE)
    assert (first[0].alone, second[0].alone) == (True, False)
    assert seen.evidence.left is None
    assert seen.evidence.occupancy(seen.context) is Occupancy.HOME


def test_a_sensor_that_pulsed_in_an_empty_home_is_not_believed_alone_there_any_more() -> None:
    seen = Seen()
    back = absence_with_strays(seen, seen.live(3) + 12 * HOUR)
    trust = seen.evidence.trust
    assert not trust.believed_alone(KITCHEN.id, back)
    assert trust.strays(KITCHEN.id, back) >= 14
    assert trust.believed_alone(LIVING.id, back)
    goes_out(seen, back + HOUR)
    assert seen.see(KITCHEN, back + 6 * HOUR) == [], "a stray neither ends an absence nor begins a silence"
    assert seen.see(LIVING, back + 8 * HOUR) != [], "the others are believed as before"
    assert seen.see(KITCHEN, back + 9 * HOUR) != [], "and where somebody is in, every pulse is life"


def test_two_devices_within_five_minutes_or_three_pulses_within_ten_bear_each_other_out() -> None:
    seen = Seen()
    back = absence_with_strays(seen, seen.live(3) + 12 * HOUR)
    goes_out(seen, back + HOUR)
    at = back + 6 * HOUR
    assert seen.see(KITCHEN, at) == []
    (sign,) = seen.see(LIVING, at + 3 * MINUTE)
    assert (sign.at, sign.alone) == (at + 3 * MINUTE, False), "dated by the one that confirms"
    goes_out(seen, back + 10 * HOUR)
    at = back + 12 * HOUR
    assert [seen.see(KITCHEN, at + minute * MINUTE) for minute in (0, 4)] == [[], []]
    (sign,) = seen.see(KITCHEN, at + 8 * MINUTE)
    assert not sign.alone
    assert seen.evidence.left is None


def test_a_lone_pulse_that_another_follows_within_the_hour_is_no_stray() -> None:
    seen = Seen()
    noon = seen.live(3) + 12 * HOUR
    for day in range(4):
        goes_out(seen, noon + day * DAY)
        for number in range(1, 12):
            seen.see(KITCHEN, noon + day * DAY + number * 30 * MINUTE)
        goes_out(seen, noon + day * DAY + 6 * HOUR)
    assert seen.evidence.trust.strays(KITCHEN.id, noon + 4 * DAY) == 0


def test_nothing_is_held_against_a_device_while_nobody_listened() -> None:
    seen = Seen()
    noon = seen.live(3) + 12 * HOUR
    seen.context.coverage = Coverage([(T0, noon + 3 * HOUR)])
    absence_with_strays(seen, noon)
    assert seen.evidence.trust.strays(KITCHEN.id, noon + 4 * DAY) == 0


def test_a_sensor_that_was_mended_is_believed_again_after_two_months() -> None:
    seen = Seen()
    back = absence_with_strays(seen, seen.live(3) + 12 * HOUR)
    assert not seen.evidence.trust.believed_alone(KITCHEN.id, back + 59 * DAY)
    assert seen.evidence.trust.believed_alone(KITCHEN.id, back + 61 * DAY)


def test_a_single_movement_at_home_is_life_as_ever() -> None:
    seen = Seen()
    evening = seen.live(3) - HOUR
    (sign,) = seen.see(LIVING, evening)
    assert not sign.alone
    (sign,) = seen.see(BATH, evening + 5 * HOUR)
    assert not sign.alone


def test_four_pulses_a_minute_for_two_hours_are_chatter_until_an_hour_of_quiet() -> None:
    seen = Seen()
    start = seen.live(2)
    for number in range(3 * 60 * 5):
        seen.see(LIVING, start + number * 12 * SECOND)
    end = start + 3 * HOUR
    assert seen.evidence.trust.chatters(LIVING.id)
    assert seen.see(LIVING, end) == []
    assert [d.id for d in seen.evidence.hidden(end, end + MINUTE, seen.context)] in ([], [LIVING.id])
    assert seen.see(LIVING, end + 90 * MINUTE) != []


def test_a_pulse_in_every_quarter_hour_of_a_day_and_a_night_is_no_person() -> None:
    seen = Seen()
    for number in range(25 * 12):
        seen.see(LIVING, T0 + number * 5 * MINUTE)
    assert seen.evidence.trust.chatters(LIVING.id)
    last = seen.evidence.last
    assert last is not None
    assert last.at < T0 + 24 * HOUR + MINUTE, "what it says from then on resets no clock"


def test_a_sensor_that_chatters_hides_its_room() -> None:
    seen = Seen()
    for number in range(25 * 12):
        seen.see(LIVING, T0 + number * 5 * MINUTE)
    now = T0 + 25 * HOUR
    assert [device.id for device in seen.evidence.hidden(now - HOUR, now, seen.context)] == [LIVING.id]


def test_a_report_of_rest_that_repeats_itself_is_no_sign_of_life() -> None:
    seen = Seen()
    assert seen.see(LIVING, T0, 1.0)
    assert seen.see(LIVING, T0 + MINUTE, 0.0), "cleared: somebody was there until now"
    assert not seen.see(LIVING, T0 + HOUR, 0.0)
    assert seen.see(LIVING, T0 + 2 * HOUR, 1.0)
    assert not seen.see(LIVING, T0 + 2 * HOUR, 20.0, Quantity.TEMPERATURE)


def walks(seen: Seen, start: Instant, days: int = 10, takes: int = 40) -> None:
    """Days on which the resident goes from bath to kitchen three times, in so many seconds; the morning of the day after."""
    for day in range(days):
        for hour in (8, 13, 20):
            at = start + day * DAY + hour * HOUR
            seen.see_all((BATH, at), (KITCHEN, at + takes * SECOND))


def two_people(seen: Seen, start: Instant) -> None:
    """Somebody in the bath and somebody in the kitchen, seen within seconds of each other again and again."""
    for minute in range(0, 12, 2):
        seen.see_all((BATH, start + minute * MINUTE), (KITCHEN, start + minute * MINUTE + 3 * SECOND))


def test_rooms_that_lie_apart_and_answer_within_seconds_are_company() -> None:
    seen = Seen()
    walks(seen, T0)
    start = T0 + 10 * DAY + 10 * HOUR
    seen.see(BATH, start - 5 * MINUTE)
    assert not seen.evidence.company(start)
    two_people(seen, start)
    assert seen.evidence.company(start + 12 * MINUTE)
    assert not seen.signs[-1].teaches, "a silence that begins now says nothing about the resident"
    assert not seen.evidence.company(start + 3 * HOUR), "nor does it last for ever"


def test_rooms_that_answer_within_seconds_every_day_are_next_to_each_other() -> None:
    seen = Seen()
    walks(seen, T0, takes=4)
    start = T0 + 10 * DAY + 10 * HOUR
    two_people(seen, start)
    assert not seen.evidence.company(start + 12 * MINUTE)


def test_rooms_between_which_nobody_was_seen_to_walk_prove_nothing() -> None:
    seen = Seen()
    start = seen.live(10) + 10 * HOUR
    two_people(seen, start)
    assert not seen.evidence.company(start + 12 * MINUTE)


def test_a_visitor_who_comes_every_day_stays_a_visitor() -> None:
    seen = Seen()
    walks(seen, T0)
    for day in range(10, 30):
        start = T0 + day * DAY + 10 * HOUR
        walks(seen, T0 + day * DAY, days=1)
        two_people(seen, start + 11 * HOUR)
        assert seen.evidence.company(start + 11 * HOUR + 12 * MINUTE)


def test_a_visitor_who_leaves_does_not_make_the_resident_go_out() -> None:
    """Movement right after the door is the resident's: what is silent then is a silence at home."""
    seen = Seen()
    walks(seen, T0)
    start = T0 + 10 * DAY + 10 * HOUR
    two_people(seen, start)
    at = start + 40 * MINUTE
    seen.see_all((DOOR, at), (LIVING, at + MINUTE))
    assert seen.evidence.last is not None
    assert not seen.evidence.last.may_be_out
    assert not seen.evidence.last.soon_after_exit, "both may have gone, and still the usual limit holds"
    assert not seen.evidence.company(at + 11 * MINUTE)
    alone = Seen()
    walks(alone, T0)
    alone.see_all((LIVING, start), (DOOR, at), (LIVING, at + MINUTE))
    assert alone.signs[-1].may_be_out, "without company it is somebody who went out"


def test_restored_evidence_goes_on_as_if_nothing_had_happened() -> None:
    seen = Seen()
    back = absence_with_strays(seen, seen.live(3) + 12 * HOUR)
    goes_out(seen, back + HOUR)
    seen.see(KITCHEN, back + 6 * HOUR)
    again = Seen()
    again.context.evidence.restore(seen.evidence.snapshot())
    assert again.evidence.snapshot() == seen.evidence.snapshot()
    at = back + 6 * HOUR + 2 * MINUTE
    assert again.see(LIVING, at) == seen.see(LIVING, at)
    assert not again.signs[-1].alone
    assert again.evidence.snapshot() == seen.evidence.snapshot()
