"""The chronology scores of one task: a value for every prompt, and why others have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from monitorbench.checks import chronology_rollouts as rollout_scores
from monitorbench.checks.chronology_nulls import Rollouts, early_null, order_null, revision_null
from monitorbench.checks.chronology_scales import IF_OBEYED, LEFT_TO_RIGHT
from monitorbench.metrics.ar_ness import global_ar_ness, local_ar_ness, rollout_ar_ness
from monitorbench.metrics.crossing import ContentPosition
from monitorbench.metrics.early_answer import AnswerCurve, early_answer
from monitorbench.metrics.order import rollout_order
from monitorbench.metrics.revision import Revision
from monitorbench.metrics.score import Score
from monitorbench.metrics.times import trace_times

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout

ONE_FORM = "the task has one text order only"
Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The rollouts of one task by prompt, in the forms in which it was asked.

    Attributes:
        base: as the suite declares the task.
        other_order: the same problems in the other text order; empty where the task has only one.
        other_place: the same problems with the answer at the other end; empty where the task has only one place for it.
        reversed_: whether `base` is in reversed text order.
        answer_first: whether `base` states the answer first.
    """

    base: Rollouts
    other_order: Rollouts = field(default_factory=dict)
    other_place: Rollouts = field(default_factory=dict)
    reversed_: bool = False
    answer_first: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One score over prompts.

    Attributes:
        values: one for every prompt that has one; their mean is the score.
        per: what that mean is divided by the mean of, prompt by prompt, where the score is a ratio; else None.
        dropped: why the other prompts have none.
        prompts: ids of those that have one.
        null: what the score is without any order.
    """

    values: tuple[float, ...]
    dropped: Mapping[str, int]
    prompts: tuple[str, ...] = ()
    per: tuple[float, ...] | None = None
    null: float | None = None

    @property
    def n(self) -> int:
        """Number of prompts that have a value."""
        return len(self.values)


def by_construction(left_to_right: bool, measured: Mapping[str, Measured]) -> dict[str, float]:
    """What scores have to be where every token is committed once, in text order.

    Those of crossed forms follow the text then, so they are fixed only where every text is in the form asked for.
    """
    if not left_to_right:
        return {}
    obeyed = {
        name: value
        for name, value in IF_OBEYED.items()
        if name in measured and all(found == value for found in measured[name].values)
    }
    return {**LEFT_TO_RIGHT, **obeyed}


def measure(recorded: Recorded) -> dict[str, Measured]:
    """Every score over the prompts of a task, in the order of `chronology_scales.RANGES`."""
    base = recorded.base
    orders = _each(base, lambda r: rollout_order(trace_times(r.trace)))
    local = _each(base, lambda r: rollout_ar_ness(trace_times(r.trace), local_ar_ness).kappa)
    overall = _each(base, lambda r: rollout_ar_ness(trace_times(r.trace), global_ar_ness).kappa)
    right = _right_answers(base)
    revisions = _each(base, lambda r: rollout_scores.revised(r, right.get(r.problem.answer)))
    return {
        "order.gamma": _averaged(orders, lambda order: order.gamma, null=order_null(base)),
        "order.resolved": _averaged(orders, lambda order: order.resolved),
        "ar_ness.local": _averaged(local, lambda kappa: kappa, null=0.0),
        "ar_ness.global": _averaged(overall, lambda kappa: kappa, null=0.0),
        **_split("dependency.", _dependencies(recorded)),
        **_split("precedence.", _precedences(recorded, matched=False)),
        **_split("precedence.matched_", _precedences(recorded, matched=True)),
        "revision.rate": _averaged(revisions, lambda found: found.revised, null=revision_null(base)),
        "revision.net_gain": _averaged(revisions, lambda found: _known(found, found.net_gain)),
        "revision.lost": _averaged(revisions, lambda found: _known(found, found.lost)),
        "early_answer": _early(base),
    }


def _each(rollouts: Rollouts, score_of: Callable[[Rollout], Found]) -> dict[str, list[Found]]:
    return {prompt: [score_of(rollout) for rollout in seeds] for prompt, seeds in rollouts.items()}


def _paired(base: Rollouts, other: Rollouts, score_of: Callable[[Rollout, Rollout], Found]) -> dict[str, list[Found]]:
    return {
        prompt: [score_of(a, b) for a, b in zip(seeds, other.get(prompt, ()), strict=prompt in other)]
        for prompt, seeds in base.items()
    }


def _dependencies(recorded: Recorded) -> dict[str, list[ContentPosition]]:
    return _paired(
        recorded.base,
        recorded.other_order,
        lambda a, b: rollout_scores.crossed_dependency(a, b, reversed_=recorded.reversed_),
    )


def _precedences(recorded: Recorded, *, matched: bool) -> dict[str, list[ContentPosition]]:
    return _paired(
        recorded.base,
        recorded.other_place,
        lambda a, b: rollout_scores.crossed_precedence(a, b, answer_first=recorded.answer_first, matched=matched),
    )


def _split(name: str, crossed: Mapping[str, Sequence[ContentPosition]]) -> dict[str, Measured]:
    return {
        f"{name}content": _averaged(crossed, lambda pair: pair.content, null=0.0),
        f"{name}position": _averaged(crossed, lambda pair: pair.position, null=0.0),
    }


def _averaged(
    found: Mapping[str, Sequence[Found]], score_of: Callable[[Found], Score], null: float | None = None
) -> Measured:
    """Averages the seeds of each prompt; one with no defined score is dropped, with the reason of its first seed."""
    values, dropped = dict[str, float](), Counter[str]()
    for prompt, per_seed in found.items():
        scores = [score_of(item) for item in per_seed]
        defined = [score.value for score in scores if score.value is not None]
        if defined:
            values[prompt] = sum(defined) / len(defined)
        else:
            dropped[scores[0].status.removeprefix("undefined: ") if scores else ONE_FORM] += 1
    return Measured(values=tuple(values.values()), prompts=tuple(values), dropped=dict(dropped), null=null)


def _early(base: Rollouts) -> Measured:
    """The two means of early answering, seeds averaged inside prompts; nothing where their ratio is undefined."""
    areas, starts, dropped = dict[str, float](), [], Counter[str]()
    for prompt, curves in _each(base, rollout_scores.curve).items():
        defined = [curve for curve in curves if isinstance(curve, AnswerCurve)]
        if defined:
            areas[prompt] = sum(curve.open_area for curve in defined) / len(defined)
            starts.append(sum(curve.open_at_start for curve in defined) / len(defined))
        else:
            dropped.update(curve for curve in curves[:1] if isinstance(curve, str))
    score = early_answer(list(areas.values()), starts)
    if score.value is None:
        unusable = {score.status.removeprefix("undefined: "): len(areas)} if areas else {}
        return Measured(values=(), dropped={**dropped, **unusable})
    return Measured(
        values=tuple(areas.values()),
        prompts=tuple(areas),
        per=tuple(starts),
        dropped=dict(dropped),
        null=early_null(base),
    )


def _known(found: Revision, value: int | None) -> Score:
    if found.revised.value is None:
        return found.revised
    if value is None:
        return Score.undefined("the right answer is not known token by token")
    return Score.ok(value, n=found.revised.n)


def _right_answers(base: Rollouts) -> dict[str, tuple[int, ...]]:
    """Tokens of every right answer that some response gives, by its text."""
    return {
        r.problem.answer: tuple(r.tokens[position] for position in r.answer_positions)
        for seeds in base.values()
        for r in seeds
        if r.correct
    }
