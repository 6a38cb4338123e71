"""How much of what a channel carries survives a bottleneck: the number to compare architectures by.

Shape suffixes: N prompts, K quantities per prompt (here: drop under the bottleneck, drop at the floor).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from monitorbench.stats.bootstrap import RESAMPLES, bootstrap_interval, is_sparse, resampled_means
from monitorbench.stats.interval import LEVEL, Estimate, checked_level
from monitorbench.stats.paired import paired_difference, paired_differences

_RANGE = "range over both drops' intervals"


def recovery(
    reference_N: ArrayLike,
    bottleneck_N: ArrayLike,
    floor_N: ArrayLike,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate | None:
    """Recovery 1 - D(bottleneck) / D(floor), where D(x) = mean(reference) - mean(x), paired by prompt.

    1 means nothing was lost, 0 as much as with the channel removed; it may leave [0, 1]. The interval is a bootstrap
    over prompts that keeps the three values of a prompt together. Where either drop rests on fewer than ten departing
    prompts, or a resample shows no floor drop, the interval is the range of the ratio over the two drops' own
    intervals, each bound taken at half the error rate (Bonferroni), which never has zero width.

    Args:
        reference_N: one value in [0, 1] per prompt with the channel as it is.
        bottleneck_N: the same prompts with the channel truncated.
        floor_N: the same prompts with the channel removed.
        level: two-sided confidence level.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Returns:
        The estimate, or None where the floor drop is not shown to be positive: the ratio then has no finite interval.

    Raises:
        ValueError: if there is no prompt, the lengths differ, or a value lies outside [0, 1].
    """
    alpha = checked_level(level)
    strict = 1.0 - alpha
    drop = paired_difference(reference_N, bottleneck_N, level=strict, resamples=resamples, seed=seed)
    floor = paired_difference(reference_N, floor_N, level=strict, resamples=resamples, seed=seed)
    if floor.low <= 0.0:
        return None
    columns = (paired_differences(reference_N, bottleneck_N), paired_differences(reference_N, floor_N))
    drops_NK = np.stack(columns, axis=1)
    low, high, method = 0.0, 0.0, "BCa bootstrap over prompts"
    if not any(map(is_sparse, columns)) and _floor_always_drops(drops_NK, resamples=resamples, seed=seed):
        low, high = bootstrap_interval(drops_NK, _recovery_of, level=level, resamples=resamples, seed=seed)
    # Drops in one fixed proportion on every prompt leave a bootstrap no spread either.
    if high - low < 1e-9:
        low, high = _range_of_recovery(drop, floor)
        method = _RANGE
    return _estimate(drop, floor, low, high, level=level, method=method)


def recovery_within(drop: Estimate, floor: Estimate, *, level: float) -> Estimate | None:
    """Recovery with the range of the ratio over the intervals of both drops, which hold together at `level`.

    Returns:
        The estimate, or None where the floor drop is not shown to be positive.
    """
    if floor.low <= 0.0:
        return None
    low, high = _range_of_recovery(drop, floor)
    return _estimate(drop, floor, low, high, level=level, method=_RANGE)


def _estimate(drop: Estimate, floor: Estimate, low: float, high: float, *, level: float, method: str) -> Estimate:
    value = 1.0 - drop.value / floor.value
    low, high = min(low, value), max(high, value)
    sd = (high - low) / 2.0 / float(-ndtri(checked_level(level))) * np.sqrt(drop.n)
    return Estimate(value=value, low=low, high=high, level=level, n=drop.n, sd=float(sd), method=method)


def _recovery_of(means_XK: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 - means_XK[..., 0] / means_XK[..., 1]


def _floor_always_drops(drops_NK: NDArray[np.float64], *, resamples: int, seed: int) -> bool:
    leave_one_out_N = drops_NK[:, 1].sum() - drops_NK[:, 1]
    resampled_BK = resampled_means(drops_NK, resamples=resamples, seed=seed)
    return bool(leave_one_out_N.min() > 0.0 and resampled_BK[:, 1].min() > 0.0)


def _range_of_recovery(drop: Estimate, floor: Estimate) -> tuple[float, float]:
    corners = [1.0 - numerator / bound for numerator in (drop.low, drop.high) for bound in (floor.low, floor.high)]
    return min(corners), max(corners)
