"""What a finding about somebody who has not come back says, in words; the numbers stand in its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from detectors.kinds.not_returned.absences import ENOUGH, PARTS
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import Instant, Span
from domain.localtime import LocalTime

_PARTS_JA = ("午前", "午後", "夕方以降")


@dataclass(frozen=True, slots=True)
class Absence:
    """The facts of one absence at the moment of its deadline."""

    since: Instant
    at: Instant
    expected: Instant | None
    part: int
    """Of the day, in which it began: an index into PARTS."""
    comparable: int
    """Absences of an hour or more of the last three months that began in that part of the day."""
    longest: Span
    """The longest of them."""
    longest_ever: Span
    """The longest of the last three months."""
    paged: bool


def en(a: Absence, local: LocalTime) -> str:
    """English."""
    gone = span_en(a.at - a.since)
    if a.expected is not None:
        until = moment_en(a.expected, a.at, local)
        said = f"Was expected back by {until}, and no sign of life has been seen since: ask the family."
        return f"{said} Nobody has been seen for {gone}." if a.paged else said
    said = f"Went out at {moment_en(a.since, a.at, local)} and has not been back for {gone}: ask the family."
    if a.paged:
        return f"{said} The longest absence of the last three months was {span_en(a.longest_ever)}."
    if a.comparable >= ENOUGH:
        said += (
            f" In the last three months {a.comparable} absences began in the {PARTS[a.part]}; "
            f"the longest lasted {span_en(a.longest)}."
        )
    return said


def ja(a: Absence, local: LocalTime) -> str:
    """Japanese."""
    gone = span_ja(a.at - a.since)
    if a.expected is not None:
        until = moment_ja(a.expected, a.at, local)
        said = f"{until}までに帰宅の予定でしたが、その後動きがありません。ご家族に確認してください。"
        return f"{said}{gone}、どなたの動きもありません。" if a.paged else said
    said = f"{moment_ja(a.since, a.at, local)}に外出し、{gone}戻っていません。ご家族に確認してください。"
    if a.paged:
        return f"{said}過去3か月で最も長い外出は{span_ja(a.longest_ever)}でした。"
    if a.comparable >= ENOUGH:
        said += f"過去3か月、{_PARTS_JA[a.part]}に始まった外出は{a.comparable}回で、最長{span_ja(a.longest)}です。"
    return said
