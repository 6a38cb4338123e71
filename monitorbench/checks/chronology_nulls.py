"""What chronology scores come to without any order, from the first seed of every prompt; None where undefined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from monitorbench.checks.chronology_rollouts import dealt_curve, revised_elsewhere
from monitorbench.metrics.early_answer import early_answer
from monitorbench.metrics.order import permutation_null
from monitorbench.metrics.times import trace_times

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout

Rollouts = Mapping[str, Sequence["Rollout"]]


def order_null(base: Rollouts) -> float | None:
    """gamma when times are dealt to the positions of each block at random."""
    nulls = [permutation_null(trace_times(r.trace), seed=index) for index, r in enumerate(_first_seeds(base))]
    return _mean(null.mean for null in nulls if null is not None)


def revision_null(base: Rollouts) -> float | None:
    """The revision rate of text that is no answer."""
    spans = [revised_elsewhere(r).value for r in _first_seeds(base)]
    return _mean(value for value in spans if value is not None)


def early_null(base: Rollouts) -> float | None:
    """Early answering when times are dealt to the tokens of answer and reasoning at random."""
    dealt = [dealt_curve(r, seed=index) for index, r in enumerate(_first_seeds(base))]
    pairs = [pair for pair in dealt if pair is not None]
    return early_answer([area for area, _ in pairs], [start for _, start in pairs]).value


def _first_seeds(base: Rollouts) -> list[Rollout]:
    return [seeds[0] for seeds in base.values()]


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None
