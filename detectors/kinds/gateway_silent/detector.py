"""gateway_silent: a home's gateway has stopped vouching, or lags behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import GATEWAY_SILENT, LATENESS, HomeContext, Quiet, State
from detectors.parameters import numbers
from detectors.words import moment_en, moment_ja
from domain.clock import Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import HomeId
from domain.readings import Vouch

NAME = "gateway_silent"


class GatewaySilent(Quiet):
    """Raises a prompt about the system when a gateway has vouched for nothing new for ten minutes.

    It counts in processing time, because that is what a silent gateway leaves us; what it says is dated by what the gateway
    had vouched for. A gateway that speaks with a slow clock vouches for the past and is not silent: see `clock_wrong`.
    """

    name = NAME

    def __init__(self) -> None:
        self._standing: dict[str, tuple[str, Instant]] = {}
        """Gateway -> (finding id, onset)."""

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured: a gateway that was taken away is not missed."""
        gone = [gateway for gateway in self._standing if gateway not in context.vouched]
        return [self._end(gateway, context.home, context.watermark or 0, EndReason.CONFIGURATION) for gateway in gone]

    def silent(self) -> frozenset[str]:
        """The gateways whose finding stands."""
        return frozenset(self._standing)

    def due_now(self, context: HomeContext) -> Instant | None:
        """See Detector.due_now."""
        waiting = [_spoke(gateway, context) for gateway in context.vouched if gateway not in self._standing]
        if not waiting:
            return None
        return max(min(waiting), context.resumed_at) + GATEWAY_SILENT + LATENESS

    def fire_now(self, now: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire_now."""
        found: list[FindingEvent] = []
        for gateway, through in sorted(context.vouched.items()):
            since = max(_spoke(gateway, context), context.resumed_at)
            if gateway in self._standing or now < since + GATEWAY_SILENT + LATENESS:
                continue
            raised_at = since + GATEWAY_SILENT
            said_en = moment_en(through, raised_at, context.local)
            said_ja = moment_ja(through, raised_at, context.local)
            finding = Finding(
                home=context.home,
                kind=NAME,
                detector=f"{NAME}/1",
                cause=f"{NAME}:{gateway}",
                subject=Subject.SYSTEM,
                level=Level.PROMPT,
                onset=through,
                raised_at=raised_at,
                evidence={"gateway": gateway, "last_vouched": context.local.iso(through)},
                text_en=f"The gateway has been silent since {said_en}. Nothing is known of this home since then: "
                "see to its power and its line.",
                text_ja=f"{said_ja}から機器(ゲートウェイ)の通信がありません。それ以降、お宅の様子は分かりません。"
                "電源と回線を確認してください。",
            )
            self._standing[gateway] = (finding.id, through)
            found.append(finding)
        return found

    def vouched(self, vouch: Vouch, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.vouched: over once the gateway vouches for the present again."""
        standing = self._standing.get(vouch.gateway)
        if standing is None:
            return ()
        behind = vouch.received_at - vouch.through >= GATEWAY_SILENT
        if behind and context.clocks.wrong_since(vouch.gateway) is None:
            return ()
        after = [start for start, _ in vouch.spells if start > standing[1]]
        # A gateway that was off tells when it came back; one that was only cut off has been running all the time.
        ended_at = vouch.received_at if behind else min(after) if after else vouch.through
        return [self._end(vouch.gateway, context.home, ended_at, EndReason.ACTIVITY)]

    def _end(self, gateway: str, home: HomeId, at: Instant, reason: EndReason) -> Ended:
        finding, _ = self._standing.pop(gateway)
        return Ended(home, f"{NAME}:{gateway}", finding, at, reason)

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {"standing": {gateway: list(what) for gateway, what in self._standing.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._standing = {gateway: (what[0], what[1]) for gateway, what in state["standing"].items()}


def _spoke(gateway: str, context: HomeContext) -> Instant:
    """Up to when the gateway has vouched; one whose clock is off is there when it speaks, whatever it vouches for."""
    through, at = context.vouched[gateway], context.clocks.speaks_at(gateway)
    return through if at is None else max(through, at)


def build(settings: Mapping[str, Any]) -> GatewaySilent:
    """A detector; it has no parameters."""
    numbers(NAME, settings)
    return GatewaySilent()
