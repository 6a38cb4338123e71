"""How long a text will be, as its canvas says long before the text is there.

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560): E[L] = sum over positions of (1 - p_pad), where p_pad
is the probability of padding; there near the final length after two steps.

Shape suffixes: S steps, P positions of a block, K most probable tokens.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.predictions import Ids, Probabilities
from monitorbench.metrics.score import Score


def expected_length(ids_SPK: Ids, probabilities_SPK: Probabilities, padding: Collection[int]) -> NDArray[np.float64]:
    """(S,) the expected number of positions that hold no padding, in [0, P].

    NaN at a step that has no prediction for some position: nothing is foreseen there. Padding that is none of the K
    tokens counts as having no probability.

    Args:
        ids_SPK: the most probable tokens; -1 where there was no prediction.
        probabilities_SPK: their probabilities.
        padding: ids that fill a canvas beyond the end of the text, those that end it included.
    """
    is_padding_SPK = np.isin(ids_SPK, np.array(sorted(padding), np.int32))
    padding_SP = np.where(is_padding_SPK, probabilities_SPK, 0.0).sum(-1, dtype=np.float64)
    expected_S = (1.0 - np.minimum(padding_SP, 1.0)).sum(-1)
    return np.where((ids_SPK[..., 0] >= 0).all(-1), expected_S, np.nan)


def length_error(expected: float, length: int) -> float:
    """How far an expected length is from a length, in shares of the longer of the two: in [0, 1]."""
    longer = max(expected, float(length))
    return abs(expected - length) / longer if longer > 0 else 0.0


def foresight_error(expected_S: NDArray[np.float64], length: int, *, steps: int) -> Score:
    """The error of the expected length after so many steps; `n` is the steps that were still to come.

    Undefined where nothing was still to come then, so that nothing can have been foreseen, or where a position had no
    prediction.

    Args:
        expected_S: expected lengths.
        length: the final one.
        steps: denoising steps that were made, at least 1.
    """
    if len(expected_S) <= steps:
        return Score.undefined(f"the canvas took no more than {steps} steps")
    expected = float(expected_S[steps - 1])
    if np.isnan(expected):
        return Score.undefined("no prediction for the positions to come")
    return Score.ok(length_error(expected, length), n=len(expected_S) - steps)


def foreseen_from(expected_S: NDArray[np.float64], length: int, *, tolerance: float = 0.5) -> int | None:
    """After how many steps the expected length came within so many tokens of the final one for good; None if never."""
    near_S = np.abs(expected_S - length) <= tolerance
    if not len(near_S) or not near_S[-1]:
        return None
    far = np.flatnonzero(~near_S)
    return int(far[-1]) + 2 if far.size else 1
