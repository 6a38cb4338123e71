"""From an estimate and what the suite demands of it to a decision.

"No larger than X" is a non-inferiority claim: a difference that is not significant is no evidence of no difference
(Altman and Bland, BMJ 311 (1995) 485), so a claim passes only when its whole interval keeps it.
"""

from __future__ import annotations

import math
from enum import StrEnum

from monitorbench.stats.interval import Estimate


class Decision(StrEnum):
    """What an interval says about a demand."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


def judge_range(estimate: Estimate, *, minimum: float | None = None, maximum: float | None = None) -> Decision:
    """Pass when the interval lies inside [minimum, maximum], fail when it lies wholly outside, else inconclusive.

    The bounds belong to the range: a value fixed by construction that equals a bound passes. Each decision errs at
    most at `estimate.alpha`, also with both bounds (an intersection-union test).

    Raises:
        ValueError: if neither bound is given, or the minimum exceeds the maximum.
    """
    if minimum is None and maximum is None:
        raise ValueError("a range needs a minimum or a maximum")
    least = -math.inf if minimum is None else minimum
    most = math.inf if maximum is None else maximum
    if least > most:
        raise ValueError(f"the minimum {least:g} exceeds the maximum {most:g}")
    if least <= estimate.low and estimate.high <= most:
        return Decision.PASS
    if estimate.high < least or estimate.low > most:
        return Decision.FAIL
    return Decision.INCONCLUSIVE


def judge_drop(drop: Estimate, *, max_drop: float) -> Decision:
    """Pass when the drop's upper bound is within `max_drop`, fail when its lower bound is above, else inconclusive."""
    return judge_range(drop, maximum=max_drop)
