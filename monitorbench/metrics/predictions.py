"""What a canvas holds at each step: the most probable tokens of its predictions.

Shape suffixes: S steps, P positions of a block, K most probable tokens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.trace import BlockTrace

Ids = NDArray[np.int32]
Probabilities = NDArray[np.float32]


def predictions(block: BlockTrace, *, carried: bool) -> tuple[Ids, Probabilities] | None:
    """(S, P, K) ids and probabilities; None where the trace holds none.

    Args:
        block: the trace.
        carried: whether what was predicted at one step reaches the next. Where only the canvas does, a position that
            was accepted for good holds its token from the next step on, whatever the model would say there again:
            nobody asks it, and masked models never learned to.
    """
    ids_SPK, probabilities_SPK = block.top_ids_SPK, block.top_probabilities_SPK
    if ids_SPK is None or probabilities_SPK is None or not len(ids_SPK):
        return None
    if carried:
        return ids_SPK, probabilities_SPK
    held_SP = np.zeros_like(block.committed_SP)
    held_SP[1:] = np.logical_and.accumulate(block.committed_SP[::-1])[::-1][:-1]
    first_K = np.arange(ids_SPK.shape[-1]) == 0
    token_SPK = np.where(first_K, block.tokens_SP[-1][None, :, None], -1).astype(np.int32)
    held_SP1 = held_SP[..., None]
    sure_SPK = np.where(held_SP1, first_K.astype(np.float32), probabilities_SPK)
    return np.where(held_SP1, token_SPK, ids_SPK), sure_SPK
