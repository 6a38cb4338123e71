"""What is kept of one rollout, in plain arrays: all that any score may look at.

Shape suffixes: S steps, P positions of the block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockTrace:
    """One block (canvas) of one rollout, one row per step at which the rollout was still running.

    Attributes:
        tokens_SP: int32, the argmax canvas after each step; -1 where a position had no prediction yet.
        committed_SP: bool, positions accepted at each step; may go back to False.
        entropy_SP: float32, entropy in nats of each position's prediction; NaN where there was none.
        content_P: bool, positions that hold content: before the end of the text, no padding.
    """

    tokens_SP: NDArray[np.int32]
    committed_SP: NDArray[np.bool_]
    entropy_SP: NDArray[np.float32]
    content_P: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """All blocks of one rollout, in text order."""

    blocks: tuple[BlockTrace, ...]
