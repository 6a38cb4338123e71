"""Tango's score interval for the difference of two paired proportions."""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import ndtri


def score(difference: float, *, losses: float, gains: float, n: int) -> float:
    """Score statistic of the hypothesis that P(loss) - P(gain) equals `difference`; standard normal if it does.

    Tango, Statistics in Medicine 17 (1998) 891, section 3: the variance is taken at the constrained maximum-likelihood
    estimate of P(gain), so it does not vanish when no pair is discordant.

    Args:
        difference: hypothesised P(loss) - P(gain), inside (-1, 1).
        losses: pairs right under the reference only.
        gains: pairs right under the candidate only.
        n: all pairs.
    """
    linear = (2 * n - losses + gains) * difference - losses - gains
    constant = -gains * difference * (1.0 - difference)
    root = math.sqrt(max(linear**2 - 8.0 * n * constant, 0.0))
    gain_rate = max((root - linear) / (4.0 * n), 0.0)
    variance = n * (2.0 * gain_rate + difference * (1.0 - difference))
    distance = losses - gains - n * difference
    if variance <= 0.0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def score_interval(*, losses: float, gains: float, n: int, alpha: float) -> tuple[float, float]:
    """Bounds of P(loss) - P(gain), each one-sided at `alpha`: where the score statistic is +z and -z.

    The counts may be fractional, as sums of the positive and of the negative parts of differences D in [-1, 1]: since
    D^2 <= |D|, the variance used is then no smaller than the true one, and the interval errs on the wide side.

    Exact error rates at alpha = .05, over 138 designs (n 20 to 200, discordance .02 to .4, difference .01 to .2):
    the upper bound lies below the truth in 4.8 % (median; worst 6.9 %, at n = 20), the lower bound above it in 5.0 %
    (worst 8.7 %, where five pairs are discordant).

    Raises:
        ValueError: if the counts are negative or exceed n, or n is not positive.
    """
    if n <= 0 or min(losses, gains) < 0 or losses + gains > n * (1 + 1e-9):
        raise ValueError(f"expected 0 <= losses + gains <= n and n > 0, got {losses=:g}, {gains=:g}, {n=}")
    z = float(-ndtri(alpha))
    observed = (losses - gains) / n

    def excess(difference: float, target: float) -> float:
        return score(difference, losses=losses, gains=gains, n=n) - target

    edge = 1.0 - 1e-12
    low = brentq(excess, -edge, observed, args=(z,)) if excess(-edge, z) > 0 > excess(observed, z) else -1.0
    high = brentq(excess, observed, edge, args=(-z,)) if excess(observed, -z) > 0 > excess(edge, -z) else 1.0
    return float(low), float(high)
