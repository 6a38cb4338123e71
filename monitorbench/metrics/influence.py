"""Which way does influence run on the canvas: from what is written earlier to what is written later, or back?

E(a -> b) = P(b takes the value implied by do(a = a')) - P(the same under the placebo). Forward F is over a before b in
the text, backward B over a behind b, both at the same distances: within each distance that occurs both ways the mean of
either direction is taken, and the distances are weighted by the smaller number of outcomes of the two.

Shape suffixes: N outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.effects import Effect, Outcomes, is_large, jackknife, too_few
from monitorbench.metrics.score import Score

WITHIN = "within 3 standard errors of 0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Influence:
    """Forward and backward influence; `n` of each score is prompts.

    Attributes:
        forward: F, in [-1, 1].
        backward: B, in [-1, 1].
        difference: F - B.
        total: F + B.
        index: (F - B) / (F + B), 1 for forward only and -1 for backward only; undefined where F + B is not larger than
            three of its standard errors: what is not there has no direction.
    """

    forward: Effect
    backward: Effect
    difference: Effect
    total: Effect
    index: Effect


def influence(forward: Outcomes, backward: Outcomes) -> Influence:
    """Influence by direction, matched on distance; undefined for fewer than 8 prompts or no distance in common."""
    prompts_N = (*forward.prompt_N, *backward.prompt_N)
    distance_N = np.concatenate([forward.distance_N, backward.distance_N])
    added_N = np.concatenate([forward.added, backward.added])
    ahead_N = np.arange(added_N.size) < forward.added.size

    def figures(keep_N: NDArray[np.bool_]) -> NDArray[np.float64]:
        found = _matched(added_N, distance_N, ahead_N, keep_N)
        return np.array([found[0], found[1], found[0] - found[1], found[0] + found[1], _index(*found)])

    nothing = too_few(prompts_N)
    if nothing is None and not set(forward.distance_N.tolist()) & set(backward.distance_N.tolist()):
        nothing = Score.undefined("no distance in common", n=len(set(prompts_N)))
    if nothing is not None:
        return Influence(**dict.fromkeys(Influence.__dataclass_fields__, Effect(score=nothing)))
    values, errors, count = jackknife(prompts_N, figures)
    effects = [Effect(score=Score.ok(value, n=count), error=error) for value, error in zip(values, errors, strict=True)]
    if not is_large(values[3], errors[3]):
        effects[4] = Effect(score=Score.undefined(f"forward and backward influence together are {WITHIN}", n=count))
    return Influence(**dict(zip(Influence.__dataclass_fields__, effects, strict=True)))


def _matched(
    added_N: NDArray[np.float64], distance_N: NDArray[np.int64], ahead_N: NDArray[np.bool_], keep_N: NDArray[np.bool_]
) -> tuple[float, float]:
    weights, forward, backward = [], [], []
    for distance in np.unique(distance_N):
        ahead, behind = (added_N[keep_N & (distance_N == distance) & way_N] for way_N in (ahead_N, ~ahead_N))
        if ahead.size and behind.size:
            weights.append(min(ahead.size, behind.size))
            forward.append(ahead.mean())
            backward.append(behind.mean())
    if not weights:
        return float("nan"), float("nan")
    return float(np.average(forward, weights=weights)), float(np.average(backward, weights=weights))


def _index(forward: float, backward: float) -> float:
    total = forward + backward
    return (forward - backward) / total if total else float("nan")
