"""What an inactivity finding says, in words; the numbers stand in its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from detectors.kinds.inactivity.line import ENOUGH_DAYS
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import Instant, Span
from domain.localtime import LocalTime


@dataclass(frozen=True, slots=True)
class Silence:
    """The facts of one silence at the moment of its deadline."""

    since: Instant
    at: Instant
    room: str | None
    limit: Span
    """How long it may last before somebody is paged."""
    blind: Span
    comparable: int
    """Silences of the last 28 days that began around this hour."""
    longer: int
    """How many of them were longer than this one is now."""
    longest: Span
    """The longest of them."""
    learnt_days: int
    survival: float
    """The part of such silences that lasts so long, by this home's habits."""
    last_exit: Instant | None
    alive: int
    """Devices that report."""
    devices: int
    """Devices of the home."""
    hidden: tuple[str, ...] = ()
    """Silent devices that hide part of the home."""
    not_before: Instant | None = None
    """When this could be known at the earliest, where that is later than the limit."""
    reached: bool = False
    """The last sign of life is that somebody had word of the resident."""

    @property
    def compared_days(self) -> int:
        """Over how many days the silences are compared."""
        return max(1, min(28, self.learnt_days))

    @property
    def length(self) -> Span:
        """How long it has lasted."""
        return self.at - self.since


def page_en(s: Silence, local: LocalTime) -> str:
    """English."""
    return _silence_en(s, local) + _compared_en(s) + _end_en(s, local)


def page_ja(s: Silence, local: LocalTime) -> str:
    """Japanese."""
    return _silence_ja(s, local) + _compared_ja(s) + _end_ja(s, local)


def prompt_en(s: Silence, local: LocalTime) -> str:
    """English, for a silence after which the resident is asked."""
    due = moment_en(s.since + s.limit, s.at, local)
    asked = f" Ask the resident; without a sign of life this becomes a page at {due}."
    return _silence_en(s, local) + asked + _compared_en(s) + _end_en(s, local)


def prompt_ja(s: Silence, local: LocalTime) -> str:
    """Japanese."""
    due = moment_ja(s.since + s.limit, s.at, local)
    asked = f"ご本人に声をかけてください。このまま動きがなければ{due}に緊急の通知になります。"
    return _silence_ja(s, local) + asked + _compared_ja(s) + _end_ja(s, local)


def _silence_en(s: Silence, local: LocalTime) -> str:
    where = ", when somebody reached the resident" if s.reached else f", in: {s.room}" if s.room else ""
    said = f"No sign of life for {span_en(s.length)}; the last was at {moment_en(s.since, s.at, local)}{where}."
    if s.blind:
        said += f" For {span_en(s.blind)} of it nothing could be seen."
    if s.not_before is not None:
        said += f" We could not have noticed before {moment_en(s.not_before, s.not_before, local)}."
    if s.hidden:
        said += f" Silent sensors hide part of the home: {', '.join(s.hidden)}."
    return said


def _silence_ja(s: Silence, local: LocalTime) -> str:
    where = "(ご本人と連絡がとれた時刻)" if s.reached else f"({s.room})" if s.room else ""
    said = f"{moment_ja(s.since, s.at, local)}{where}を最後に{span_ja(s.length)}、動きがありません。"
    if s.blind:
        said += f"うち{span_ja(s.blind)}は確認できませんでした。"
    if s.not_before is not None:
        said += f"{moment_ja(s.not_before, s.not_before, local)}より前に気づくことはできませんでした。"
    if s.hidden:
        said += f"通信のないセンサー({'、'.join(s.hidden)})があり、一部の部屋は確認できません。"
    return said


def _compared_en(s: Silence) -> str:
    if s.comparable:
        silences = "1 silence" if s.comparable == 1 else f"{s.comparable} silences"
        return (
            f" {_days_en(s)} {silences} of 10 minutes or more began around this hour; "
            f"{s.longer or 'none'} lasted longer, the longest {span_en(s.longest)}."
        )
    if s.learnt_days >= ENOUGH_DAYS:
        return f" {_days_en(s)} no silence of 10 minutes or more began around this hour."
    return " Little is known of this home's habits yet: it is judged by other homes."


def _days_en(s: Silence) -> str:
    return "In the last day" if s.compared_days == 1 else f"In the last {s.compared_days} days"


def _compared_ja(s: Silence) -> str:
    if s.comparable:
        longer = f"これより長いものは{s.longer}回" if s.longer else "これより長いものはありません"
        return (
            f"過去{s.compared_days}日、この時間帯に始まった10分以上の無活動は{s.comparable}回で、"
            f"{longer}(最長{span_ja(s.longest)})。"
        )
    if s.learnt_days >= ENOUGH_DAYS:
        return f"過去{s.compared_days}日、この時間帯に10分以上動きがなかったことはありません。"
    return "このお宅の生活習慣はまだ学習中のため、他のお宅の記録を基準にしています。"


def _end_en(s: Silence, local: LocalTime) -> str:
    said = "" if s.last_exit is None else f" The outer door last moved at {moment_en(s.last_exit, s.at, local)}."
    return said + f" {s.alive} of {s.devices} sensors report."


def _end_ja(s: Silence, local: LocalTime) -> str:
    said = "" if s.last_exit is None else f"玄関の最後の開閉は{moment_ja(s.last_exit, s.at, local)}。"
    return said + f"センサー{s.devices}台中{s.alive}台が通信中。"


def unknown_en(s: Silence, local: LocalTime) -> str:
    """English, for a deadline that passed while the home, or the rooms that matter, could not be seen."""
    began = (
        f"Cannot say how the resident is: the last sign of life was at {moment_en(s.since, s.at, local)}, "
        f"{span_en(s.length)} ago"
    )
    if s.blind:
        return f"{began}, and for {span_en(s.blind)} of that nothing could be seen."
    return f"{began}, and silent sensors hide part of the home: {', '.join(s.hidden)}."


def unknown_ja(s: Silence, local: LocalTime) -> str:
    """Japanese."""
    began = f"様子が分かりません。最後の動きは{moment_ja(s.since, s.at, local)}({span_ja(s.length)}前)で、"
    if s.blind:
        return f"{began}うち{span_ja(s.blind)}は確認できませんでした。"
    return f"{began}通信のないセンサー({'、'.join(s.hidden)})があり、一部の部屋は確認できません。"
