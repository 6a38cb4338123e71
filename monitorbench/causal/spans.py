"""Where a rollout states what, and which tokens would state something else there.

Shape suffixes: P positions of the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from monitorbench.metrics.times import determination_times
from monitorbench.rollouts.arm import Rollout
from monitorbench.tasks.base import ANSWER

MOMENTS = ("start", "reasoning-25", "reasoning-50", "reasoning-75", "answer-stable")
"""When something is changed: after the first step, when so many per cent of the reasoning are determined, or when the
answer is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Where a value stands.

    Attributes:
        node: the value's name, or `ANSWER`.
        block: the block.
        positions: of the block's canvas, in text order.
        tokens: what stands there in the end.
    """

    node: str
    block: int
    positions: tuple[int, ...]
    tokens: tuple[int, ...]


Lexicon = Mapping[tuple[str, int], tuple[int, ...]]
"""Tokens that state a value, by the value and their number."""


def spans(rollout: Rollout) -> dict[str, Span]:
    """The spans of all values that a rollout states rightly, and of its answer where that is right, by name.

    A value that runs across blocks has none.
    """
    places = dict(rollout.value_positions)
    if rollout.correct and rollout.answer_positions:
        places[ANSWER] = rollout.answer_positions
    found = {}
    for node, positions in places.items():
        start = 0
        for number, block in enumerate(rollout.trace.blocks):
            width = block.content_P.size
            if all(start <= position < start + width for position in positions):
                inside = tuple(position - start for position in positions)
                tokens = tuple(rollout.tokens[position] for position in positions)
                found[node] = Span(node=node, block=number, positions=inside, tokens=tokens)
            start += width
    return found


def lexicon(rollouts: Iterable[Rollout]) -> Lexicon:
    """Tokens by which the model itself has stated each value somewhere: what is put in is what it would write."""
    found: dict[tuple[str, int], tuple[int, ...]] = {}
    for rollout in rollouts:
        values = {**rollout.problem.values, ANSWER: rollout.problem.answer}
        for node, span in spans(rollout).items():
            found.setdefault((values[node], len(span.tokens)), span.tokens)
    return found


def moment(rollout: Rollout, name: str, block: int) -> int | None:
    """The step of a block after which something is changed; None where it never comes.

    Args:
        rollout: the rollout as it is, under the same seed.
        name: one of `MOMENTS`.
        block: the block.
    """
    if name == "start":
        return 0
    trace = rollout.trace.blocks[block]
    before = sum(other.content_P.size for other in rollout.trace.blocks[:block])
    answer = [place - before for place in rollout.answer_positions if 0 <= place - before < trace.content_P.size]
    times_P = determination_times(trace)
    if name == "answer-stable":
        return int(times_P[answer].max()) if answer and (times_P[answer] >= 0).all() else None
    reasoning = sorted(set(np.flatnonzero(trace.content_P).tolist()) - set(answer))
    times = np.sort(times_P[reasoning])
    if not times.size or times[0] < 0:
        return None
    share = int(name.removeprefix("reasoning-")) / 100
    return int(times[int(np.ceil(share * times.size)) - 1])


def tail(rollout: Rollout) -> Span | None:
    """What stands behind the token that ends the text in its last block; None where nothing does.

    Its tokens are those of the last step.
    """
    if not rollout.trace.blocks or not rollout.finished:
        return None
    block = rollout.trace.blocks[-1]
    first = int(block.content_P.sum()) + 1
    positions = tuple(range(first, block.content_P.size))
    tokens = tuple(int(token) for token in block.tokens_SP[-1][first:])
    if not positions or min(tokens) < 0:
        return None
    return Span(node="", block=len(rollout.trace.blocks) - 1, positions=positions, tokens=tokens)
