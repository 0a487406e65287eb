"""Simulated residents and their homes."""

from __future__ import annotations

import random
from datetime import date
from itertools import pairwise

import pytest

from domain.clock import MINUTE
from domain.errors import ConfigurationError
from domain.readings import DoorState, Quantity
from simulators.days import Day, is_festive
from simulators.dwelling import Dwelling, ways
from simulators.home import build_home, live, seen
from simulators.living import live_day, sleep_night
from simulators.person import OUT, Person, Stay, declined, draw_person
from simulators.profiles import draw_home, names, parse_profile, profile
from simulators.simulate import first_day_of, inhabit

MONDAY = first_day_of(2026, 3, 2)
PLAIN = Day(MONDAY, 0, festive=False, wet=False, spirits=1.0, ill=False)


@pytest.mark.parametrize("name", names())
def test_every_profile_gives_homes_that_are_the_same_in_every_run(name: str) -> None:
    first, again = (draw_home(profile(name), "home", "Europe/London", "7/1") for _ in range(2))
    assert (first.person, first.companion, first.dwelling) == (again.person, again.companion, again.dwelling)
    assert live(first, MONDAY, 2) == live(again, MONDAY, 2)
    assert live(first, MONDAY, 2) != live(draw_home(profile(name), "home", "Europe/London", "7/2"), MONDAY, 2)


def test_a_longer_run_begins_with_the_readings_of_a_shorter_one() -> None:
    home = inhabit(1, MONDAY, 2, "7").home
    shorter, longer = live(home, MONDAY, 2), live(home, MONDAY, 4)
    assert longer[: len(shorter)] == shorter


@pytest.mark.parametrize("name", names())
def test_a_motion_sensor_in_its_hold_off_tells_nothing_however_many_people_move(name: str) -> None:
    for number in (1, 2, 3):
        life = inhabit(number, MONDAY, 2, "7", "Europe/London", profile(name))
        for sensor in life.motion_sensors():
            told = [r.at for r in life.readings if r.device == sensor and r.quantity is Quantity.MOTION]
            assert all(b - a >= MINUTE for a, b in pairwise(told))


def test_readings_stay_in_order_over_both_changes_of_the_clocks() -> None:
    for day in (first_day_of(2026, 3, 28), first_day_of(2026, 10, 24)):
        life = inhabit(1, day, 3, "7", "Europe/London")
        assert all(a.at <= b.at for a, b in pairwise(life.readings))
        assert len({life.home.recorded.zone.day(r.at) for r in life.readings}) == 3


def test_a_day_goes_without_a_hole_from_getting_up_to_bed() -> None:
    for seed in range(20):
        rng = random.Random(seed)
        lived = live_day(draw_person(rng), PLAIN, rng, 400)
        assert lived.stays[0].start == 400
        assert lived.stays[-1].end == lived.bed > 1000
        assert all(a.end == b.start and a.end > a.start for a, b in pairwise(lived.stays))


def test_a_resident_eats_sleeps_goes_out_and_takes_a_bath_in_the_evening() -> None:
    person = Person(outings_a_week=14, bath_share=1.0, nap_share=1.0, unlike=0.0)
    rng = random.Random(1)
    days = [live_day(person, PLAIN, rng, 380) for _ in range(30)]
    baths = [stay.start for day in days for stay in day.stays if stay.room == "bath"]
    assert len(baths) >= 25
    assert all(15 * 60 < start < 24 * 60 for start in baths)
    assert sum(any(stay.room == OUT for stay in day.stays) for day in days) >= 20
    kitchen = sum(stay.end - stay.start for day in days for stay in day.stays if stay.room == "kitchen") / 30
    assert 30 < kitchen < 400
    visits = sum(stay.room == "toilet" for _ in range(200) for stay in sleep_night(person, rng, -150, 380))
    assert 0.7 < visits / 200 / person.night_visits < 1.3


def test_on_a_holiday_no_helper_comes_and_when_it_rains_fewer_go_out() -> None:
    person = Person(helper_days=7, visitors_a_week=0.0, outings_a_week=7.0)
    rng = random.Random(2)
    festive, wet = Day(MONDAY, 0, True, False, 1.0, False), Day(MONDAY, 0, False, True, 1.0, False)
    assert live_day(person, PLAIN, rng, 380).guests
    assert not live_day(person, festive, rng, 380).guests
    out = [sum(len(live_day(person, day, rng, 380).outings) for _ in range(100)) for day in (PLAIN, wet)]
    assert out[1] < 0.9 * out[0]


def test_a_holiday_is_japan_s_in_japan_and_the_new_year_is_everybodys() -> None:
    assert is_festive(date(2026, 5, 5), "Asia/Tokyo")
    assert not is_festive(date(2026, 5, 5), "Europe/London")
    assert is_festive(date(2026, 12, 31), "Europe/London")
    assert is_festive(date(2026, 6, 7), "Europe/London")


def test_the_way_from_bed_to_the_kitchen_goes_through_the_hall() -> None:
    assert ways("flat")["bedroom", "kitchen"] == ("hall", "living")
    assert ways("house")["bedroom", "kitchen"] == ("hall",)
    home = build_home("home", "Asia/Tokyo", Person(), "1", dwelling=Dwelling(passing=1.0))
    stays = [Stay(600, 610, "bedroom", 1.0), Stay(610, 620, "kitchen", 1.0)]
    told = [str(r.device) for r in seen(home, MONDAY, stays, random.Random(3))]
    assert told.index("bedroom") < told.index("hall") < told.index("living") < told.index("kitchen")


def test_a_room_without_a_sensor_is_seen_by_nothing() -> None:
    sensors = {"bedroom": "bedroom", "kitchen": "kitchen"}
    home = build_home("home", "Asia/Tokyo", Person(), "1", dwelling=Dwelling(sensors=sensors))
    assert {r.device for r in live(home, MONDAY, 3) if r.quantity is Quantity.MOTION} == {"bedroom", "kitchen"}


def test_doors_open_and_close_or_only_move_as_the_profile_says() -> None:
    flat = inhabit(1, MONDAY, 5, "7", "Asia/Tokyo", profile("alone"))
    states = [r.value for r in flat.readings if r.quantity is Quantity.DOOR]
    assert set(states) == {DoorState.OPEN, DoorState.CLOSED}
    house = inhabit(1, MONDAY, 5, "7", "Asia/Tokyo", profile("house"))
    assert {r.value for r in house.readings if r.quantity is Quantity.DOOR} == {DoorState.MOVED}


def test_rooms_are_kept_bearable_in_winter_and_in_summer() -> None:
    for month in (1, 8):
        life = inhabit(1, first_day_of(2026, month, 10), 5, "7")
        degrees = [r.value for r in life.readings if r.quantity is Quantity.TEMPERATURE]
        percent = [r.value for r in life.readings if r.quantity is Quantity.HUMIDITY]
        assert 18 < min(degrees) <= max(degrees) < 29
        assert 20 <= min(percent) <= max(percent) <= 85


def test_somebody_who_declines_moves_less_goes_out_less_and_is_up_at_night() -> None:
    person = Person(outings_a_week=7.0)
    home = build_home("home", "Asia/Tokyo", person, "1")
    frail = build_home("home", "Asia/Tokyo", declined(person, 1.0), "1")
    before, after = live(home, MONDAY, 14), live(frail, MONDAY, 14)

    def count(readings: object, hours: range, kind: Quantity) -> int:
        zone = home.recorded.zone
        return sum(r.quantity is kind and zone.hour(r.at) in hours for r in readings)  # type: ignore[attr-defined]

    assert count(after, range(6, 22), Quantity.MOTION) < 0.85 * count(before, range(6, 22), Quantity.MOTION)
    assert count(after, range(24), Quantity.DOOR) < count(before, range(24), Quantity.DOOR)
    assert count(after, range(1, 4), Quantity.MOTION) > count(before, range(1, 4), Quantity.MOTION)


def test_the_profile_of_one_who_barely_moves_is_much_stiller_than_the_ordinary() -> None:
    def a_day(name: str) -> float:
        lives = [inhabit(number, MONDAY, 4, "7", "Asia/Tokyo", profile(name)) for number in range(1, 5)]
        return sum(r.quantity is Quantity.MOTION for life in lives for r in life.readings) / 16

    assert a_day("still") < 0.5 * a_day("alone")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[home]", "tells"),
        ('tells = "x"\n[resident]\nwalks = [1, 2]', "walks"),
        ('tells = "x"\n[resident]\nwakes = [5, 2]', "wakes"),
        ('tells = "x"\n[home]\nplan = "castle"', "plan"),
        ('tells = "x"\n[home]\ncats = 3', "cats"),
        ("tells = ", "TOML"),
    ],
)
def test_a_bad_profile_is_refused_in_a_sentence_that_names_the_key(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse_profile("mine", text)


def test_a_profile_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(ConfigurationError, match="alone"):
        profile("palace")


def test_nobody_is_seen_in_an_empty_home() -> None:
    home = build_home("home", "Asia/Tokyo", Person(visitors_a_week=0.0, calls=0.0, unlike=0.0), "1")
    stays = [Stay(600, 610, "hall", 1.0), Stay(610, 800, OUT, 1.0), Stay(800, 810, "hall", 1.0)]
    told = seen(home, MONDAY, stays, random.Random(4))
    midnight = home.recorded.zone.midnight(MONDAY)
    gone = [r for r in told if 612 * MINUTE < r.at - midnight < 799 * MINUTE]
    assert not gone
    assert sum(r.quantity is Quantity.DOOR for r in told) >= 2
