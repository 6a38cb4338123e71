"""Do thoughts hold the values that the answer is worked out of, and in the order in which they are?

A value counts as held by a thought whose lens puts one of the value's tokens among its K most probable, and at least
twice as probable as if it took all tokens for equally likely: what a flat reading ranks first is not said. That alone
proves little: a lens names some tokens all the time. So the same readings are asked for the values of other prompts,
the shuffled null. And what can be decoded need not be used: a claim needs an interchange too.

Shape suffixes: L thoughts, K most probable tokens, R rollouts, V values of a rollout.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.dependency import Edge, dependency
from monitorbench.metrics.effects import FEWEST_PROMPTS, jackknife
from monitorbench.metrics.score import Score
from monitorbench.metrics.times import NEVER

ABOVE_CHANCE = 2.0
"""How often as probable as one of equally likely tokens a token has to be to be said."""
Values = Sequence[Sequence[int]]
"""Of every value of a rollout, the tokens that stand for it; any of them will do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """What a lens finds of known values; `n` of each score is rollouts.

    Attributes:
        share: share of values held by some thought, in [0, 1], averaged over rollouts.
        chance: the same for the values of every other rollout: the shuffled null.
        kappa: (share - chance) / (1 - chance), at most 1 and 0 for chance.
        error: standard error of kappa, by the jackknife over prompts; 0 where it is undefined.
    """

    share: Score
    chance: Score
    kappa: Score
    error: float = 0.0


def said(ids_LK: NDArray[np.int32], probabilities_LK: NDArray[np.float32], vocabulary: int) -> NDArray[np.int32]:
    """(L, K) the tokens that a lens says, -1 in place of the others.

    Args:
        ids_LK: most probable tokens of every thought.
        probabilities_LK: their probabilities.
        vocabulary: tokens that there are.
    """
    return np.where(probabilities_LK >= ABOVE_CHANCE / vocabulary, ids_LK, np.int32(-1))


def first_held(ids_LK: NDArray[np.int32], values: Values) -> NDArray[np.int64]:
    """(V,) the first thought that holds each value, NEVER where none does.

    Args:
        ids_LK: most probable tokens of every thought; -1 where there are fewer.
        values: the tokens of each value.
    """
    held = [np.isin(ids_LK, [token for token in tokens if token >= 0]).any(axis=1) for tokens in values]
    return np.array([int(found_L.argmax()) if found_L.any() else NEVER for found_L in held], dtype=np.int64)


def coverage(readings_R: Sequence[NDArray[np.int32]], values_R: Sequence[Values]) -> Coverage:
    """Chance-corrected coverage over rollouts, one for each prompt; undefined for fewer than 8 that have values.

    Raises:
        ValueError: the two differ in length.
    """
    pairs = [(ids_LK, values) for ids_LK, values in zip(readings_R, values_R, strict=True) if len(values)]
    if len(pairs) < FEWEST_PROMPTS:
        nothing = Score.undefined(f"fewer than {FEWEST_PROMPTS} prompts with values", n=len(pairs))
        return Coverage(share=nothing, chance=nothing, kappa=nothing)
    held_R = [{int(token) for token in np.unique(ids_LK)} - {-1} for ids_LK, _ in pairs]
    found_RR = np.array([[_share(held, values) for _, values in pairs] for held in held_R])

    def figures(keep_R: NDArray[np.bool_]) -> NDArray[np.float64]:
        return _figures(found_RR[np.ix_(keep_R, keep_R)])

    (share, chance, kappa), (*_, error), n = jackknife([str(index) for index in range(len(pairs))], figures)
    known = not np.isnan(kappa) and not np.isnan(error)
    return Coverage(
        share=Score.ok(float(share), n=n),
        chance=Score.ok(float(chance), n=n),
        kappa=Score.ok(float(kappa), n=n) if known else Score.undefined("chance holds all", n=n),
        error=float(error) if known else 0.0,
    )


def thought_order(ids_LK: NDArray[np.int32], values: Values, edges: Sequence[Edge]) -> Score:
    """(edges with the cause held first - the effect first) / resolved edges among the values that are held, in [-1, 1].

    Args:
        ids_LK: most probable tokens of every thought.
        values: the tokens of each value.
        edges: (cause, effect) indices into the values.
    """
    return dependency(first_held(ids_LK, values), edges)


def _figures(found_RR: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) share, chance and kappa, which is NaN where chance holds all."""
    n = len(found_RR)
    share, chance = found_RR.trace() / n, (found_RR.sum() - found_RR.trace()) / (n * (n - 1))
    return np.array([share, chance, (share - chance) / (1.0 - chance) if chance < 1.0 else np.nan])


def _share(held: AbstractSet[int], values: Values) -> float:
    return sum(not held.isdisjoint(tokens) for tokens in values) / len(values)
