"""Which MQTT to speak."""

from __future__ import annotations

import aiomqtt
import pytest

from gateway.link import Versions

V5, V311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311


def test_a_broker_that_is_away_or_refuses_us_by_name_says_nothing_about_versions() -> None:
    versions = Versions("auto")
    assert not versions.failed(reached=False, code=None)
    assert not versions.failed(reached=True, code=0x87)
    assert versions.present is V5


@pytest.mark.parametrize("code", [0x84, None])
def test_a_broker_that_does_not_know_mqtt_5_is_spoken_to_in_3_1_1_and_that_is_kept(code: int | None) -> None:
    versions = Versions("auto")
    assert versions.failed(reached=True, code=code)
    assert versions.present is V311
    versions.served()
    for _ in range(2):
        assert not versions.failed(reached=True, code=None), "a broker that hangs now and then did speak it"
    assert not versions.failed(reached=False, code=None)
    assert versions.present is V311
    for _ in range(2):
        versions.failed(reached=True, code=None)
    assert versions.failed(reached=True, code=None), "three times without an answer: it may be another broker by now"
    assert versions.present is V5


def test_a_version_that_was_asked_for_is_the_only_one() -> None:
    versions = Versions("3.1.1")
    assert not versions.failed(reached=True, code=0x84)
    assert versions.present is V311
