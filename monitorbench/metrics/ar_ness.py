"""How far decoding keeps to the leftmost open positions: global AR-ness@k, corrected for chance.

Global AR-ness@k (DiffuCoder, arXiv 2506.20639, appendix A.2): the share of positions that, when they
were decoded, were among the k leftmost still open. Positions decoded in one step count by the mean over all orders in
which they might have been decoded one by one. kappa = (A - A_rand) / (1 - A_rand) is 0 for random order and 1 for
left to right, whatever the length.

Shape suffixes: N content positions of a block in text order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.score import Score


@dataclass(frozen=True, kw_only=True, slots=True)
class ArNess:
    """Global AR-ness@k of one block; `n` of each score is positions.

    Attributes:
        share: A, in [0, 1].
        chance: A_rand, the same share in random order; depends on the length and k only.
        kappa: corrected for chance, at most 1.
    """

    share: Score
    chance: Score
    kappa: Score


def ar_ness(times_N: NDArray[np.int64], *, k: int = 1) -> ArNess:
    """Global AR-ness@k of one block; undefined for no more than k positions.

    Args:
        times_N: when each content position was determined or committed, in text order.
        k: how many leftmost open positions count, at least 1.
    """
    n = times_N.size
    if n <= k:
        nothing = Score.undefined(f"no more than {k} content positions")
        return ArNess(share=nothing, chance=nothing, kappa=nothing)
    share, chance = _global_share(times_N, k), _global_share(np.zeros_like(times_N), k)
    kappa = (share - chance) / (1.0 - chance)
    return ArNess(share=Score.ok(share, n=n), chance=Score.ok(chance, n=n), kappa=Score.ok(kappa, n=n))


def _global_share(times_N: NDArray[np.int64], k: int) -> float:
    left_of_NN = np.tri(times_N.size, k=-1, dtype=np.bool_)
    open_later_N = np.count_nonzero(left_of_NN & (times_N[None, :] > times_N[:, None]), axis=1)
    tied_N = np.count_nonzero(left_of_NN & (times_N[None, :] == times_N[:, None]), axis=1)
    # Of the tied positions to the left, 0 to tied_N are still open, each number equally likely.
    return float(np.mean(np.clip(k - open_later_N, 0, tied_N + 1) / (tied_N + 1)))
