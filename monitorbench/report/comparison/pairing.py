"""The difference between two estimates, paired by prompt where both reports name the prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitorbench.report.comparison.model import Shift
from monitorbench.report.model import CheckReport, Interval
from monitorbench.stats.estimators import Estimators

UNPAIRED = "estimates subtracted: no prompts are shared"
FIXED = "fixed by construction"


def shift(reference: CheckReport, other: CheckReport, *, sequential: bool = False) -> Shift | None:
    """The other estimate minus that of the reference; None where one is missing or their units differ.

    Prompts are paired by id. The interval is that of the mean of the differences of pairs, at a level of 0.9
    (`stats.bounded.bounded_mean`; of runs that looked while prompts came in, `stats.sequential.sequential_mean`).

    Args:
        reference: a check in the reference.
        other: the same check elsewhere.
        sequential: whether one of the runs stopped when its verdicts were clear.
    """
    if reference.estimate is None or other.estimate is None or reference.unit != other.unit:
        return None
    value = other.estimate - reference.estimate
    if is_fixed(reference) and is_fixed(other):
        return Shift(
            value=value, interval=Interval(low=value, high=value, level=1.0, method=FIXED), n=None, method=FIXED
        )
    differences = paired_differences(reference, other)
    if not differences:
        return Shift(value=value, interval=None, n=None, method=UNPAIRED)
    width = max(_width(reference), _width(other))
    found = Estimators(sequential=sequential).mean(differences, low=-width, high=width)
    interval = Interval(low=found.low, high=found.high, level=found.level, method=f"paired by prompt, {found.method}")
    return Shift(value=found.value, interval=interval, n=len(differences), method=interval.method)


def paired_differences(reference: CheckReport, other: CheckReport) -> list[float]:
    """The other value minus that of the reference, of every prompt that both checks hold by name, in the same range."""
    before, after = by_prompt(reference), by_prompt(other)
    ranges = [(held.get("low"), held.get("high")) for held in map(held_by_prompt, (reference, other))]
    if ranges[0] != ranges[1]:
        return []
    return [after[name] - value for name, value in before.items() if name in after]


def is_fixed(check: CheckReport) -> bool:
    """Whether the estimate holds by construction."""
    return check.interval is not None and check.interval.level == 1.0


def by_prompt(check: CheckReport) -> dict[str, float]:
    """What each prompt contributed, by prompt id; empty where the check does not say."""
    held = held_by_prompt(check)
    ids, values = held.get("ids"), held.get("values")
    low, high = held.get("low"), held.get("high")
    if not (isinstance(ids, list) and isinstance(values, list) and len(ids) == len(values)):
        return {}
    named = all(isinstance(each, str) for each in ids) and len(set(ids)) == len(ids)
    numbers = all(_is_number(each) for each in (*values, low, high))
    if not named or not numbers or not all(low <= value <= high for value in values):
        return {}
    return dict(zip(ids, values, strict=True))


def held_by_prompt(check: CheckReport) -> Mapping[str, Any]:
    """What the check says of its prompts; empty where that is nothing."""
    held = check.evidence.get("per_prompt")
    return held if isinstance(held, Mapping) else {}


def _width(check: CheckReport) -> float:
    return float(held_by_prompt(check)["high"] - held_by_prompt(check)["low"])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
