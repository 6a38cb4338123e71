"""Expected and final lengths of an arm's canvases.

Shape suffixes: S steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from monitorbench.checks.shares import Rollouts, Shares, shares
from monitorbench.metrics.length_foresight import expected_length, foreseen_from, foresight_error, length_error
from monitorbench.metrics.predictions import predictions
from monitorbench.metrics.score import Score

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout

CUT_OFF = "the budget cut the text off"
NO_END = "no canvas has the end of the text and room behind it"
NO_PREDICTIONS = "the trace holds no predictions"


@dataclass(frozen=True, kw_only=True, slots=True)
class Canvas:
    """The canvas on which a text ends: the expected length at each step, and what it came to."""

    expected_S: NDArray[np.float64]
    length: int


@dataclass(kw_only=True, slots=True)
class Measured:
    """What the rollouts of all prompts came to.

    Attributes:
        error: errors of the expected length after the steps that were asked for.
        null: errors of the same expectations of the length of another prompt's text.
        canvases: all that could be scored.
        padding: the ids that count as padding.
    """

    error: Shares
    null: Shares
    canvases: list[Canvas] = field(default_factory=list)
    padding: tuple[int, ...] = ()


def measure(rollouts: Rollouts, *, steps: int, carried: bool) -> Measured:
    """The errors after so many steps, and the same against the length of the next prompt's text.

    Args:
        rollouts: of each prompt.
        steps: denoising steps that were made.
        carried: whether predictions reach the next step.
    """
    padding = padding_of(rollouts)
    canvases = {id(each): canvas_of(each, padding, carried=carried) for seeds in rollouts.values() for each in seeds}
    others = dict(zip(rollouts, [*list(rollouts)[1:], *list(rollouts)[:1]], strict=True))

    def own(rollout: Rollout) -> Score:
        canvas = canvases[id(rollout)]
        if isinstance(canvas, str):
            return Score.undefined(canvas)
        return foresight_error(canvas.expected_S, canvas.length, steps=steps)

    def strange(rollout: Rollout) -> Score:
        prompt = others[rollout.problem.id]
        canvas, other = canvases[id(rollout)], canvases[id(rollouts[prompt][0])]
        if isinstance(canvas, str) or isinstance(other, str) or prompt == rollout.problem.id:
            return Score.undefined("no other text to compare with")
        return foresight_error(canvas.expected_S, other.length, steps=steps)

    return Measured(
        error=shares(rollouts, own),
        null=shares(rollouts, strange),
        canvases=[canvas for canvas in canvases.values() if isinstance(canvas, Canvas)],
        padding=padding,
    )


def padding_of(rollouts: Rollouts) -> tuple[int, ...]:
    """Tokens that stand beyond the end of some text and in none: what a canvas is filled up with."""
    beyond: set[int] = set()
    within: set[int] = set()
    for seeds in rollouts.values():
        for rollout in seeds:
            for block in rollout.trace.blocks:
                if len(block.tokens_SP):
                    beyond |= set(block.tokens_SP[-1][~block.content_P].tolist())
                    within |= set(block.tokens_SP[-1][block.content_P].tolist())
    return tuple(sorted(beyond - within - {-1}))


def canvas_of(rollout: Rollout, padding: tuple[int, ...], *, carried: bool) -> Canvas | str:
    """The canvas on which a text ends, or the reason why there is none."""
    if not rollout.finished:
        return CUT_OFF
    block = next((block for block in rollout.trace.blocks if not block.content_P.all()), None)
    if block is None or not padding:
        return NO_END
    found = predictions(block, carried=carried)
    if found is None:
        return NO_PREDICTIONS
    return Canvas(expected_S=expected_length(*found, padding), length=int(block.content_P.sum()))


def by_step(canvases: list[Canvas]) -> list[dict[str, Any]]:
    """Mean error after every number of steps, over the canvases that had more to come."""
    found = []
    for steps in range(1, max((len(canvas.expected_S) for canvas in canvases), default=0)):
        errors = [
            length_error(float(canvas.expected_S[steps - 1]), canvas.length)
            for canvas in canvases
            if len(canvas.expected_S) > steps and not np.isnan(canvas.expected_S[steps - 1])
        ]
        if errors:
            found.append({"steps": steps, "error": round(sum(errors) / len(errors), 4), "canvases": len(errors)})
    return found


def known_from(canvases: list[Canvas]) -> float | None:
    """Median number of steps after which the length was known for good, within half a token; None where it never was
    on half of the canvases.
    """
    steps = sorted(foreseen_from(canvas.expected_S, canvas.length) or np.inf for canvas in canvases)
    middle = float(np.median(steps)) if steps else np.inf
    return middle if np.isfinite(middle) else None
