"""Tokens that a carried value was sure of for a while and that the final text knows nothing of.

Shape suffixes: S steps, P positions of a block, K most probable tokens in falling order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.token_classes import OTHER, Ids

SURE, STEPS = 0.5, 2
"""A token is sure from this probability on, and held when it is sure for at least so many steps in a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """One sure token without any likeness in the final text.

    Attributes:
        step: first step at which it was sure, from 0.
        steps: for how many steps in a row.
        position: position in the block.
        token: its id.
        probability: the largest it had in that time.
    """

    step: int
    steps: int
    position: int
    token: int
    probability: float


def confident_residue(
    token_SPK: Ids, probability_SPK: NDArray[np.float32], class_SPK: NDArray[np.int8]
) -> tuple[Held, ...]:
    """Every run of steps in which a position's most probable token was the same, sure, and of the class `other`."""
    token_SP, probability_SP = token_SPK[..., 0], probability_SPK[..., 0]
    strange_SP = (probability_SP >= SURE) & (class_SPK[..., 0] == OTHER)
    found = []
    for position in np.flatnonzero(strange_SP.any(0)).tolist():
        for first, last in _runs(np.where(strange_SP[:, position], token_SP[:, position], -1)):
            if last - first >= STEPS:
                found.append(
                    Held(
                        step=first,
                        steps=last - first,
                        position=position,
                        token=int(token_SP[first, position]),
                        probability=float(probability_SP[first:last, position].max()),
                    )
                )
    return tuple(found)


def _runs(token_S: Ids) -> list[tuple[int, int]]:
    """Start and end of every stretch of one token; -1 is none."""
    bounds = [0, *(np.flatnonzero(np.diff(token_S)) + 1).tolist(), token_S.size]
    return [(first, last) for first, last in pairwise(bounds) if token_S[first] >= 0]
