"""Bounds of a mean that hold at every moment at once, so that a run may look after every prompt and stop.

Shape suffixes: N prompts in the order in which they ran, R runs, B bets, M hypothesised means.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitorbench.stats.interval import LEVEL, Estimate, checked, checked_level, smoothed_sd

# Small bets pay for small differences and long runs, large ones for short runs; wider apart, each is worth less.
BETS = tuple(float(bet) for bet in np.geomspace(0.05, 0.95, 14))
_GRID = 500


def sequential_mean(values_N: ArrayLike, *, low: float = -1.0, high: float = 1.0, level: float = LEVEL) -> Estimate:
    """The mean of bounded values after any number of prompts, looked at as often as one likes.

    Args:
        values_N: one value in [low, high] per prompt, in the order in which the prompts ran; for a drop, the paired
            differences reference - candidate.
        low: least possible value.
        high: largest possible value.
        level: two-sided confidence level; the chance that the lower bound of any moment lies above the mean is at
            most (1 - level) / 2, and so for the upper bound.

    Raises:
        ValueError: if there is no prompt, or a value lies outside [low, high].
    """
    array_N = checked(values_N, low=low, high=high, name="values")
    lows_N, highs_N = running_bounds(array_N, low=low, high=high, level=level)
    value = float(array_N.mean())
    ends = {"low": min(float(lows_N[-1]), value), "high": max(float(highs_N[-1]), value)}
    sd = smoothed_sd(array_N, low=low, high=high)
    return Estimate(value=value, **ends, level=level, n=array_N.size, sd=sd, method="betting confidence sequence")


def running_bounds(
    values_N: ArrayLike, *, low: float = -1.0, high: float = 1.0, level: float = LEVEL
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) lower and (N,) upper bounds of the mean after each prompt; what was once excluded stays excluded.

    Each bound is a one-sided confidence sequence at (1 - level) / 2 for independent values with one mean, or any whose
    mean given the past is constant. Means of which the hypothesis would have made a bettor rich are excluded:
    Waudby-Smith and Ramdas, JRSS-B 86 (2024) 1, section 4; see `log_wealth`.

    Args:
        values_N: as in `sequential_mean`, like the rest.
        low: see there.
        high: see there.
        level: see there.

    Raises:
        ValueError: as `sequential_mean`.
    """
    alpha = checked_level(level)
    unit_N = (checked(values_N, low=low, high=high, name="values") - low) / (high - low)
    lows_N, mirrored_N = _running_low(unit_N, alpha=alpha), _running_low(1.0 - unit_N, alpha=alpha)
    return low + (high - low) * lows_N, high - (high - low) * mirrored_N


def log_wealth(unit_XN: NDArray[np.float64], means_X: ArrayLike) -> NDArray[np.float64]:
    """(..., N) log wealth, after each value in [0, 1], of one who bets from 1 that the mean is above `means_X`.

    A fixed share b of the wealth rides on every value x, which turns it into (1 - b + b x / m) times itself; the
    starting wealth is split evenly over the shares `BETS`. If the mean is m or less, this is a non-negative
    supermartingale and reaches 1 / alpha with a chance of at most alpha (Ville, 1939). Splitting over shares in place
    of predicting one is Cover's universal portfolio: Orabona and Jun, IEEE Transactions on Information Theory 70
    (2024) 436. It makes the wealth after n values independent of their order.

    Args:
        unit_XN: (..., N) values in [0, 1], in order.
        means_X: (...) hypothesised means in (0, 1], broadcast against the leading axes.
    """
    ratios_XN = unit_XN / np.asarray(means_X)[..., None] - 1.0
    total_XN = np.full(ratios_XN.shape, -math.inf)
    for bet in BETS:
        np.logaddexp(total_XN, np.cumsum(np.log1p(bet * ratios_XN), axis=-1), out=total_XN)
    return np.asarray(total_XN - math.log(len(BETS)))


def _running_low(unit_N: NDArray[np.float64], *, alpha: float) -> NDArray[np.float64]:
    """Lower confidence sequence: the wealth falls in the hypothesised mean and is convex in its logarithm.

    So past the last excluded mean of the grid it lies above the line through that one and the mean before, and
    stopping where the line meets the threshold excludes nothing that should not be.
    """
    means_M = np.arange(1, _GRID) / _GRID
    excess_MN = log_wealth(unit_N[None, :], means_M) + math.log(alpha)
    last_N = (excess_MN >= 0.0).sum(axis=0) - 1
    at_N = np.arange(unit_N.size)
    here_N, before_N = excess_MN[np.maximum(last_N, 0), at_N], excess_MN[np.maximum(last_N - 1, 0), at_N]
    fall_N = np.maximum(before_N - here_N, 1e-12)
    step_N = np.where(last_N >= 1, np.minimum(here_N / fall_N, 1.0), 0.0)
    lows_N = np.where(last_N >= 0, (last_N + 1 + step_N) / _GRID, 0.0)
    return np.asarray(np.maximum.accumulate(lows_N))
