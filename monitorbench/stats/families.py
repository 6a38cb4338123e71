"""Several claims at once: which of them stand when one false alarm among all is to be rare.

"Release only if all pass" needs none of this: each claim at its own level is an intersection-union test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from monitorbench.stats.interval import Estimate

_STEPS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """What Holm's procedure makes of p-values.

    Attributes:
        adjusted: p-values to compare with the error rate of the whole family, in the order given, in [0, 1].
        rejected: whether each hypothesis is rejected.
    """

    adjusted: tuple[float, ...]
    rejected: tuple[bool, ...]


def holm(p_values: Sequence[float], *, alpha: float = 0.05) -> Family:
    """Step-down test of a family: the chance of any false rejection is at most `alpha`, however the claims depend.

    The k-th smallest of m p-values is multiplied by m - k + 1, and none falls below a smaller one: Holm, Scandinavian
    Journal of Statistics 6 (1979) 65.

    Raises:
        ValueError: if a p-value or alpha lies outside [0, 1].
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not np.all((values >= 0.0) & (values <= 1.0)) or not 0.0 <= alpha <= 1.0:
        raise ValueError(f"expected p-values and an error rate in [0, 1], got {list(p_values)} and {alpha:g}")
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return Family(adjusted=tuple(adjusted.tolist()), rejected=tuple((adjusted <= alpha).tolist()))


def p_above(estimate_at: Callable[[float], Estimate], bound: float, *, least: float = 1e-6) -> float:
    """One-sided p-value of "the value is above the bound": the smallest error rate at which the lower end says so.

    Args:
        estimate_at: the estimate at a two-sided level in (0, 1); ends must move outwards as the level grows.
        bound: what the value is claimed to exceed.
        least: smallest p-value looked for, in (0, .5).

    Returns:
        The p-value, at least `least`; 1.0 where even an error rate of one half does not show it.
    """
    return _smallest_alpha(lambda alpha: estimate_at(1.0 - 2.0 * alpha).low > bound, least=least)


def p_below(estimate_at: Callable[[float], Estimate], bound: float, *, least: float = 1e-6) -> float:
    """One-sided p-value of "the value is below the bound", as `p_above` from the upper end."""
    return _smallest_alpha(lambda alpha: estimate_at(1.0 - 2.0 * alpha).high < bound, least=least)


def _smallest_alpha(shown: Callable[[float], bool], *, least: float) -> float:
    most = 0.5 * (1.0 - 1e-9)
    if not shown(most):
        return 1.0
    if shown(least):
        return least
    low, high = math.log(least), math.log(most)
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if shown(math.exp(middle)) else (middle, high)
    return math.exp(high)
