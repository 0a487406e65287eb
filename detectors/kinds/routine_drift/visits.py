"""Counts of visits as a negative binomial: how unlikely so many are, where nights differ more than by pure chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

_PRIOR_MEAN, _PRIOR_NIGHTS = 1.0, 2.0
"""What is assumed before nights are known, and what that weighs."""


def tail(total: int, nights: int, past: Sequence[int]) -> float:
    """The chance that ``nights`` nights like the ``past`` ones hold ``total`` visits or more, 0 to 1.

    The mean m and the variance v of the past give a negative binomial of size r = m^2 / (v - m) for each night, and of size
    r x nights for all of them; where v does not exceed m by a tenth at least, it is taken to (Poisson, nearly).
    """
    if total <= 0:
        return 1.0
    known = len(past)
    mean = (sum(past) + _PRIOR_MEAN * _PRIOR_NIGHTS) / (known + _PRIOR_NIGHTS)
    variance = sum((count - mean) ** 2 for count in past) / known if known else mean
    size = mean * mean / max(variance - mean, 0.1 * mean) * nights
    success = size / (size + mean * nights)
    # P(X = 0), then each from the one before: P(k + 1) = P(k) (size + k) / (k + 1) (1 - success).
    chance = math.exp(size * math.log(success))
    below = 0.0
    for count in range(total):
        below += chance
        chance *= (size + count) / (count + 1) * (1 - success)
    return max(0.0, 1.0 - below)
