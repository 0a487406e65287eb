"""The catalogue of detectors."""

from __future__ import annotations

from detectors.catalogue import answering, detectors
from detectors.context import Quiet
from detectors.home import HomeWatch
from domain.ids import HomeId


def test_only_those_detectors_are_asked_that_have_an_answer_and_each_of_those_is() -> None:
    made = detectors({})
    for call in ("due", "vouched", "due_now"):
        asked = {made[place].name for place in answering(call)}
        own = {d.name for d in made if any(call in vars(kind) for kind in type(d).__mro__ if kind is not Quiet)}
        assert asked == own
    assert {made[place].name for place in answering("vouched")} == {"clock_wrong", "gateway_silent"}


def test_the_places_are_those_of_every_home_whatever_its_parameters() -> None:
    home = HomeWatch(HomeId("h1"), "UTC", {"heat": {"on": False}, "late_rising": {"tail": 4.0}})
    assert [home.detector(d.name).name for d in detectors({})] == [d.name for d in home._detectors]
