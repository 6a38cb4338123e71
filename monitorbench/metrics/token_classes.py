"""Whether what a carried value says at each position can be read: every kept token against the final text.

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560), the classes of variable transparency.

Shape suffixes: S steps, P positions of a block, K most probable tokens in falling order, T positions of the final text,
N neighbours of a token, M tokens of one position, X kept tokens, W positions in reach.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASSES = (
    "final token here",
    "final token near by",
    "neighbour of the final token here",
    "neighbour of a final token near by",
    "other",
)
"""A kept token belongs to the first class that fits. Classes count from 1; 0 is a token that is not kept."""
OTHER = len(CLASSES)
UNREAD = -1
"""The id where no value was carried."""

Ids = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalText:
    """What a rollout ended in.

    Attributes:
        token_T: int32, ids of the final text.
        neighbour_TN: int32, ids of the tokens most like each of them, nearest first; -1 where there are fewer.
    """

    token_T: Ids
    neighbour_TN: Ids


def tokens_for(min_p: float) -> int:
    """How many tokens can have a probability of at least `min_p`, 0 < min_p <= 1."""
    return math.floor(1.0 / min_p + 1e-9)


def kept_by_min_p(
    token_SPK: Ids, probability_SPK: NDArray[np.float32], min_p: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tokens of at least this probability; the most probable one where there is none.

    Returns:
        (S, P, K) whether each token is kept, and (S, P) where no token is as probable as that.
    """
    enough_SPK = (probability_SPK >= np.float32(min_p)) & (token_SPK != UNREAD)
    none_SP = ~enough_SPK.any(-1) & (token_SPK[..., 0] != UNREAD)
    enough_SPK[..., 0] |= none_SP
    return enough_SPK, none_SP


def kept_by_top_k(token_SPK: Ids, k: int) -> NDArray[np.bool_]:
    """(S, P, K) the `k` most probable tokens."""
    kept_SPK: NDArray[np.bool_] = (np.arange(token_SPK.shape[-1]) < k) & (token_SPK != UNREAD)
    return kept_SPK


def may_lack(probability_SPK: NDArray[np.float32], min_p: float, top_k: int, *, vocabulary: int) -> NDArray[np.bool_]:
    """(S, P) where either filter may keep more tokens than the K that the trace has."""
    width = probability_SPK.shape[-1]
    if width >= min(max(tokens_for(min_p), top_k), vocabulary):
        return np.zeros(probability_SPK.shape[:-1], bool)
    lacking_SP: NDArray[np.bool_] = (probability_SPK[..., -1] >= np.float32(min_p)) | (width < top_k)
    return lacking_SP


def classify(
    token_SPK: Ids, kept_SPK: NDArray[np.bool_], final: FinalText, *, window: int, neighbours: int, start: int = 0
) -> NDArray[np.int8]:
    """(S, P, K) the class of every kept token; 0 of those that are not kept or lie beyond the end of the final text.

    Args:
        token_SPK: ids of the most probable tokens.
        kept_SPK: which of them count.
        final: the text they are held against.
        window: positions to either side that are near by.
        neighbours: how many of the neighbours of a final token count.
        start: position in the text at which the block begins.
    """
    length = final.token_T.size
    inside_P = start + np.arange(token_SPK.shape[1]) < length
    step, place, rank = np.nonzero(kept_SPK & inside_P[None, :, None])
    token_X, position_X = token_SPK[step, place, rank].astype(np.int64), place + start
    like_TN = final.neighbour_TN[:, :neighbours]
    found = [
        _among(token_X, position_X, by_position_TM, reach)
        for by_position_TM in (final.token_T[:, None], like_TN)
        for reach in (0, window)
    ]
    class_SPK = np.zeros(token_SPK.shape, np.int8)
    class_SPK[step, place, rank] = np.select(found, range(1, OTHER), default=OTHER)
    return class_SPK


def count_classes(class_SPK: NDArray[np.int8]) -> NDArray[np.int64]:
    """(S, 5) how many tokens of each class there are at each step."""
    return np.stack([(class_SPK == each).sum((1, 2)) for each in range(1, OTHER + 1)], axis=-1)


def _among(
    token_X: NDArray[np.int64], position_X: NDArray[np.int64], by_position_TM: Ids, reach: int
) -> NDArray[np.bool_]:
    """(X,) whether each token stands at any position of the text that is within reach of its own."""
    length = len(by_position_TM)
    base = 1 + max(int(token_X.max(initial=0)), int(by_position_TM.max(initial=0)))
    seen_from_TW = np.arange(length)[:, None] + np.arange(-reach, reach + 1)
    codes_TWM = seen_from_TW[:, :, None] * base + by_position_TM[:, None, :].astype(np.int64)
    valid_TWM = ((seen_from_TW >= 0) & (seen_from_TW < length))[:, :, None] & (by_position_TM[:, None, :] != UNREAD)
    found: NDArray[np.bool_] = np.isin(position_X * base + token_X, codes_TWM[valid_TWM])
    return found
