"""Bootstrap over prompts: the prompt is the sampling unit, its seeds are averaged first.

Shape suffixes: R rollouts, N prompts, K quantities measured on each prompt, B resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtrit

from monitorbench.stats.interval import checked_level

RESAMPLES = 5000
FEWEST_DEPARTURES = 10
_CHUNK = 2**21

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def prompt_means(values_R: ArrayLike, prompts_R: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Averages the rollouts of each prompt; returns the prompts, sorted, and their (N,) means.

    Raises:
        ValueError: if the two arguments differ in length.
    """
    array_R = np.asarray(values_R, dtype=np.float64)
    if array_R.shape != (len(prompts_R),):
        raise ValueError(f"expected one prompt per value, got {len(prompts_R)} prompts for shape {array_R.shape}")
    names_N, index_R = np.unique(np.asarray(prompts_R, dtype=np.str_), return_inverse=True)
    sums_N = np.bincount(index_R, weights=array_R, minlength=names_N.size)
    return tuple(str(name) for name in names_N), sums_N / np.bincount(index_R, minlength=names_N.size)


def departures(values_N: NDArray[np.float64]) -> int:
    """How many prompts depart from the commonest value."""
    # Averages over seeds differ in their last bits; that is no spread.
    _, counts = np.unique(values_N.round(9), return_counts=True)
    return int(values_N.size - counts.max())


def is_sparse(values_N: NDArray[np.float64]) -> bool:
    """True if fewer than ten prompts depart from the commonest value: too few for a bootstrap to resample."""
    return departures(values_N) < FEWEST_DEPARTURES


def mean_of(means_XK: NDArray[np.float64]) -> NDArray[np.float64]:
    """The statistic of `bootstrap_interval` that is the mean of the first quantity."""
    return means_XK[..., 0]


def resampled_means(values_NK: NDArray[np.float64], *, resamples: int, seed: int) -> NDArray[np.float64]:
    """(B, K) means of prompts drawn with replacement, all K quantities of a prompt together; same seed, same means."""
    n, columns = values_NK.shape[0], np.ascontiguousarray(values_NK.T)
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK // n)
    means = []
    for start in range(0, resamples, rows):
        drawn = rng.integers(0, n, size=(min(rows, resamples - start), n))
        means.append(np.stack([column.take(drawn).mean(axis=1) for column in columns], axis=1))
    return np.concatenate(means)


def bootstrap_interval(
    values_NK: NDArray[np.float64],
    statistic: Statistic,
    *,
    level: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """BCa interval of a statistic of means over prompts.

    Bias-corrected and accelerated: Efron, JASA 82 (1987) 171; the acceleration comes from the jackknife. The normal
    quantile is widened to that of Student's t, times sqrt(n / (n - 1)), which mends the narrowness of bootstrap
    intervals in small samples: Hesterberg, The American Statistician 69 (2015) 371, "expanded percentile". The degrees
    of freedom are the prompts that depart from the commonest value, at most n - 1: the others say little of the spread.

    Args:
        values_NK: K quantities of each prompt; not sparse (see `is_sparse`).
        statistic: maps (..., K) means to (...) values.
        level: two-sided confidence level.
        resamples: number of resamples.
        seed: of the draws.
    """
    n = values_NK.shape[0]
    observed = statistic(values_NK.mean(axis=0))
    draws_B = statistic(resampled_means(values_NK, resamples=resamples, seed=seed))
    below = np.mean(draws_B < observed) + np.mean(draws_B == observed) / 2.0
    bias = ndtri(np.clip(below, 0.5 / resamples, 1.0 - 0.5 / resamples))
    jackknife_N = statistic((values_NK.sum(axis=0) - values_NK) / (n - 1))
    pull_N = jackknife_N.mean() - jackknife_N
    spread = float(np.sum(pull_N**2))
    # A statistic that no single prompt can move has no skewness to correct.
    acceleration = float(np.sum(pull_N**3)) / (6.0 * spread**1.5) if spread > 0.0 else 0.0
    freedom = min(departures(values_N) for values_N in values_NK.T)
    z = np.sqrt(n / (n - 1)) * stdtrit(freedom, checked_level(level)) * np.array([1.0, -1.0])
    shares = ndtr(bias + (bias + z) / (1.0 - acceleration * (bias + z)))
    low, high = np.quantile(draws_B, shares)
    return float(low), float(high)
