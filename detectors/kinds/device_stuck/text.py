"""What a finding about a stuck sensor says, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detectors.kinds.device_stuck.habits import Habit
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import SECOND, Instant
from domain.findings import Evidence
from domain.localtime import LocalTime
from domain.readings import Device, Quantity


class Fault(StrEnum):
    """What cannot be so."""

    WITHOUT_END = "without_end"
    """It has fired hour after hour, also at hours at which it hardly ever does."""
    LIKE_A_MACHINE = "like_a_machine"
    """It fires at one and the same distance, hour after hour."""
    TOO_OFTEN = "too_often"
    """It fires several times as often as in its busiest hour, hour after hour."""
    STAYS_ON = "stays_on"
    """It says that the door is open, or that somebody is there, for far longer than it ever did."""
    FLAT = "flat"
    """It measures the same to the last bit."""
    SEES_NOTHING = "sees_nothing"
    """It is there, others see somebody live in the home, and it does not."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one device."""

    fault: Fault
    device: Device
    since: Instant
    at: Instant
    habit: Habit | None
    value: float | None


def evidence(trouble: Trouble, local: LocalTime) -> Evidence:
    """The numbers."""
    device, habit = trouble.device, trouble.habit
    found: Evidence = {
        "device": device.id, "device_kind": device.kind.value, "fault": trouble.fault.value,
        "began": local.iso(trouble.since), "lasted_s": (trouble.at - trouble.since) // SECOND,
    }  # fmt: skip
    if trouble.value is not None:
        found["temperature_c"] = trouble.value
    if habit is not None:
        found |= {"most_per_hour": habit.high, "learnt_days": habit.hours // 24}
        if trouble.fault is Fault.STAYS_ON:
            found["usual_longest_s"] = habit.on_high // SECOND
        if trouble.fault is Fault.LIKE_A_MACHINE:
            found["every_s"] = round(habit.same_gap / SECOND, 1)
        if trouble.fault is Fault.SEES_NOTHING:
            found |= {
                "lived_hours": habit.gap,
                "usual_lived_hours": habit.gap_high,
                "expected": round(habit.missed(), 1),
            }
    return found


def english(trouble: Trouble, local: LocalTime) -> str:
    """The finding's text in English."""
    device, habit = trouble.device, trouble.habit
    where = f" in {device.room}" if device.room else ""
    since, lasted = moment_en(trouble.since, trouble.at, local), span_en(trouble.at - trouble.since)
    what = f"The {device.kind.value} sensor {device.id}{where}"
    unreal = "Until it is mended what it says counts for nothing: see to it."
    match trouble.fault:
        case Fault.WITHOUT_END:
            return (
                f"{what} has fired hour after hour since {since}, for {lasted}, also when it hardly ever does. {unreal}"
            )
        case Fault.LIKE_A_MACHINE:
            every = habit.same_gap / SECOND if habit else 0.0
            return f"{what} has fired every {every:.0f} s since {since}, like a machine. {unreal}"
        case Fault.TOO_OFTEN:
            most = habit.high if habit else 0
            return f"{what} has fired far too often since {since}; its busiest hour had {most} movements. {unreal}"
        case Fault.STAYS_ON:
            says = "the door is open" if device.kind is Quantity.DOOR else "somebody is there"
            return f"{what} has said since {since}, for {lasted}, that {says}: see whether it is stuck."
        case Fault.FLAT:
            return (
                f"{what} has measured {trouble.value:g} °C since {since}, for {lasted}, without any change: see to it."
            )
        case Fault.SEES_NOTHING:
            hours = habit.gap if habit else 0
            return (
                f"{what} has seen nothing since {since}, although others saw somebody in {hours} hours of that time: "
                "see whether it is covered, moved or broken."
            )


def japanese(trouble: Trouble, local: LocalTime) -> str:
    """The finding's text in Japanese."""
    device, habit = trouble.device, trouble.habit
    where = f"({device.room})" if device.room else ""
    since, lasted = moment_ja(trouble.since, trouble.at, local), span_ja(trouble.at - trouble.since)
    what = f"センサー「{device.id}」{where}"
    unreal = "直るまで、このセンサーの反応は生活の様子として扱いません。点検してください。"
    match trouble.fault:
        case Fault.WITHOUT_END:
            return f"{what}が{since}から{lasted}、普段ほとんど反応しない時間帯も含めて反応し続けています。{unreal}"
        case Fault.LIKE_A_MACHINE:
            every = habit.same_gap / SECOND if habit else 0.0
            return f"{what}が{since}から{every:.0f}秒ごとに機械的に反応しています。{unreal}"
        case Fault.TOO_OFTEN:
            most = habit.high if habit else 0
            return f"{what}の反応が{since}から異常に多くなっています(これまでの最多は1時間に{most}回)。{unreal}"
        case Fault.STAYS_ON:
            says = "扉が開いている" if device.kind is Quantity.DOOR else "人がいる"
            return f"{what}が{since}から{lasted}、「{says}」と示し続けています。故障していないか確認してください。"
        case Fault.FLAT:
            return (
                f"{what}の温度が{since}から{lasted}、{trouble.value:g}℃のまま全く変化していません。点検してください。"
            )
        case Fault.SEES_NOTHING:
            hours = habit.gap if habit else 0
            return (
                f"{what}が{since}から反応していません。その間、ほかのセンサーは{hours}時間分の生活の動きを捉えています。"
                "覆われていないか、位置がずれていないか、故障していないかを確認してください。"
            )
