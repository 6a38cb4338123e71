"""The chronology scores of one prompt, from the traces of its rollouts.

Shape suffixes: P positions of the whole text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.dependency import ContentPosition, content_position, dependency
from monitorbench.metrics.order import permutation_null, rollout_order
from monitorbench.metrics.revision import revision
from monitorbench.metrics.score import Score
from monitorbench.metrics.times import NEVER, determination_times, trace_times, value_times
from monitorbench.metrics.trace import Trace

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout

RANGES = {
    "order.gamma": (-1.0, 1.0),
    "order.resolved": (0.0, 1.0),
    "dependency.content": (-1.0, 1.0),
    "dependency.position": (-1.0, 1.0),
    "revision.rate": (0.0, 1.0),
}
"""Every score that can be gated, with its least and largest possible value."""

Found = TypeVar("Found")
Rollouts = Mapping[str, Sequence["Rollout"]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One score: a value for every prompt that has one, why the others have none, and its value without any order."""

    values: tuple[float, ...]
    dropped: Mapping[str, int]
    null: float | None = None

    @property
    def n(self) -> int:
        """Number of prompts that have a value."""
        return len(self.values)


def by_construction(left_to_right: bool, measured: Mapping[str, Measured]) -> dict[str, float]:
    """What scores have to be where every token is committed once, in text order.

    Dependency follows the text then, so it is fixed only where every text is written in the order that was asked for.
    """
    if not left_to_right:
        return {}
    obeyed = {
        name: value
        for name, value in (("dependency.content", 0.0), ("dependency.position", 1.0))
        if all(found == value for found in measured[name].values)
    }
    return {"order.gamma": 1.0, "order.resolved": 1.0, "revision.rate": 0.0, **obeyed}


def measure(base: Rollouts, other: Rollouts, *, swapped: bool = False) -> dict[str, Measured]:
    """Every score over the prompts of an arm.

    Args:
        base: rollouts by prompt.
        other: rollouts of the same problems in the other text order; empty where the task has only one.
        swapped: the base arm is the one in reversed text order.
    """
    orders = {prompt: [rollout_order(trace_times(r.trace)) for r in rollouts] for prompt, rollouts in base.items()}
    crossed = {
        prompt: [
            _crossed(a, b, swapped=swapped) for a, b in zip(rollouts, other.get(prompt, ()), strict=prompt in other)
        ]
        for prompt, rollouts in base.items()
    }
    return {
        "order.gamma": _averaged(orders, lambda order: order.gamma, null=_order_null(base)),
        "order.resolved": _averaged(orders, lambda order: order.resolved),
        "dependency.content": _averaged(crossed, lambda pair: pair.content, null=0.0),
        "dependency.position": _averaged(crossed, lambda pair: pair.position, null=0.0),
        "revision.rate": _averaged(
            {p: [_revised(r) for r in rollouts] for p, rollouts in base.items()}, lambda score: score
        ),
    }


def _crossed(rollout: Rollout, other: Rollout, *, swapped: bool) -> ContentPosition:
    topological, reversed_ = (other, rollout) if swapped else (rollout, other)
    return content_position(_dependency(topological), _dependency(reversed_))


def _averaged(
    found: Mapping[str, Sequence[Found]], score_of: Callable[[Found], Score], null: float | None = None
) -> Measured:
    """Averages the seeds of each prompt; one with no defined score is dropped, with the reason of its first seed."""
    values, dropped = [], Counter[str]()
    for per_seed in found.values():
        scores = [score_of(item) for item in per_seed]
        defined = [score.value for score in scores if score.value is not None]
        if defined:
            values.append(sum(defined) / len(defined))
        else:
            reason = scores[0].status.removeprefix("undefined: ") if scores else "the task has one text order only"
            dropped[reason] += 1
    return Measured(values=tuple(values), dropped=dict(dropped), null=null)


def _order_null(base: Rollouts) -> float | None:
    first = [rollouts[0] for rollouts in base.values()]
    nulls = [permutation_null(trace_times(rollout.trace), seed=index) for index, rollout in enumerate(first)]
    means = [null.mean for null in nulls if null is not None]
    return sum(means) / len(means) if means else None


def text_times(trace: Trace) -> NDArray[np.int64]:
    """(P,) determination times over all blocks on one clock: a block starts when the one before it is done."""
    times, start = [], 0
    for block in trace.blocks:
        times_P = determination_times(block)
        times.append(np.where(times_P == NEVER, NEVER, times_P + start))
        start += len(block.tokens_SP)
    return np.concatenate(times) if times else np.empty(0, dtype=np.int64)


def _dependency(rollout: Rollout) -> Score:
    names = list(rollout.value_positions)
    edges = [
        (names.index(edge.cause), names.index(edge.effect))
        for edge in rollout.problem.edges
        if edge.cause in rollout.value_positions and edge.effect in rollout.value_positions
    ]
    if not names:
        return Score.undefined("no value of the graph in the text")
    return dependency(value_times(text_times(rollout.trace), list(rollout.value_positions.values())), edges)


def _revised(rollout: Rollout) -> Score:
    """Whether the answer was revised, in the block that states it."""
    start = 0
    for block in rollout.trace.blocks:
        width = block.content_P.size
        answer = [position - start for position in rollout.answer_positions if start <= position < start + width]
        if answer:
            content = np.flatnonzero(block.content_P).tolist()
            return revision(block, answer=answer, reasoning=[p for p in content if p not in answer]).revised
        start += width
    return Score.undefined("no answer in the text")
