"""The mean of values that cannot leave a known range, such as rates in [0, 1] and order scores in [-1, 1].

Shape suffixes: N prompts.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import betaincinv, rel_entr

from monitorbench.stats.bootstrap import RESAMPLES, bootstrap_interval, is_sparse, mean_of
from monitorbench.stats.interval import LEVEL, Estimate, checked, checked_level, smoothed_sd


def bounded_mean(
    values_N: ArrayLike,
    *,
    low: float = 0.0,
    high: float = 1.0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """The mean over prompts, with an interval that never has zero width.

    Values that lie at the two bounds only get the exact binomial interval; others a bootstrap over prompts, unless
    fewer than ten prompts depart from the commonest value: then the Chernoff-Hoeffding bound, valid for any n.

    Args:
        values_N: one value in [low, high] per prompt, averaged over its seeds.
        low: least possible value.
        high: largest possible value.
        level: two-sided confidence level.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        ValueError: if there is no prompt, or a value lies outside [low, high].
    """
    alpha = checked_level(level)
    array_N = checked(values_N, low=low, high=high, name="values")
    n, value = array_N.size, float(array_N.mean())
    unit_N = (array_N - low) / (high - low)
    if np.all((unit_N == 0.0) | (unit_N == 1.0)):
        ends, method = clopper_pearson(int(unit_N.sum()), n=n, alpha=alpha), "Clopper-Pearson"
    elif is_sparse(array_N):
        ends, method = chernoff_hoeffding(float(unit_N.mean()), n=n, alpha=alpha), "Chernoff-Hoeffding"
    else:
        ends = bootstrap_interval(unit_N[:, None], mean_of, level=level, resamples=resamples, seed=seed)
        method = "BCa bootstrap over prompts"
    lower, upper = (low + (high - low) * end for end in ends)
    sd = smoothed_sd(array_N, low=low, high=high)
    return Estimate(value=value, low=min(lower, value), high=max(upper, value), level=level, n=n, sd=sd, method=method)


def clopper_pearson(count: int, *, n: int, alpha: float) -> tuple[float, float]:
    """Exact bounds of a proportion, each one-sided at `alpha`: Clopper and Pearson, Biometrika 26 (1934) 404."""
    low = float(betaincinv(count, n - count + 1, alpha)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, n - count, 1.0 - alpha)) if count < n else 1.0
    return low, high


def chernoff_hoeffding(mean: float, *, n: int, alpha: float) -> tuple[float, float]:
    """Bounds of the expectation of values in [0, 1], each one-sided at `alpha`, whatever their distribution.

    Inverts P(mean of n >= x) <= exp(-n KL(x, mu)): Hoeffding, JASA 58 (1963) 13, theorem 1. At a mean of 0 or 1 it
    equals the exact binomial bound.
    """
    budget = math.log(1.0 / alpha) / n

    def excess(mu: float) -> float:
        return float(rel_entr(mean, mu) + rel_entr(1.0 - mean, 1.0 - mu)) - budget

    tiny = 1e-15
    low = brentq(excess, tiny, mean) if mean > tiny and excess(tiny) > 0 > excess(mean) else 0.0
    high = brentq(excess, mean, 1.0 - tiny) if mean < 1.0 - tiny and excess(1.0 - tiny) > 0 > excess(mean) else 1.0
    return float(low), float(high)
