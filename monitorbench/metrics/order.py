"""In which order the positions of a block were determined, against the order of the text.

For every pair of positions i < j: concordant if T_i < T_j, discordant if T_i > T_j, unresolved if both fell in the
same step.

- gamma = (C - D) / (C + D): Goodman and Kruskal, JASA 49 (1954) 732.
- resolved share R = (C + D) / pairs = 1 - T, where T is the share of pairs tied in time.
- tau_b = gamma sqrt(R), exactly, because positions have no ties: Kendall, Biometrika 33 (1945) 239. Published values
  of tau_b (arXiv 2606.14620: .512 on GSM8K at T = .28) therefore mix order (gamma .60) with parallelism.

Pairs across blocks are never compared: blocks come in text order by construction, which would fake order.

Shape suffixes: N content positions of a block in text order, L = N - 1 lags, R permutations, X any leading axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.score import Score, weighted_mean

FEWEST_POSITIONS = 8
FEWEST_RESOLVED_PAIRS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class LagScore:
    """gamma among the pairs that lie `first` to `last` content positions apart; `n` of the score is resolved pairs."""

    first: int
    last: int
    gamma: Score


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Order and parallelism, told apart.

    Attributes:
        gamma: in [-1, 1]; 1 is left to right, -1 right to left; `n` is resolved pairs.
        resolved: share of pairs not determined in the same step, in [0, 1]; `n` is all pairs.
        tau_b: in [-1, 1], for comparison with published values; `n` is resolved pairs.
        profile: gamma by distance 1, 2-3, 4-7, ...
        positions: content positions; the weight of a block in the mean over blocks.
    """

    gamma: Score
    resolved: Score
    tau_b: Score
    profile: tuple[LagScore, ...]
    positions: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Null:
    """What gamma is when times are dealt to positions at random: mean, standard deviation, 5 % and 95 % quantiles."""

    mean: float
    sd: float
    low: float
    high: float


def pairs_by_lag(times_XN: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(..., L) counts of concordant and of discordant pairs at each distance; index d - 1 is distance d."""
    n = times_XN.shape[-1]
    shape = (*times_XN.shape[:-1], max(n - 1, 0))
    concordant_XL, discordant_XL = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for lag in range(1, n):
        early_X, late_X = times_XN[..., :-lag], times_XN[..., lag:]
        concordant_XL[..., lag - 1] = np.count_nonzero(early_X < late_X, axis=-1)
        discordant_XL[..., lag - 1] = np.count_nonzero(early_X > late_X, axis=-1)
    return concordant_XL, discordant_XL


def block_order(times_N: NDArray[np.int64]) -> Order:
    """The order of one block.

    gamma, tau_b and the profile are undefined for fewer than 8 positions, a single distinct time, or fewer than 30
    resolved pairs; the resolved share for fewer than 2 positions.

    Args:
        times_N: when each content position was determined, in text order.
    """
    concordant_L, discordant_L = pairs_by_lag(times_N)
    n, concordant, discordant = times_N.size, int(concordant_L.sum()), int(discordant_L.sum())
    pairs, resolved = n * (n - 1) // 2, concordant + discordant
    share = Score.ok(resolved / pairs, n=pairs) if pairs else Score.undefined("fewer than 2 content positions")
    reason = _why_undefined(times_N, resolved)
    if reason:
        gamma = tau_b = Score.undefined(reason, n=resolved)
    else:
        gamma = _gamma(concordant, discordant)
        tau_b = Score.ok((concordant - discordant) / np.sqrt(float(pairs) * resolved), n=resolved)
    profile = tuple(
        LagScore(
            first=first,
            last=last,
            gamma=Score.undefined(reason)
            if reason
            else _gamma(int(concordant_L[first - 1 : last].sum()), int(discordant_L[first - 1 : last].sum())),
        )
        for first, last in _lag_bins(n)
    )
    return Order(gamma=gamma, resolved=share, tau_b=tau_b, profile=profile, positions=n)


def rollout_order(blocks: Sequence[NDArray[np.int64]]) -> Order:
    """The order of a rollout: the mean over its blocks, each weighted by its number of content positions.

    A block where a number is undefined is left out of the mean of that number. Weighting by pairs instead would let a
    block twice as long count four times.

    Args:
        blocks: times of each block's content positions (see `times.trace_times`).
    """
    orders = [block_order(times_N) for times_N in blocks if times_N.size]
    longest = max((order.profile for order in orders), key=len, default=())
    profile = tuple(
        LagScore(
            first=lag.first,
            last=max(order.profile[index].last for order in orders if len(order.profile) > index),
            gamma=weighted_mean(
                (order.profile[index].gamma, order.positions) for order in orders if len(order.profile) > index
            ),
        )
        for index, lag in enumerate(longest)
    )
    return Order(
        gamma=weighted_mean((order.gamma, order.positions) for order in orders),
        resolved=weighted_mean((order.resolved, order.positions) for order in orders),
        tau_b=weighted_mean((order.tau_b, order.positions) for order in orders),
        profile=profile,
        positions=sum(order.positions for order in orders),
    )


def permutation_null(blocks: Sequence[NDArray[np.int64]], *, permutations: int = 200, seed: int = 0) -> Null | None:
    """The null of `rollout_order`: times permuted inside each block, which keeps the ties. None where undefined.

    Args:
        blocks: as for `rollout_order`.
        permutations: number of draws, at least 2.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    total_R, weight = np.zeros(permutations), 0
    for times_N in blocks:
        if block_order(times_N).gamma.value is None:
            continue
        shuffled_RN = rng.permuted(np.tile(times_N, (permutations, 1)), axis=1)
        concordant_R, discordant_R = (counts_RL.sum(axis=1) for counts_RL in pairs_by_lag(shuffled_RN))
        total_R += times_N.size * (concordant_R - discordant_R) / (concordant_R + discordant_R)
        weight += times_N.size
    if not weight:
        return None
    gammas_R = total_R / weight
    low, high = np.quantile(gammas_R, (0.05, 0.95))
    return Null(mean=float(gammas_R.mean()), sd=float(gammas_R.std(ddof=1)), low=float(low), high=float(high))


def _why_undefined(times_N: NDArray[np.int64], resolved: int) -> str:
    if times_N.size < FEWEST_POSITIONS:
        return f"fewer than {FEWEST_POSITIONS} content positions"
    if np.all(times_N == times_N[0]):
        return "all content determined in one step"
    return f"fewer than {FEWEST_RESOLVED_PAIRS} resolved pairs" if resolved < FEWEST_RESOLVED_PAIRS else ""


def _gamma(concordant: int, discordant: int) -> Score:
    resolved = concordant + discordant
    if not resolved:
        return Score.undefined("no resolved pairs")
    return Score.ok((concordant - discordant) / resolved, n=resolved)


def _lag_bins(n: int) -> list[tuple[int, int]]:
    """1, 2-3, 4-7, ... up to n - 1."""
    return [(2**k, min(2 ** (k + 1) - 1, n - 1)) for k in range(max(n - 1, 0).bit_length())]
