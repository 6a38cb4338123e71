"""When each position of a block came to be what it is.

Three clocks, because acceptance is not final: a denoising model takes accepted tokens back. Determination is the
primary one; the others show the gap.

Shape suffixes: S steps, P positions of the block, C content positions, K tokens of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.trace import BlockTrace, Trace

NEVER = -1
Clock = Callable[[BlockTrace], NDArray[np.int64]]


def determination_times(block: BlockTrace) -> NDArray[np.int64]:
    """(P,) first step from which on the argmax equals the final token for good; steps count from 0.

    NEVER (-1) outside the content, and where the last step still has no prediction.
    """
    steps = block.tokens_SP.shape[0]
    if steps == 0:
        return _nowhere(block)
    final_P = block.tokens_SP[-1]
    other_SP = block.tokens_SP != final_P
    settled_P = np.where(other_SP.any(axis=0), steps - np.argmax(other_SP[::-1], axis=0), 0)
    return np.where(block.content_P & (final_P >= 0), settled_P, NEVER)


def commit_times(block: BlockTrace) -> NDArray[np.int64]:
    """(P,) start of the last uninterrupted run of steps at which the position was accepted, wherever that run ended.

    NEVER (-1) outside the content, and where the position was never accepted.
    """
    steps = block.committed_SP.shape[0]
    if steps == 0:
        return _nowhere(block)
    starts_SP = block.committed_SP.copy()
    starts_SP[1:] &= ~block.committed_SP[:-1]
    last_P = steps - 1 - np.argmax(starts_SP[::-1], axis=0)
    return np.where(block.content_P & starts_SP.any(axis=0), last_P, NEVER)


def acceptance_times(block: BlockTrace) -> NDArray[np.int64]:
    """(P,) first step at which the position was accepted, even if it was taken back.

    NEVER (-1) outside the content, and where the position was never accepted.
    """
    if block.committed_SP.shape[0] == 0:
        return _nowhere(block)
    first_P = np.argmax(block.committed_SP, axis=0)
    return np.where(block.content_P & block.committed_SP.any(axis=0), first_P, NEVER)


def content_times(block: BlockTrace, clock: Clock = determination_times) -> NDArray[np.int64]:
    """(C,) times of the content positions that have one, in text order."""
    times_P = clock(block)
    times_C: NDArray[np.int64] = times_P[times_P != NEVER]
    return times_C


def trace_times(trace: Trace, clock: Clock = determination_times) -> tuple[NDArray[np.int64], ...]:
    """`content_times` of every block, in text order; each block has its own clock, so times never cross blocks."""
    return tuple(content_times(block, clock) for block in trace.blocks)


def value_times(times_P: NDArray[np.int64], values: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """When each of V values was complete: (V,) the latest time of its tokens, NEVER where one has none.

    Args:
        times_P: times of all positions of the block.
        values: the positions of each value's K tokens, K > 0.
    """
    latest = [
        NEVER if np.any(times_P[list(tokens_K)] == NEVER) else int(times_P[list(tokens_K)].max()) for tokens_K in values
    ]
    return np.array(latest, dtype=np.int64)


def mid_ranks(times_P: NDArray[np.int64]) -> NDArray[np.float64]:
    """(P,) ranks of the times, from 1; positions of one step share the mean of their ranks. NaN where there is no time.

    A rank counts positions where a time counts sampler calls: two models that settle the same text in the same order
    have the same ranks, however many calls they take. Ranks belong to one block.
    """
    has_P = times_P != NEVER
    _, step, size = np.unique(times_P[has_P], return_inverse=True, return_counts=True)
    ranks_P = np.full(times_P.shape, np.nan)
    ranks_P[has_P] = (np.cumsum(size) - (size - 1) / 2.0)[step]
    return ranks_P


def _nowhere(block: BlockTrace) -> NDArray[np.int64]:
    return np.full(block.content_P.shape, NEVER, dtype=np.int64)
