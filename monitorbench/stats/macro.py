"""The mean over tasks: every task weighs the same, however many prompts it has."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitorbench.stats.interval import Estimate

FIXED = 1.0
"""Level of an estimate that holds by construction."""


def macro_mean(estimates: Sequence[Estimate]) -> Estimate:
    """The unweighted mean of one estimate per task, with an interval from theirs; `n` is prompts of all tasks together.

    Tasks are independent samples of prompts, each with an interval of its own, mostly a bootstrap. Their distances from
    the estimates add up like standard errors, each end by itself (MOVER: Zou and Donner, Statistics in Medicine 27
    (2008) 1693). Drawing from all bootstraps at once comes to the same where every task has spread, but takes a task
    without any for a certainty; its exact interval is kept here.

    Raises:
        ValueError: if there is no estimate, or two that are not fixed by construction differ in level.
    """
    levels = sorted({estimate.level for estimate in estimates if estimate.level != FIXED})
    if not estimates or len(levels) > 1:
        raise ValueError(f"expected estimates of one level, got {len(estimates)} of the levels {levels}")
    tasks, n = len(estimates), sum(estimate.n for estimate in estimates)
    value = sum(estimate.value for estimate in estimates) / tasks
    if not levels:
        return Estimate.fixed(value, n=n)
    below = math.hypot(*(estimate.value - estimate.low for estimate in estimates)) / tasks
    above = math.hypot(*(estimate.high - estimate.value for estimate in estimates)) / tasks
    # Spread of one prompt such that sd^2 / n is the variance of the mean, were prompts added to all tasks alike.
    variance = sum(estimate.sd**2 / estimate.n for estimate in estimates if estimate.sd > 0.0) / tasks**2
    return Estimate(
        value=value,
        low=value - below,
        high=value + above,
        level=levels[0],
        n=n,
        sd=math.sqrt(variance * n),
        method="mean over tasks of: " + ", ".join(sorted({estimate.method for estimate in estimates})),
    )
