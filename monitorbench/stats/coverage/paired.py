"""Exact coverage of the intervals of paired right-or-wrong values: a sum over every table, no simulation.

Shape suffixes: T tables, D true differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import multinomial

from monitorbench.stats.enumerated import paired_interval
from monitorbench.stats.tango import score_interval

ALPHA = 0.05
SIZES = (20, 50, 200)
DISCORDANCES = (0.02, 0.1, 0.3)
MARGINS = (0.01, 0.02, 0.03, 0.05, 0.1)
# Tables less likely than this under every difference are left out and count as missed.
_RARE = 1e-9

Interval = Callable[..., tuple[float, float]]


def mid_p(*, losses: float, gains: float, n: int, alpha: float) -> tuple[float, float]:
    """The alternative that is right on average and wrong at some differences."""
    return paired_interval(losses=losses, gains=gains, n=n, alpha=alpha, ties=0.5)


INTERVALS: dict[str, Interval] = {"enumerated": paired_interval, "score": score_interval, "mid-p": mid_p}


def paired_coverage(
    *, sizes: Sequence[int] = SIZES, intervals: Sequence[str] = tuple(INTERVALS), steps: int = 40
) -> list[dict[str, Any]]:
    """One record per interval, n and discordance; differences from 0 to the discordance (the rest is its mirror)."""
    records = []
    for n in sizes:
        designs = [(discordance, _differences(discordance, steps)) for discordance in DISCORDANCES]
        tables, weights = _tables(n, designs)
        for name in intervals:
            lows_T, highs_T = _bounds(INTERVALS[name], tables, n=n)
            for (discordance, differences_D), weights_DT in zip(designs, weights, strict=True):
                low_DT, high_DT = lows_T <= differences_D[:, None], highs_T >= differences_D[:, None]
                sides = {"two_sided": low_DT & high_DT, "lower": low_DT, "upper": high_DT}
                even = len(differences_D) - (steps + 1)
                figures = {side: _summary((weights_DT * held).sum(axis=1), even) for side, held in sides.items()}
                records.append({"interval": name, "n": n, "discordance": discordance, **figures})
    return records


def _differences(discordance: float, steps: int) -> NDArray[np.float64]:
    """The margins that the discordance allows, then an even grid."""
    margins = [margin for margin in MARGINS if margin <= discordance]
    return np.concatenate([margins, np.linspace(0.0, discordance, steps + 1)])


def _tables(
    n: int, designs: Sequence[tuple[float, NDArray[np.float64]]]
) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
    """(T, 2) losses and gains that are not rare somewhere, and their (D, T) probabilities in each design."""
    losses, gains = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    counts = np.stack([losses, gains, n - losses - gains], axis=-1)[losses + gains <= n]
    weights = [
        np.stack([_pmf(counts, n, (discordance + d) / 2.0, (discordance - d) / 2.0) for d in differences_D])
        for discordance, differences_D in designs
    ]
    kept = np.any([weights_DT.max(axis=0) > _RARE for weights_DT in weights], axis=0)
    return counts[kept, :2], [weights_DT[:, kept] for weights_DT in weights]


def _pmf(counts: NDArray[np.int64], n: int, loss_rate: float, gain_rate: float) -> NDArray[np.float64]:
    return np.asarray(multinomial.pmf(counts, n, [loss_rate, max(gain_rate, 0.0), 1.0 - loss_rate - gain_rate]))


def _bounds(
    interval: Interval, tables: NDArray[np.int64], *, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(T,) lower and (T,) upper bounds; a table and its mirror are computed once."""
    known: dict[tuple[int, int], tuple[float, float]] = {}
    for losses, gains in tables.tolist():
        if (losses, gains) not in known:
            low, high = interval(losses=losses, gains=gains, n=n, alpha=ALPHA)
            known[losses, gains], known[gains, losses] = (low, high), (-high, -low)
    bounds = np.array([known[losses, gains] for losses, gains in tables.tolist()])
    return bounds[:, 0], bounds[:, 1]


def _summary(held_D: NDArray[np.float64], margins: int) -> dict[str, float]:
    """Worst and best point (margins included), mean over the grid, and the range of means over a fifth of the grid."""
    grid_D = held_D[margins:]
    window = max(grid_D.size // 5, 1)
    means = np.convolve(grid_D, np.full(window, 1.0 / window), mode="valid")
    figures = {
        "least": held_D.min(),
        "most": held_D.max(),
        "mean": grid_D.mean(),
        "least_nearby": means.min(),
        "most_nearby": means.max(),
        "at_zero": grid_D[0],
    }
    return {name: round(float(figure), 4) for name, figure in figures.items()}
