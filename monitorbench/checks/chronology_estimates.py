"""From the chronology scores of prompts to estimates with intervals, of one task and over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from monitorbench.checks.chronology_scales import RANGES
from monitorbench.checks.chronology_values import Measured
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import Estimate
from monitorbench.stats.macro import macro_mean


def estimate_of(metric: str, found: Measured, fixed: Mapping[str, float], estimators: Estimators) -> Estimate | None:
    """The score over the prompts of one task; None where no prompt has one, or its interval would have no end.

    Args:
        metric: its name.
        found: its values by prompt.
        fixed: what holds by construction; such a score is judged as it was measured, without an interval.
        estimators: what sampled scores are estimated by.
    """
    if not found.values:
        return None
    if metric in fixed:
        return Estimate.fixed(sum(found.values) / found.n, n=found.n)
    if found.per is not None:
        return _ratio(found.values, found.per, estimators)
    low, high = RANGES[metric]
    return estimators.mean(found.values, low=low, high=high)


def over_tasks(estimates: Sequence[Estimate | None]) -> Estimate | None:
    """The mean over tasks, each of the same weight; None where a task has no estimate: a mean over the others would be
    about other tasks.
    """
    known = [estimate for estimate in estimates if estimate is not None]
    return macro_mean(known) if known and len(known) == len(estimates) else None


def over_all(estimates: Mapping[Any, Mapping[str, Estimate | None]]) -> dict[str, Estimate | None]:
    """Every score over all tasks; that of a single task as it is."""
    first, *others = estimates.values()
    return {name: over_tasks([each[name] for each in (first, *others)]) if others else first[name] for name in first}


def as_json(found: Measured, estimate: Estimate | None) -> dict[str, Any]:
    """A score as a report holds it."""
    if estimate is None:
        return {"value": None, "n": 0, "null": found.null, "dropped": dict(found.dropped)}
    return {**estimate_json(estimate), "null": found.null, "dropped": dict(found.dropped)}


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """An estimate as a report holds it."""
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "method": estimate.method}
    return {**ends, "n": estimate.n}


def _ratio(values: Sequence[float], per: Sequence[float], estimators: Estimators) -> Estimate | None:
    """mean(values) / mean(per), both in [0, 1]: one minus the recovery of a drop of `values` from a drop of `per`."""
    whole_N = np.ones(len(values))
    lost = estimators.recovery(whole_N, whole_N - np.asarray(values), whole_N - np.asarray(per))
    if lost is None:
        return None
    return replace(lost, value=1.0 - lost.value, low=max(0.0, 1.0 - lost.high), high=1.0 - lost.low)
