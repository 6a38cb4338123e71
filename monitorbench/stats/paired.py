"""How far a candidate falls below its reference on the same prompts.

Shape suffixes: N prompts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitorbench.stats.bootstrap import RESAMPLES, bootstrap_interval, is_sparse, mean_of
from monitorbench.stats.enumerated import paired_interval
from monitorbench.stats.interval import LEVEL, Estimate, checked, checked_level, smoothed_sd


def paired_difference(
    reference_N: ArrayLike,
    candidate_N: ArrayLike,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """The drop mean(reference) - mean(candidate), paired by prompt, with an interval that never has zero width.

    Right-or-wrong values get Tango's score interval, its tails summed over tables (`enumerated`). Values averaged over
    seeds get a bootstrap over prompts, unless fewer than ten prompts depart from the commonest difference: a bootstrap
    of so few takes what it did not see for impossible, so Tango's interval with fractional counts, which errs on the
    wide side, stands in.

    Args:
        reference_N: one value in [0, 1] per prompt, averaged over its seeds.
        candidate_N: the same prompts in the same order.
        level: two-sided confidence level; each end is a one-sided bound at (1 - level) / 2.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        ValueError: if there is no prompt, the lengths differ, or a value lies outside [0, 1].
    """
    alpha = checked_level(level)
    differences_N = paired_differences(reference_N, candidate_N)
    n = differences_N.size
    binary = bool(np.all(np.isin(differences_N, (-1.0, 0.0, 1.0))))
    if binary or is_sparse(differences_N):
        losses, gains = np.maximum(differences_N, 0.0).sum(), np.maximum(-differences_N, 0.0).sum()
        low, high = paired_interval(losses=float(losses), gains=float(gains), n=n, alpha=alpha)
        method = "Tango score" if binary else "Tango score, fractional counts"
    else:
        low, high = bootstrap_interval(differences_N[:, None], mean_of, level=level, resamples=resamples, seed=seed)
        method = "BCa bootstrap over prompts"
    value = float(differences_N.mean())
    sd = smoothed_sd(differences_N, low=-1.0, high=1.0)
    return Estimate(value=value, low=min(low, value), high=max(high, value), level=level, n=n, sd=sd, method=method)


def paired_differences(reference_N: ArrayLike, candidate_N: ArrayLike) -> NDArray[np.float64]:
    """(N,) differences reference - candidate in [-1, 1].

    Raises:
        ValueError: if there is no prompt, the lengths differ, or a value lies outside [0, 1].
    """
    first_N = checked(reference_N, low=0.0, high=1.0, name="reference")
    second_N = checked(candidate_N, low=0.0, high=1.0, name="candidate")
    if first_N.size != second_N.size:
        raise ValueError(f"paired values need the same prompts: {first_N.size} reference, {second_N.size} candidate")
    return first_N - second_N


def discordance(reference_N: ArrayLike, candidate_N: ArrayLike) -> float:
    """Share of discordant pairs; for values averaged over seeds, the mean absolute difference. In [0, 1].

    Raises:
        ValueError: as `paired_differences`.
    """
    return float(np.abs(paired_differences(reference_N, candidate_N)).mean())
