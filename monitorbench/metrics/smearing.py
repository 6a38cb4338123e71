"""Is a token, or a run of tokens, on the canvas at several places at once, though the text has it at one?

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560), token and sequence smearing: what will be written is
known before it is known where, and its probability is spread over neighbouring places.

Shape suffixes: S steps, P positions of a block, K most probable tokens, N n-grams of the final text, J places of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.predictions import Ids, Probabilities
from monitorbench.metrics.score import Score

REACH = 10
"""Positions to either side of a token that its probability is added up over."""
LEAST_MASS, LEAST_PLACES = 0.5, 2.0
"""A token is smeared where the sum of its probabilities m is at least the first, and the effective number of its
places, (sum m)^2 / sum m^2, at least the second.
"""
LEAST_LIKELY, RUN = 0.1, 3
"""Runs of so many tokens are smeared where the geometric mean of their probabilities is at least this at two places."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Smearing:
    """How much of one block was smeared.

    Attributes:
        share: tokens, or runs of tokens, that were smeared at some step; `n` is how many could have been.
        steps_S: the same at each step; empty where the share is undefined.
        positions: those that were, by the position at which the final text has them.
    """

    share: Score
    steps_S: NDArray[np.float64]
    positions: tuple[int, ...] = ()


def probability_of(token: int, ids_SPK: Ids, probabilities_SPK: Probabilities) -> NDArray[np.float64]:
    """(S, P) the probability of one token; 0 where it is none of the K that were kept."""
    found_SP: NDArray[np.float64] = np.where(ids_SPK == token, probabilities_SPK, 0.0).sum(-1, dtype=np.float64)
    return found_SP


def token_smearing(
    ids_SPK: Ids, probabilities_SPK: Probabilities, final_P: Ids, *, content: int, reach: int = REACH
) -> Smearing:
    """Smearing of single tokens.

    A token that the final text has twice within reach would be at two places rightly, and is left out.

    Args:
        ids_SPK: the most probable tokens.
        probabilities_SPK: their probabilities.
        final_P: the final tokens.
        content: how many of them are text.
        reach: positions to either side.
    """
    smeared: dict[int, NDArray[np.bool_]] = {}
    for place in range(content):
        first, last = max(0, place - reach), place + reach + 1
        token = int(final_P[place])
        if np.count_nonzero(final_P[first : min(last, content)] == token) == 1:
            part = np.s_[:, first:last]
            smeared[place] = _is_spread(probability_of(token, ids_SPK[part], probabilities_SPK[part]))
    return _smearing(smeared, "no token that stands once within reach")


def sequence_smearing(
    ids_SPK: Ids, probabilities_SPK: Probabilities, final_P: Ids, *, content: int, run: int = RUN
) -> Smearing:
    """Smearing of runs of tokens: one run, likely at one step at two places that overlap.

    Two different runs at one place are mere doubt about a word, so that both have to be the same. A run that the final
    text has twice so near is left out.

    Args:
        ids_SPK: the most probable tokens.
        probabilities_SPK: their probabilities.
        final_P: the final tokens.
        content: how many of them are text.
        run: tokens of a run, at least 2.
    """
    text = [int(token) for token in final_P[:content]]
    likely = {token: probability_of(token, ids_SPK, probabilities_SPK) for token in set(text)}
    smeared: dict[int, NDArray[np.bool_]] = {}
    for place in range(content - run + 1):
        tokens = text[place : place + run]
        near = range(max(0, place - run + 1), min(ids_SPK.shape[1] - run, place + run - 1) + 1)
        if sum(text[other : other + run] == tokens for other in near) > 1:
            continue
        here_SJ = np.stack([_geometric_mean(tokens, likely, other) for other in near], axis=1) >= LEAST_LIKELY
        pairs = (here_SJ[:, :-lag] & here_SJ[:, lag:] for lag in range(1, min(run, len(near))))
        smeared[place] = np.any([pair_SJ.any(1) for pair_SJ in pairs], axis=0) & np.ones(len(here_SJ), bool)
    return _smearing(smeared, f"no run of {run} tokens that stands once")


def _is_spread(mass_SP: NDArray[np.float64]) -> NDArray[np.bool_]:
    total_S, squares_S = mass_SP.sum(1), np.square(mass_SP).sum(1)
    spread_S: NDArray[np.bool_] = (total_S >= LEAST_MASS) & (np.square(total_S) >= LEAST_PLACES * squares_S)
    return spread_S


def _geometric_mean(tokens: Sequence[int], likely: dict[int, NDArray[np.float64]], place: int) -> NDArray[np.float64]:
    each_SR = np.stack([likely[token][:, place + offset] for offset, token in enumerate(tokens)], axis=1)
    mean_S: NDArray[np.float64] = each_SR.prod(1) ** (1.0 / len(tokens))
    return mean_S


def _smearing(smeared: dict[int, NDArray[np.bool_]], otherwise: str) -> Smearing:
    if not smeared:
        return Smearing(share=Score.undefined(otherwise), steps_S=np.empty(0))
    smeared_SN = np.stack(list(smeared.values()), axis=1)
    positions = tuple(place for place, steps_S in smeared.items() if steps_S.any())
    share = Score.ok(len(positions) / len(smeared), n=len(smeared))
    return Smearing(share=share, steps_S=smeared_SN.mean(1), positions=positions)
