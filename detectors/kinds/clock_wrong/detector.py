"""clock_wrong: a gateway whose clock is wrong, or that has no time of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.clocks import LASTS
from detectors.context import HomeContext, Quiet, State
from detectors.parameters import numbers
from detectors.standing import Standing
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import DAY, HOUR, SECOND, Instant, Span
from domain.findings import EndReason, Evidence, Finding, FindingEvent, Level, Subject
from domain.readings import Flag, Reading, Vouch

NAME = "clock_wrong"
_CLAMPED, _UNSYNCED = int(Flag.CLAMPED), int(Flag.UNSYNCED)


class _Stamps:
    """What the flags of one gateway's readings say."""

    __slots__ = ("ahead", "begun", "first", "unset")

    def __init__(
        self, first: Instant = 0, ahead: int = 0, unset: Instant | None = None, begun: Instant | None = None
    ) -> None:
        self.first, self.ahead, self.unset, self.begun = first, ahead, unset, begun


class ClockWrong(Quiet):
    """Prompts about a gateway whose clock is wrong, and tells in the digest of one whose clock nobody sets.

    Three kinds of evidence: heartbeats that come one by one and all show the same wrong time (see detectors.clocks),
    readings from the future, and readings that no synchronised clock has dated. The first counts most: while it
    stands, the other two add nothing.
    """

    name = NAME

    def __init__(self, stamps: float = 5.0) -> None:
        self._enough = int(stamps)
        self._stamps: dict[str, _Stamps] = {}
        self._standing = Standing(NAME)
        self._why: dict[str, str] = {}
        """Gateway -> the word for the evidence of its finding."""

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured."""
        return self._standing.keep(context.vouched, context)

    # ---- readings ----------------------------------------------------------------------------------------------------

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        if not reading.flags and not self._stamps:
            return ()
        return self._note(reading, context)

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late: its flags are taken in, and raise nothing."""
        if reading.flags & _CLAMPED:
            self._note(reading, context, late=True)
        return ()

    def _note(self, reading: Reading, context: HomeContext, late: bool = False) -> Sequence[FindingEvent]:
        gateway, at = reading.gateway, reading.observed_at
        known = self._stamps.get(gateway)
        if known is None:
            if not reading.flags:
                return ()
            known = self._stamps[gateway] = _Stamps()
        if reading.flags & _CLAMPED:
            if not known.ahead or at - known.first > HOUR:
                known.first, known.ahead = at, 0
            known.ahead += 1
            known.begun = at
            if known.ahead >= self._enough and gateway not in self._standing and not late:
                return self._raise(gateway, "ahead", known.first, at, context)
        if not reading.flags & _UNSYNCED:
            known.unset = None
            return self._end(gateway, "unset", at, context)
        if known.unset is None:
            known.unset = at
        if at - known.unset >= DAY and gateway not in self._standing and not late:
            return self._raise(gateway, "unset", known.unset, at, context)
        return ()

    # ---- heartbeats --------------------------------------------------------------------------------------------------

    def vouched(self, vouch: Vouch, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.vouched."""
        gateway, since = vouch.gateway, context.clocks.wrong_since(vouch.gateway)
        if since is None:
            known = self._stamps.get(gateway)
            if known is not None and known.begun is not None and vouch.through - known.begun > HOUR:
                known.begun, known.ahead = None, 0
            ended = []
            if self._why.get(gateway) == "offset" and context.clocks.speaks_at(gateway) is None:
                ended = list(self._end(gateway, "offset", vouch.received_at, context))
            if known is not None and known.begun is None:
                ended += self._end(gateway, "ahead", vouch.through, context)
            return ended
        if self._why.get(gateway) == "offset":
            return ()
        replaced = self._standing.end(context, since + LASTS, EndReason.REPLACED, gateway)
        return [*replaced, *self._raise(gateway, "offset", since, since + LASTS, context)]

    # ---- what is said ------------------------------------------------------------------------------------------------

    def _raise(
        self, gateway: str, why: str, since: Instant, at: Instant, context: HomeContext
    ) -> Sequence[FindingEvent]:
        offset, local = context.clocks.offset(gateway) if why == "offset" else 0, context.local
        far = context.clocks.is_far(gateway)
        began_en, began_ja = moment_en(since, at, local), moment_ja(since, at, local)
        evidence: Evidence = {
            "gateway": gateway,
            "clock": why,
            "began": local.iso(since),
            "lasted_s": (at - since) // SECOND,
        }
        if why == "offset":
            evidence["clock_behind_s"] = offset // SECOND
        if why == "ahead":
            evidence["stamps_ahead"] = self._stamps[gateway].ahead
        finding = Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=self._standing.cause(gateway),
            subject=Subject.DEVICE, level=Level.DIGEST if why == "unset" else Level.PROMPT, onset=since, raised_at=at,
            evidence=evidence, text_en=_english(why, offset, far, began_en), text_ja=_japanese(why, offset, far, began_ja),
        )  # fmt: skip
        self._why[gateway] = why
        return [self._standing.begin(finding, gateway)]

    def _end(self, gateway: str, why: str, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """The finding that rests on ``why`` is over."""
        if self._why.get(gateway) != why:
            return ()
        del self._why[gateway]
        return self._standing.end(context, at, EndReason.ACTIVITY, gateway)

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "stamps": {g: [s.first, s.ahead, s.unset, s.begun] for g, s in sorted(self._stamps.items())},
            "standing": self._standing.snapshot(), "why": dict(sorted(self._why.items())),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._stamps = {gateway: _Stamps(*values) for gateway, values in state["stamps"].items()}
        self._standing.restore(state["standing"])
        self._why = dict(state["why"])


def _english(why: str, offset: Span, far: bool, began: str) -> str:
    if why == "unset":
        return (
            f"Nobody has set the gateway's clock since {began}; what it says is dated by our own. "
            "See whether it reaches a time server (NTP)."
        )
    if why == "ahead":
        return (
            f"Since {began} readings come from the future: the clock of the gateway or of a device is ahead. See to it."
        )
    if offset < 0:
        return f"The gateway's clock is {span_en(-offset)} ahead, since {began} at the latest; we date what it says. Set it."
    blind = " While it is so far behind nothing is known of this home." if far else ""
    return f"The gateway's clock is {span_en(offset)} behind, since {began} at the latest.{blind} Set it (NTP)."


def _japanese(why: str, offset: Span, far: bool, began: str) -> str:
    if why == "unset":
        return (
            f"{began}から機器(ゲートウェイ)の時計が合わせられていません。時刻はサーバーのもので代用しています。"
            "時刻サーバー(NTP)への接続を確認してください。"
        )
    if why == "ahead":
        return f"{began}から未来の時刻のデータが届いています。機器の時計が進んでいます。確認してください。"
    if offset < 0:
        return (
            f"機器(ゲートウェイ)の時計が{span_ja(-offset)}進んでいます(遅くとも{began}から)。"
            "時刻はサーバーのもので代用しています。時計を合わせてください。"
        )
    blind = "遅れが大きいため、その間お宅の様子は分かりません。" if far else ""
    return (
        f"機器(ゲートウェイ)の時計が{span_ja(offset)}遅れています(遅くとも{began}から)。{blind}"
        "時計を合わせてください(NTP)。"
    )


def build(settings: Mapping[str, Any]) -> ClockWrong:
    """A detector; ``stamps`` is how many readings from the future within an hour make a finding."""
    return ClockWrong(**numbers(NAME, settings, stamps=(5.0, 1, 1000)))
