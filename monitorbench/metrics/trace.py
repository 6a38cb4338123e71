"""What is kept of one rollout, in plain arrays: all that any score may look at.

Shape suffixes: S steps, P positions of the block, K most probable tokens, L thoughts, N neighbours of a token.
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
        top_ids_SPK: int32, the most probable tokens of each position's latest prediction, in falling order, of equal
            ones the smaller id first; 8, or all there are; -1 where there was none. None of traces made without them.
        top_probabilities_SPK: float32, their probabilities, recorded to the 11 bits of a half; 0 where there was none.
        canvas_SP: int32, the canvas that the prediction of each step was made from; None where the model sees none.
        carried_ids_SPK: int32, the most probable tokens of what was carried on from each step, in falling order, of
            equal ones the smaller id first; -1 where nothing was carried. None where the arm does not watch it.
        carried_probabilities_SPK: float32, their probabilities; 0 where nothing was carried.
        thought_ids_LK: int32, the most probable tokens of each thought that came before the block's text, as above; in
            the first block only, and -1 where a row had stopped thinking. None where the arm does not watch it.
        thought_probabilities_LK: float32, their probabilities; 0 where there is none.
        neighbours_PN: int32, the tokens whose input embeddings are most like that of the final token of each position,
            nearest first; -1 where there are fewer, and beyond the end of the text. None where not asked for.
    """

    tokens_SP: NDArray[np.int32]
    committed_SP: NDArray[np.bool_]
    entropy_SP: NDArray[np.float32]
    content_P: NDArray[np.bool_]
    top_ids_SPK: NDArray[np.int32] | None = None
    top_probabilities_SPK: NDArray[np.float32] | None = None
    canvas_SP: NDArray[np.int32] | None = None
    carried_ids_SPK: NDArray[np.int32] | None = None
    carried_probabilities_SPK: NDArray[np.float32] | None = None
    thought_ids_LK: NDArray[np.int32] | None = None
    thought_probabilities_LK: NDArray[np.float32] | None = None
    neighbours_PN: NDArray[np.int32] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """All blocks of one rollout, in text order."""

    blocks: tuple[BlockTrace, ...]
