"""What a routine_drift finding says, in words that a care manager uses; the numbers stand in its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.kinds.routine_drift.day import DAY_SLOTS
from detectors.kinds.routine_drift.history import Change, Step
from detectors.words import moment_en, moment_ja
from domain.clock import Instant
from domain.ids import DeviceId
from domain.localtime import LocalTime

_EN = {
    "visits": "nights: {week} visits to the toilet a night this week, usually {usual}",
    "morning": "mornings (5-11 h): {week} of activity a day this week, usually {usual}",
    "afternoon": "afternoons (11-17 h): {week} of activity a day this week, usually {usual}",
    "evening": "evenings (17-23 h): {week} of activity a day this week, usually {usual}",
    "night": "nights (23-5 h): {week} of activity a night this week, usually {usual}",
    "out": "out of the home: {week} a day this week, usually {usual}",
    "rise": "up at about {week} this week, usually at {usual}",
    "bed": "to bed at about {week} this week, usually at {usual}",
    "room": "{room}: {week} of the day's activity this week, usually {usual}",
    "is": "the days resemble each other less (regularity {week}, usually {usual})",
    "iv": "activity and rest alternate more often (restlessness {week}, usually {usual})",
    "ra": "day and night differ less (contrast {week}, usually {usual})",
}
_JA = {
    "visits": "夜間のトイレは今週1晩{week}回(通常{usual}回)",
    "morning": "午前(5~11時)の活動は今週1日{week}(通常{usual})",
    "afternoon": "午後(11~17時)の活動は今週1日{week}(通常{usual})",
    "evening": "夕方から夜(17~23時)の活動は今週1日{week}(通常{usual})",
    "night": "深夜(23~5時)の活動は今週1晩{week}(通常{usual})",
    "out": "外出は今週1日{week}(通常{usual})",
    "rise": "起床は今週{week}ごろ(通常{usual})",
    "bed": "就寝は今週{week}ごろ(通常{usual})",
    "room": "{room}での活動は今週1日の{week}(通常{usual})",
    "is": "日ごとの生活の規則性が下がっています({week}、通常{usual})",
    "iv": "活動と休息の切り替わりが増えています({week}、通常{usual})",
    "ra": "昼と夜の活動の差が小さくなっています({week}、通常{usual})",
}
MOST_TOLD = 3


def _figure(feature: str, value: float, minutes: str) -> str:
    if feature in ("visits", "is", "iv", "ra"):
        return f"{value:g}"
    if feature.startswith("room:"):
        return f"{value / 10:.0f} %"
    if feature in ("rise", "bed"):
        minute = round(value * 5) % (DAY_SLOTS * 5)
        return f"{minute // 60:02d}:{minute % 60:02d}"
    return f"{round(value * 5)}{minutes}"


def _say(change: Change, rooms: Mapping[DeviceId, str], words: Mapping[str, str], minutes: str) -> str:
    feature = change.feature
    return words["room" if change.device is not None else feature].format(
        room=rooms.get(change.device, str(change.device)) if change.device is not None else "",
        week=_figure(feature, change.week, minutes), usual=_figure(feature, change.usual, minutes),
    )  # fmt: skip


def brief_en(change: Change, rooms: Mapping[DeviceId, str]) -> str:
    """One change, in English."""
    return _say(change, rooms, _EN, " min")


def told_en(changes: Sequence[Change], rooms: Mapping[DeviceId, str]) -> str:
    """English."""
    said = "; ".join(brief_en(change, rooms) for change in changes[:MOST_TOLD])
    more = len(changes) - MOST_TOLD
    return f"The routine has changed: {said}{f'; and {more} more' if more > 0 else ''}."


def told_ja(changes: Sequence[Change], rooms: Mapping[DeviceId, str]) -> str:
    """Japanese."""
    said = "。".join(_say(change, rooms, _JA, "分") for change in changes[:MOST_TOLD])
    more = len(changes) - MOST_TOLD
    return f"生活リズムの変化:{said}{f'。ほか{more}件' if more > 0 else ''}。"


def step_en(step: Step, room: str | None, began: Instant, at: Instant, local: LocalTime) -> str:
    """English, for a sensor that sees another home than before."""
    return (
        f"Since {moment_en(began, at, local)} the sensor {step.device} ({room or 'no room'}) has seen activity for "
        f"{round(step.now * 5)} min a day, before for {round(step.usual * 5)} min, while the others see what they did: it may "
        "hang elsewhere, something may stand before it, or the room is used otherwise. This home is learnt anew from there."
    )


def step_ja(step: Step, room: str | None, began: Instant, at: Instant, local: LocalTime) -> str:
    """Japanese."""
    return (
        f"{moment_ja(began, at, local)}から、センサー{step.device}({room or '部屋未設定'})の検知が1日{round(step.now * 5)}分"
        f"(以前は{round(step.usual * 5)}分)に変わりました。ほかのセンサーは以前どおりです。取り付け位置や遮るもの、"
        "部屋の使い方の変化を確認してください。以後の生活を新たに学習します。"
    )
