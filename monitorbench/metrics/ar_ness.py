"""How autoregressive decoding looks: AR-ness@k, local and global, corrected for chance.

DiffuCoder (arXiv 2506.20639, section 4 and appendix A.2) looks at the sequence p_1 ... p_T in which T positions were
decoded one by one:

- local AR-ness@k: the share of its T - k windows of k + 1 in which every position is the one right after the last;
- global AR-ness@k: the share of its T steps that took one of the k leftmost positions still open.

Positions decoded in one step count by the mean over all orders in which they might have been decoded one by one (the
linear extensions of their times), computed exactly. Both shares are above 0 by chance alone, and more so in short
texts, so kappa = (A - A_rand) / (1 - A_rand) is what can be compared: 0 for random order, 1 for left to right, whatever
the length. Its null is therefore 0 by construction.

Shape suffixes: N content positions of a block in text order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.score import Score, weighted_mean


@dataclass(frozen=True, kw_only=True, slots=True)
class ArNess:
    """AR-ness@k; `n` of each score is content positions.

    Attributes:
        share: A, in [0, 1].
        chance: A_rand, the same share in random order; depends on the length and k only.
        kappa: corrected for chance, at most 1; for k = 1 at least -1. Undefined where all fell in one step: there A is
            A_rand whatever the model does, and a 0 would read as random order.
    """

    share: Score
    chance: Score
    kappa: Score


Measure = Callable[..., ArNess]


def global_ar_ness(times_N: NDArray[np.int64], *, k: int = 1) -> ArNess:
    """Global AR-ness@k of one block; undefined for no more than k positions.

    Args:
        times_N: when each content position was determined or committed, in text order.
        k: how many leftmost open positions count, at least 1.
    """
    chance = sum(min(k, still_open) / still_open for still_open in range(1, times_N.size + 1)) / max(times_N.size, 1)
    return _corrected(times_N, k, _global_share, chance)


def local_ar_ness(times_N: NDArray[np.int64], *, k: int = 1) -> ArNess:
    """Local AR-ness@k of one block; undefined for no more than k positions.

    Args:
        times_N: when each content position was determined or committed, in text order.
        k: how many positions have to follow one by one, at least 1.
    """
    n = times_N.size
    # Of the n! orders, a window is one run if it starts at one of n - k positions and the others fall anyhow.
    chance = 1.0 / math.perm(n, k) if n > k else 0.0
    return _corrected(times_N, k, _local_share, chance)


def rollout_ar_ness(blocks: Sequence[NDArray[np.int64]], measure: Measure = global_ar_ness, *, k: int = 1) -> ArNess:
    """AR-ness@k of a rollout: the mean over its blocks by number of content positions; what is undefined is left out.

    Args:
        blocks: times of each block's content positions (see `times.trace_times`).
        measure: `global_ar_ness` or `local_ar_ness`.
        k: as for `measure`.
    """
    found = [(measure(times_N, k=k), times_N.size) for times_N in blocks if times_N.size]
    return ArNess(
        share=weighted_mean((ness.share, n) for ness, n in found),
        chance=weighted_mean((ness.chance, n) for ness, n in found),
        kappa=weighted_mean((ness.kappa, n) for ness, n in found),
    )


def _corrected(
    times_N: NDArray[np.int64], k: int, share_of: Callable[[NDArray[np.int64], int], float], chance: float
) -> ArNess:
    n = times_N.size
    if n <= k:
        nothing = Score.undefined(f"no more than {k} content positions")
        return ArNess(share=nothing, chance=nothing, kappa=nothing)
    share = share_of(times_N, k)
    kappa = Score.ok((share - chance) / (1.0 - chance), n=n)
    if np.all(times_N == times_N[0]):
        kappa = Score.undefined("all content determined in one step")
    return ArNess(share=Score.ok(share, n=n), chance=Score.ok(chance, n=n), kappa=kappa)


def _global_share(times_N: NDArray[np.int64], k: int) -> float:
    left_of_NN = np.tri(times_N.size, k=-1, dtype=np.bool_)
    open_later_N = np.count_nonzero(left_of_NN & (times_N[None, :] > times_N[:, None]), axis=1)
    tied_N = np.count_nonzero(left_of_NN & (times_N[None, :] == times_N[:, None]), axis=1)
    # Of the tied positions to the left, 0 to tied_N are still open, each number equally likely.
    return float(np.mean(np.clip(k - open_later_N, 0, tied_N + 1) / (tied_N + 1)))


def _local_share(times_N: NDArray[np.int64], k: int) -> float:
    _, step_N, size = np.unique(times_N, return_inverse=True, return_counts=True)
    windows = times_N.size - k
    return sum(_decoded_in_a_row(step_N[first : first + k + 1], size) for first in range(windows)) / windows


def _decoded_in_a_row(step_K: NDArray[np.int64], size: NDArray[np.int64]) -> float:
    """Chance that a run of neighbours is decoded one after the other with nothing in between.

    Args:
        step_K: which of the distinct times each of them has.
        size: how many positions have each of the distinct times.
    """
    if np.any((np.diff(step_K) < 0) | (np.diff(step_K) > 1)):
        return 0.0
    steps, taken = np.unique(step_K, return_counts=True)
    if steps.size == 1:
        together, run = int(size[steps[0]]), int(taken[0])
        return (together - run + 1) / math.perm(together, run)
    if np.any(taken[1:-1] != size[steps[1:-1]]):
        return 0.0
    # They have to be the last of their first step and the first of their last, in this very order.
    return math.prod(1.0 / math.perm(int(size[step]), int(count)) for step, count in zip(steps, taken, strict=True))
