"""Tango's score interval with its error rates summed over tables, which the normal curve gets wrong for few pairs.

Shape suffixes: T tables that could have been observed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from monitorbench.stats.tango import likeliest_gain_rate, score, score_interval

# From here on the normal curve is right to within half a point, and summing gets slow.
MANY_DISCORDANT = 100
_STEPS = 30
_TIE = 1e-9


def paired_interval(*, losses: float, gains: float, n: int, alpha: float, ties: float = 1.0) -> tuple[float, float]:
    """Bounds of P(loss) - P(gain), each one-sided at `alpha`.

    A bound is the difference at which tables whose score statistic is at least as extreme as that observed have
    probability `alpha`, the unknown P(gain) put at its likeliest value under that difference: the estimated p-value of
    Lloyd, Australian & New Zealand Journal of Statistics 50 (2008) 329, inverted. From a hundred discordant pairs on
    it is `score_interval`. Fractional counts tie with no table, which would narrow the interval: they get the wider
    bound of the two.

    Args:
        losses: pairs right under the reference only; may be fractional, as in `score_interval`.
        gains: pairs right under the candidate only; may be fractional.
        n: all pairs.
        alpha: one-sided error rate of each bound, below .5.
        ties: weight of the tables exactly as extreme as that observed; .5 gives mid-p intervals.

    Raises:
        ValueError: if the counts are negative or exceed n, or n is not positive.
    """
    losses, gains = _whole_if_nearly(losses), _whole_if_nearly(gains)
    approximate = score_interval(losses=losses, gains=gains, n=n, alpha=alpha)
    if losses + gains >= MANY_DISCORDANT:
        return approximate
    # Arms swapped, the lower bound is an upper one.
    low = -_upper_bound(losses=gains, gains=losses, n=n, alpha=alpha, ties=ties)
    high = _upper_bound(losses=losses, gains=gains, n=n, alpha=alpha, ties=ties)
    if float(losses).is_integer() and float(gains).is_integer():
        return low, high
    return min(low, approximate[0]), max(high, approximate[1])


def tail_below(difference: float, *, losses: float, gains: float, n: int, ties: float = 1.0) -> float:
    """Estimated p-value of the claim P(loss) - P(gain) < `difference`: the chance of so small a score were they equal.

    Args:
        difference: the bound claimed, inside (-1, 1).
        losses: as in `paired_interval`, like the rest.
        gains: see there.
        n: see there.
        ties: see there.
    """
    gain_rate = float(likeliest_gain_rate(difference, losses_T=losses, gains_T=gains, n=n))
    loss_rate = max(gain_rate + difference, 0.0)
    losses_T, gains_T = _likely_tables(loss_rate, gain_rate, n=n)
    observed = float(score(difference, losses_T=losses, gains_T=gains, n=n))
    scores_T = score(difference, losses_T=losses_T, gains_T=gains_T, n=n)
    weights_T = _probabilities(losses_T, gains_T, loss_rate=loss_rate, gain_rate=gain_rate, n=n)
    # No difference of two scores is taken, since both may be infinite.
    less_T, not_more_T = scores_T < observed - _TIE, scores_T <= observed + _TIE
    return float(weights_T[less_T].sum() + ties * weights_T[not_more_T & ~less_T].sum())


def _whole_if_nearly(count: float) -> float:
    """Takes the rounding of a sum back: eleven losses of 1 - 2e-16 are eleven losses."""
    return float(round(count)) if abs(count - round(count)) < _TIE else float(count)


# Arms and repetitions of a run bring the same small tables again and again.
@lru_cache(maxsize=4096)
def _upper_bound(*, losses: float, gains: float, n: int, alpha: float, ties: float) -> float:
    """Bisects at the same points whatever `alpha` is, so that a higher level never gives a smaller bound."""
    low, high = (losses - gains) / n, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        rejected = tail_below(middle, losses=losses, gains=gains, n=n, ties=ties) <= alpha
        low, high = (low, middle) if rejected else (middle, high)
    return high


def _likely_tables(loss_rate: float, gain_rate: float, *, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All tables but those of a total probability below 1e-9 (Bernstein's inequality)."""
    axes = []
    for rate in (loss_rate, gain_rate):
        reach = 7.0 * np.sqrt(n * rate * (1.0 - rate)) + 16.0
        axes.append(np.arange(max(0, int(n * rate - reach)), min(n, int(n * rate + reach) + 1) + 1, dtype=np.float64))
    losses, gains = np.meshgrid(*axes, indexing="ij")
    possible = losses + gains <= n
    return losses[possible], gains[possible]


def _probabilities(
    losses_T: NDArray[np.float64], gains_T: NDArray[np.float64], *, loss_rate: float, gain_rate: float, n: int
) -> NDArray[np.float64]:
    """Looks every count up, since logarithms per table would cost most of the time."""
    lost_T, gained_T = losses_T.astype(np.intp), gains_T.astype(np.intp)
    discordant_T = lost_T + gained_T
    counts = np.arange(int(discordant_T.max()) + 1, dtype=np.float64)
    loss, gain = (xlogy(counts, rate) - gammaln(counts + 1.0) for rate in (loss_rate, gain_rate))
    rest = xlogy(n - counts, max(1.0 - loss_rate - gain_rate, 0.0)) - gammaln(n - counts + 1.0)
    return np.asarray(np.exp(gammaln(n + 1) + loss[lost_T] + gain[gained_T] + rest[discordant_T]))
