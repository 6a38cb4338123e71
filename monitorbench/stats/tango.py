"""Tango's score statistic and interval for the difference of two paired proportions.

Shape suffixes: T tables (a scalar is one table).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtri


def score(difference: float, *, losses_T: ArrayLike, gains_T: ArrayLike, n: int) -> NDArray[np.float64]:
    """(T,) score statistics of the hypothesis that P(loss) - P(gain) equals `difference`; standard normal if it does.

    Tango, Statistics in Medicine 17 (1998) 891, section 3: the variance is taken at the constrained maximum-likelihood
    estimate of P(gain), so it does not vanish when no pair is discordant.

    Args:
        difference: hypothesised P(loss) - P(gain), inside (-1, 1).
        losses_T: pairs right under the reference only.
        gains_T: pairs right under the candidate only.
        n: all pairs.
    """
    gain_rates_T = likeliest_gain_rate(difference, losses_T=losses_T, gains_T=gains_T, n=n)
    deviations_T = np.sqrt(n * np.maximum(2.0 * gain_rates_T + difference * (1.0 - difference), 0.0))
    distances_T = np.subtract(losses_T, gains_T, dtype=np.float64) - n * difference
    without_spread_T = np.where(distances_T == 0.0, 0.0, np.copysign(np.inf, distances_T))
    return np.asarray(np.divide(distances_T, deviations_T, out=without_spread_T, where=deviations_T > 0.0))


def likeliest_gain_rate(difference: float, *, losses_T: ArrayLike, gains_T: ArrayLike, n: int) -> NDArray[np.float64]:
    """(T,) maximum-likelihood estimates of P(gain) where P(loss) = P(gain) + `difference`: Tango (1998), section 3."""
    lost_T, gained_T = np.asarray(losses_T, dtype=np.float64), np.asarray(gains_T, dtype=np.float64)
    linear_T = (2 * n - lost_T + gained_T) * difference - lost_T - gained_T
    constant_T = -gained_T * difference * (1.0 - difference)
    root_T = np.sqrt(np.maximum(linear_T**2 - 8.0 * n * constant_T, 0.0))
    return np.asarray(np.maximum((root_T - linear_T) / (4.0 * n), max(0.0, -difference)))


def score_interval(*, losses: float, gains: float, n: int, alpha: float) -> tuple[float, float]:
    """Bounds of P(loss) - P(gain), each one-sided at `alpha`: where the score statistic is +z and -z.

    The counts may be fractional, as sums of the positive and of the negative parts of differences D in [-1, 1]: since
    D^2 <= |D|, the variance used is then no smaller than the true one, and the interval errs on the wide side.

    Where few pairs are discordant a bound errs up to twice as often as it should (see the README of this room);
    `monitorbench.stats.enumerated` mends that.

    Raises:
        ValueError: if the counts are negative or exceed n, or n is not positive.
    """
    if n <= 0 or min(losses, gains) < 0 or losses + gains > n * (1 + 1e-9):
        raise ValueError(f"expected 0 <= losses + gains <= n and n > 0, got {losses=:g}, {gains=:g}, {n=}")
    z = float(-ndtri(alpha))
    observed = (losses - gains) / n

    def excess(difference: float, target: float) -> float:
        return float(score(difference, losses_T=losses, gains_T=gains, n=n)) - target

    edge = 1.0 - 1e-12
    low = brentq(excess, -edge, observed, args=(z,)) if excess(-edge, z) > 0 > excess(observed, z) else -1.0
    high = brentq(excess, observed, edge, args=(-z,)) if excess(observed, -z) > 0 > excess(edge, -z) else 1.0
    return float(low), float(high)
