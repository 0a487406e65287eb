"""Policies: what can be written, what is in force, and whom a rung means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, update

from alerts.duty_tables import policies
from alerts.people import meant_by, ways_to
from alerts.policy import (
    BUILT_IN,
    EQUIPMENT_AREA,
    EVERYBODY,
    SYSTEM_AREA,
    BadPolicyError,
    Policy,
    Rung,
    decode,
    encode,
    history,
    in_force,
    write,
)
from domain.clock import HOUR
from domain.findings import Level
from domain.localtime import LocalTime
from registry import rota
from registry.rota import Cover, Shift
from registry.staff import Staff
from registry.tables import addresses
from tests.alerts.duty import T, installation

ONE = Policy((Rung(("staff:suzuki",), 1.0),))
TWO = Policy((Rung(("staff:tanaka",), 2.0),))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = installation(tmp_path, [("tanaka", "南"), ("sato", "北")])
    yield made
    made.dispose()


def test_an_areas_own_policy_holds_before_the_installations_and_that_before_the_one_of_the_program(
    engine: Engine,
) -> None:
    with engine.begin() as connection:
        assert in_force(connection, "南", Level.PAGE).policy == BUILT_IN[Level.PAGE]
        write(connection, "", Level.PAGE, ONE, "boss", "", T)
        assert in_force(connection, "南", Level.PAGE).policy == ONE
        write(connection, "南", Level.PAGE, TWO, "boss", "the south is near", T)
        found = in_force(connection, "南", Level.PAGE)
        assert (found.policy, found.version, found.made_by, found.why) == (TWO, 1, "boss", "the south is near")
        assert in_force(connection, "北", Level.PAGE).policy == ONE
        assert in_force(connection, "南", Level.PROMPT).policy == BUILT_IN[Level.PROMPT]


def test_an_area_that_gives_up_its_own_policy_goes_by_the_installations_again_and_all_versions_stay(
    engine: Engine,
) -> None:
    with engine.begin() as connection:
        write(connection, "", Level.PAGE, ONE, "boss", "", T)
        write(connection, "南", Level.PAGE, TWO, "boss", "", T)
        assert write(connection, "南", Level.PAGE, None, "boss", "one for all", T) == 2
        assert in_force(connection, "南", Level.PAGE).policy == ONE
        assert [(v.area, v.version, v.policy) for v in history(connection)] == [
            ("南", 2, None), ("南", 1, TWO), ("", 1, ONE),
        ]  # fmt: skip


def test_alerts_about_ourselves_do_not_go_by_what_was_decided_for_homes(engine: Engine) -> None:
    with engine.begin() as connection:
        write(connection, "", Level.PAGE, ONE, "boss", "", T)
        assert in_force(connection, SYSTEM_AREA, Level.PAGE).policy != ONE
        assert in_force(connection, EQUIPMENT_AREA, Level.PAGE).policy != ONE
        write(connection, SYSTEM_AREA, Level.PAGE, TWO, "boss", "", T)
        assert in_force(connection, SYSTEM_AREA, Level.PAGE).policy == TWO


def test_a_stored_policy_that_cannot_be_read_any_more_gives_way_to_the_next_wider_one(engine: Engine) -> None:
    with engine.begin() as connection:
        write(connection, "", Level.PAGE, ONE, "boss", "", T)
        write(connection, "南", Level.PAGE, TWO, "boss", "", T)
        connection.execute(update(policies).where(policies.c.area == "南").values(body='{"rungs": 5}'))
        assert in_force(connection, "南", Level.PAGE).policy == ONE


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "no policy"),
        ("[]", "Expected `object`"),
        ('{"rungs": []}', "length >= 1"),
        ('{"rungs": [{"whom": ["area"], "minuets": 3}]}', "minuets"),
        ('{"rungs": [{"whom": ["area"], "minutes": 0}]}', r"rungs\[0\].minutes"),
        ('{"rungs": [{"whom": ["area"]}, {"whom": ["the boss"]}]}', "Rung 2 calls 'the boss'"),
        ('{"rungs": [{"whom": ["rota:default:0"]}]}', "rota:NAME:2"),
        ('{"rungs": [{"whom": ["staff:"]}]}', "names nobody"),
        ('{"rungs": [{"whom": ["area"]}], "quiet_from": 1440}', "quiet_from"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_the_place_that_is_wrong(body: str, why: str) -> None:
    with pytest.raises(BadPolicyError, match=why) as caught:
        decode(body)
    assert "\n" not in str(caught.value)


def test_every_rung_of_a_page_may_not_wait_for_the_day(engine: Engine) -> None:
    sleepy = Policy((Rung(("area",), waits_for_day=True),))
    with engine.begin() as connection:
        write(connection, "", Level.PROMPT, sleepy, "boss", "", T)
        with pytest.raises(BadPolicyError, match="must not"):
            write(connection, "", Level.PAGE, sleepy, "boss", "", T)


@pytest.mark.parametrize("policy", [ONE, TWO, *BUILT_IN.values()])
def test_every_lap_ends_with_everybody_whatever_the_policy_says(policy: Policy) -> None:
    assert EVERYBODY in policy.climb[-1].whom
    assert policy.climb[-1].minutes == policy.repeat_minutes
    assert decode(encode(policy)) == policy


def test_the_words_of_a_rung_name_people_each_once(engine: Engine) -> None:
    days, local = frozenset(range(7)), LocalTime("Asia/Tokyo")

    def whom(*words: str, at: int = T) -> list[str]:
        with engine.connect() as connection:
            return meant_by(connection, words, "南", at, local)

    with engine.begin() as connection:
        rota.add_shift(connection, Shift("default", "tanaka", days, 0, 24 * 60))
        rota.add_shift(connection, Shift("default", "sato", days, 0, 24 * 60, position=1))
    assert whom("rota:default") == ["tanaka"]
    assert whom("rota:default:2") == ["sato"]
    assert whom("rota:default:3") == []
    assert whom("rota:default:all", "rota:default") == ["tanaka", "sato"]
    assert whom("staff:sato", "staff:nobody") == ["sato"]
    assert whom("area") == ["suzuki", "tanaka"]  # sato belongs to the north alone
    assert whom("managers") == ["boss"]
    assert whom("everybody") == ["suzuki", "tanaka", "boss"]
    with engine.begin() as connection:
        rota.add_cover(connection, Cover("default", "suzuki", T, T + HOUR, "boss", instead_of="tanaka"))
    assert whom("rota:default", at=T) == ["suzuki"]
    assert whom("rota:default", at=T + HOUR) == ["tanaka"]
    Staff(engine).disable("suzuki", T)
    assert whom("everybody") == ["tanaka", "boss"]


def test_who_lacks_the_wanted_channel_is_called_through_their_own_and_the_wanted_goes_before_the_others(
    engine: Engine,
) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(addresses).values(owner="tanaka", channel="line", address="U1", position=1, added_at=0)
        )
        connection.execute(update(addresses).where(addresses.c.owner == "boss").values(broken_at=T))
        assert ways_to(connection, "suzuki", ("line",)) == ("mail",)
        assert ways_to(connection, "tanaka", ("line",)) == ("line", "mail")
        assert ways_to(connection, "tanaka") == ("mail", "line")
        assert ways_to(connection, "boss", ("line",)) == ()
