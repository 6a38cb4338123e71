"""Which side is worse, how much worse is tolerated, and what a difference says of that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from monitorbench.report.comparison.model import Shift, Standing
from monitorbench.report.model import Bound, Report

Side = Literal[1, -1]
"""1 where larger is worse, -1 where smaller is."""

_RELATIVE_NOISE, _NOISE = 1e-9, 1e-12


def worse_side(bound: Bound | None) -> Side | None:
    """Which side of an estimate is worse, by what the suite demands of it; None where it demands both or nothing."""
    if bound is None or (bound.min is None) == (bound.max is None):
        return None
    return 1 if bound.min is None else -1


def standing(found: Shift | None, side: Side | None, tolerance: float | None) -> Standing:
    """Worse if the whole interval is worse by more than the tolerance, and better likewise; within it likewise.

    What differs from the tolerance by rounding alone is within it.
    """
    if found is None or found.interval is None or tolerance is None or side is None:
        return Standing.OPEN
    low, high = sorted((side * found.interval.low, side * found.interval.high))
    if _exceeds(low, tolerance):
        return Standing.WORSE
    if _exceeds(-high, tolerance):
        return Standing.BETTER
    return Standing.OPEN if _exceeds(high, tolerance) else Standing.WITHIN


def tolerance_of(given: object, estimate: float | None) -> float | None:
    """The larger of the absolute tolerance and of the relative one times the reference; None if there is none.

    Args:
        given: what a suite says under `tolerance`, a mapping of `abs` and `rel`.
        estimate: the reference.
    """
    if not isinstance(given, Mapping):
        return None
    absolute, relative = (
        float(each) if isinstance(each, int | float) else 0.0 for each in map(given.get, ("abs", "rel"))
    )
    return max(absolute, relative * abs(estimate or 0.0))


def declared(name: str, report: Report) -> Mapping[str, Any]:
    """What the suite of a report says of the check of this id; empty where it says nothing."""
    checks = report.suite.get("checks")
    listed = checks if isinstance(checks, list | tuple) else ()
    return next((each for each in listed if isinstance(each, Mapping) and each.get("id") == name), {})


def looked_at_early(report: Report) -> bool:
    """Whether a run looked at its prompts as they came in, so that its bounds hold at any moment."""
    sampling = report.suite.get("sampling", {})
    return bool(sampling.get("sequential")) if isinstance(sampling, Mapping) else False


def _exceeds(value: float, tolerance: float) -> bool:
    return value > tolerance and not math.isclose(value, tolerance, rel_tol=_RELATIVE_NOISE, abs_tol=_NOISE)
