"""The circadian measures of a week of hourly activity: how alike its days are, how broken up, how far day and night differ.

IS (interdaily stability) and IV (intradaily variability): Witting, Kwa, Eikelenboom, Mirmiran and Swaab, "Alterations in
the circadian rest-activity rhythm in aging and Alzheimer's disease", Biological Psychiatry 27, 563-572, 1990. RA
(relative amplitude) with M10 and L5: Van Someren, Swaab, Colenda, Cohen, McCall and Rosenquist, "Bright light therapy:
improved sensitivity to its effects on rest-activity rhythms in Alzheimer patients by application of nonparametric
methods", Chronobiology International 16, 505-518, 1999.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

HOURS = 24
MOST_ACTIVE, LEAST_ACTIVE = 10, 5


def stability(days: Sequence[Sequence[int]]) -> float:
    """IS, 0 (noise) to 1 (each day like the other); 0 for days without activity.

    The variance of the mean day about the grand mean, over the variance of all hours about it:
    n sum_h (mean_h - mean)^2 / (24 sum_i (x_i - mean)^2).
    """
    hours = [count for day in days for count in day]
    mean = sum(hours) / len(hours)
    total = sum((count - mean) ** 2 for count in hours)
    if total == 0:
        return 0.0
    profile = [sum(day[hour] for day in days) / len(days) for hour in range(HOURS)]
    return len(hours) * sum((count - mean) ** 2 for count in profile) / (HOURS * total)


def variability(days: Sequence[Sequence[int]]) -> float:
    """IV, near 0 for a smooth wave, about 2 for noise: how often activity and rest follow each other within days.

    The mean square of the differences from hour to hour over the variance:
    n sum_i (x_i - x_(i-1))^2 / ((n - 1) sum_i (x_i - mean)^2). Differences are taken within each day, because days
    between them may have been left out.
    """
    hours = [count for day in days for count in day]
    mean = sum(hours) / len(hours)
    total = sum((count - mean) ** 2 for count in hours)
    if total == 0:
        return 0.0
    steps = [(b - a) ** 2 for day in days for a, b in pairwise(day)]
    return len(hours) * sum(steps) / (len(steps) * total)


def amplitude(days: Sequence[Sequence[int]]) -> float:
    """RA = (M10 - L5) / (M10 + L5), 0 to 1, of the mean day.

    M10 is the mean of the ten successive hours that hold the most, L5 that of the five that hold the least; the day is a
    ring.
    """
    profile = [sum(day[hour] for day in days) / len(days) for hour in range(HOURS)]
    most = max(_mean_from(profile, start, MOST_ACTIVE) for start in range(HOURS))
    least = min(_mean_from(profile, start, LEAST_ACTIVE) for start in range(HOURS))
    return (most - least) / (most + least) if most + least > 0 else 0.0


def _mean_from(profile: Sequence[float], start: int, hours: int) -> float:
    return sum(profile[(start + hour) % HOURS] for hour in range(hours)) / hours
