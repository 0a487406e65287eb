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
    blind: Span
    comparable: int
    """Silences of the last 28 days that began around this hour."""
    longer: int
    """How many of them were longer than this one is now."""
    longest: Span
    """The longest of them."""
    learnt_days: int
    last_exit: Instant | None
    hidden: tuple[str, ...] = ()
    """Silent devices that hide part of the home."""

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
    where = f", in: {s.room}" if s.room else ""
    said = f"No sign of life for {span_en(s.length)}; the last was at {moment_en(s.since, s.at, local)}{where}."
    if s.blind:
        said += f" For {span_en(s.blind)} of it nothing could be seen."
    if s.hidden:
        said += f" Silent sensors hide part of the home: {', '.join(s.hidden)}."
    if s.comparable:
        silences = "1 silence" if s.comparable == 1 else f"{s.comparable} silences"
        said += (
            f" In the last {s.compared_days} days {silences} of 10 minutes or more began around this hour; "
            f"{s.longer or 'none'} lasted longer, the longest {span_en(s.longest)}."
        )
    elif s.learnt_days >= ENOUGH_DAYS:
        said += f" In the last {s.compared_days} days no silence of 10 minutes or more began around this hour."
    else:
        said += " Little is known of this home's habits yet."
    if s.last_exit is not None:
        said += f" The outer door last moved at {moment_en(s.last_exit, s.at, local)}."
    return said


def page_ja(s: Silence, local: LocalTime) -> str:
    """Japanese."""
    where = f"({s.room})" if s.room else ""
    said = f"{moment_ja(s.since, s.at, local)}{where}を最後に{span_ja(s.length)}、動きがありません。"
    if s.blind:
        said += f"うち{span_ja(s.blind)}は確認できませんでした。"
    if s.hidden:
        said += f"通信のないセンサー({'、'.join(s.hidden)})があり、一部の部屋は確認できません。"
    if s.comparable:
        longer = f"これより長いものは{s.longer}回" if s.longer else "これより長いものはありません"
        said += (
            f"過去{s.compared_days}日、この時間帯に始まった10分以上の無活動は{s.comparable}回で、"
            f"{longer}(最長{span_ja(s.longest)})。"
        )
    elif s.learnt_days >= ENOUGH_DAYS:
        said += f"過去{s.compared_days}日、この時間帯に10分以上動きがなかったことはありません。"
    else:
        said += "このお宅の生活習慣はまだ学習中です。"
    if s.last_exit is not None:
        said += f"玄関の最後の開閉は{moment_ja(s.last_exit, s.at, local)}。"
    return said


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
