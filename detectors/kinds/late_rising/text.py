"""What a late_rising finding says, in words; the numbers stand in its evidence."""

from __future__ import annotations

from detectors.evidence.life import Sign
from detectors.kinds.late_rising.mornings import Expected
from detectors.words import moment_en, moment_ja
from domain.clock import Instant
from domain.localtime import LocalTime


def clock(minute: int) -> str:
    """Minutes after midnight as ``HH:MM``."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def asked_en(expected: Expected, at: Instant, signs: int, last: Sign, local: LocalTime) -> str:
    """English."""
    said = f"Not up yet at {local.hhmm(at)}."
    if expected.mornings:
        days = "free days" if expected.free else "working days"
        said += (
            f" On the last {expected.mornings} {days} on which it could be seen, the resident was usually up by "
            f"{clock(expected.usual)} and at the latest by {clock(expected.latest)}."
        )
    else:
        said += " Little is known of this home's mornings yet."
    seen = "no sign of life" if not signs else "only 1 sign of life" if signs == 1 else f"only {signs} signs of life"
    where = f", in: {last.room}" if last.room else ""
    said += f" This morning there was {seen}" if signs < 2 else f" This morning there were {seen}"
    return f"{said}; the last one was at {moment_en(last.at, at, local)}{where}. Ask the resident."


def asked_ja(expected: Expected, at: Instant, signs: int, last: Sign, local: LocalTime) -> str:
    """Japanese."""
    said = f"{local.hhmm(at)}になっても起床が確認できません。"
    if expected.mornings:
        days = "休日" if expected.free else "平日"
        said += (
            f"確認できた直近{expected.mornings}回の{days}の朝は、通常{clock(expected.usual)}ごろ、"
            f"遅くとも{clock(expected.latest)}には起きていました。"
        )
    else:
        said += "このお宅の朝の習慣はまだ学習中です。"
    seen = f"今朝の動きは{signs}回だけで、" if signs else "今朝は動きがなく、"
    where = f"({last.room})" if last.room else ""
    return f"{said}{seen}最後の動きは{moment_ja(last.at, at, local)}{where}です。声をかけてください。"
