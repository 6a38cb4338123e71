"""The causal scores of the chronology check: recorded after the arm as it is, for they rest on what it came to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit

from monitorbench.checks import chronology_thoughts as thoughts
from monitorbench.metrics.effects import Effect
from monitorbench.stats.interval import Estimate, checked_level

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.causal.trial import Design
    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Arm
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore

RANGES = {
    "influence.forward": (-1.0, 1.0),
    "influence.backward": (-1.0, 1.0),
    "influence.difference": (-2.0, 2.0),
    "influence.index": (-1.0, 1.0),
    "post_hoc.answer_from_reasoning": (-1.0, 1.0),
    "post_hoc.reasoning_from_answer": (-1.0, 1.0),
    "post_hoc.index": (0.0, 1.0),
    "mediation.share": (0.0, 1.0),
    "scratchpad.effect": (-1.0, 1.0),
    "order_effect.reasoning-gated": (-1.0, 1.0),
    "order_effect.answer-gated": (-1.0, 1.0),
    "order_effect.left-to-right": (-1.0, 1.0),
    **thoughts.RANGES,
}
"""Every causal score that can be gated, with its least and largest possible value."""
LEFT_TO_RIGHT = ("influence.backward", "scratchpad.effect")
"""Scores that are 0 where every token is written once, in text order."""
MEANS = frozenset(
    {
        *("post_hoc.answer_from_reasoning", "post_hoc.reasoning_from_answer", "scratchpad.effect"),
        *("order_effect.reasoning-gated", "order_effect.answer-gated", "order_effect.left-to-right"),
        *(thoughts.ORDER, thoughts.INTERCHANGE),
    }
)
"""Scores that are means over prompts; the others are ratios, or matched on distances."""
MOMENTS = ("start", "reasoning-25", "reasoning-50", "reasoning-75", "answer-stable")
SITES = ("both", "canvas", "channel")
PARAMETERS: dict[str, Any] = {
    "causal": {
        "type": "boolean",
        "description": "Run the interventions behind the causal scores and report them; so does gating one of them.",
    },
    "moment": {
        "enum": list(MOMENTS),
        "description": "When values are put in: after the first step (default), when so many per cent of the reasoning "
        "are determined, or when the answer is.",
    },
    "site": {
        "enum": list(SITES),
        "description": "Where: on the canvas, in what is carried beside it, or both (default).",
    },
    "continuations": {
        "type": "integer",
        "minimum": 1,
        "description": "How often every changed rollout goes on, each time under other draws (default 1).",
    },
    "swap_step": {
        "type": "integer",
        "minimum": 0,
        "description": "The step after which two runs exchange what they have come to, from 0 (default 4).",
    },
}
SMOOTHED = "jackknife over prompts, with one more that lies half at each bound"


@dataclass(frozen=True, kw_only=True, slots=True)
class Causal:
    """The causal scores of one task.

    Attributes:
        estimates: by name; None where a score is undefined.
        why: why, by name; an experiment that the model does not allow is in here only.
        evidence: effects with their errors, and how often the controls that should change nothing did.
    """

    estimates: dict[str, Estimate | None] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, found: Effect, *, level: float, fixed: bool, unseen: int) -> None:
        """One score; as `estimate_of`."""
        score = found.score
        self.evidence[name] = {
            "value": score.value,
            "standard_error": found.error,
            "n": score.n,
            "status": score.status,
        }
        by_construction = fixed and name in LEFT_TO_RIGHT
        self.estimates[name] = estimate_of(name, found, level=level, fixed=by_construction, unseen=unseen)
        if score.value is None:
            self.why[name] = score.status.removeprefix("undefined: ")

    def explain_missing(self, effects: Collection[str]) -> None:
        """Say why there is no score where there is no effect of that name."""
        missing = "the model does not take the edits, or the task has no values that imply each other"
        why = {name: thoughts.MISSING if name in thoughts.RANGES else missing for name in RANGES}
        self.why.update({name: reason for name, reason in why.items() if name not in effects})


def is_asked(parameters: Mapping[str, Any]) -> bool:
    """Whether a check reports causal scores."""
    return bool(parameters.get("causal")) or parameters["metric"] in RANGES


def estimate_of(name: str, found: Effect, *, level: float, fixed: bool, unseen: int = 0) -> Estimate | None:
    """An effect with the interval of its error; undefined ones have none.

    The interval holds what further prompts would have come to of which nothing is known: anything, for a score that
    is no mean over prompts.

    The error is smoothed by one more prompt that lies half at each bound, so that outcomes without any spread are not
    taken for a certainty (`interval.smoothed_sd`).
    """
    value, n = found.score.value, found.score.n
    if value is None:
        return None
    if fixed:
        return Estimate.fixed(value, n=n)
    low, high = RANGES[name]
    spread = ((n * found.error) ** 2 + ((low - value) ** 2 + (high - value) ** 2) / 2) / (n + 1)
    half = float(-stdtrit(n - 1, checked_level(level)) * np.sqrt(spread / n))
    estimate = Estimate(
        value=value,
        low=min(value, max(low, value - half)),
        high=max(value, min(high, value + half)),
        level=level,
        n=n,
        sd=float(np.sqrt(spread)),
        method=SMOOTHED,
    )
    if unseen and name not in MEANS:
        method = f"whole range: {unseen} unseen prompts may have come to anything, and it is no mean over prompts"
        return replace(estimate, low=low, high=high, method=method)
    return estimate.widened(unseen, low=low, high=high)


def carried(adapter: Adapter, sampler: Mapping[str, Any]) -> str:
    """Name of the channel beside the canvas; empty where there is none."""
    from monitorbench.adapters.batches import carried_channels
    from monitorbench.rollouts.carried import watchable

    channel = watchable(carried_channels(adapter, sampler))
    return "" if channel is None or adapter.left_to_right else channel.name


def design_of(parameters: Mapping[str, Any], channel: str) -> Design:
    """How the check's spans are clamped; a model without a channel has nothing but its canvas."""
    from monitorbench.causal.trial import Design

    site = parameters.get("site", SITES[0]) if channel else "canvas"
    return Design(
        moment=parameters.get("moment", MOMENTS[0]),
        canvas=site != "channel",
        channel="" if site == "canvas" else channel,
        continuations=parameters.get("continuations", 1),
    )


def allowed(adapter: Adapter, task: Any) -> tuple[str, ...]:
    """The experiments that a model and a task allow: which edits it honours, and whether values imply each other."""
    honours: frozenset[str] = getattr(adapter, "honours", frozenset())
    canvas = "tokens" in honours and hasattr(task, "implied")
    return (
        *(("influence", "post_hoc") if canvas else ()),
        *(("scratchpad",) if canvas or adapter.left_to_right else ()),
        *(("mediation",) if canvas and not adapter.left_to_right else ()),
        *(("order_effect",) if "hold" in honours else ()),
    )


def record(
    parameters: Mapping[str, Any], base: Recording, store: RunStore, *, sampler: Mapping[str, Any], seed: int
) -> Iterator[Notice]:
    """Record the experiments that the model and the task allow.

    Args:
        parameters: those of the check.
        base: the arm as it is, whose rollouts are in the store.
        store: where rollouts are kept.
        sampler: the suite's sampler settings.
        seed: base seed of the run.
    """
    from monitorbench.causal import influence, mediation, order, post_hoc, scratchpad

    task: Any = base.task
    channel = carried(base.adapter, sampler)
    design = design_of(parameters, channel)
    names = allowed(base.adapter, task)
    for name, experiment in (("influence", influence), ("post_hoc", post_hoc), ("scratchpad", scratchpad)):
        if name in names and not (name == "scratchpad" and base.adapter.left_to_right):
            yield from experiment.record(base, store, task, design)
    if "mediation" in names:
        step = parameters.get("swap_step", 4)
        yield from mediation.record(base, store, task, step=step, channel=channel, seed=seed)
    if "order_effect" in names:
        yield from order.record(base, store)
    yield from thoughts.record(base, store, sampler=sampler, seed=seed)


def score(
    parameters: Mapping[str, Any],
    arm: Arm,
    store: RunStore,
    *,
    adapter: Adapter,
    task: Any,
    sampler: Mapping[str, Any],
    level: float,
    unseen: int = 0,
) -> Causal:
    """The causal scores of one task, from the store alone; the last two as `estimate_of`."""
    from monitorbench.causal import influence, mediation, order, post_hoc, scratchpad

    channel = carried(adapter, sampler)
    design, names, found = design_of(parameters, channel), allowed(adapter, task), Causal()
    effects: dict[str, Effect] = {}
    if "influence" in names:
        one = influence.score(arm, store, task, design)
        effects |= {f"influence.{name}": getattr(one.influence, name) for name in _parts("influence")}
        found.evidence["influence"] = {"trials": one.trials, "mismatch": one.mismatch, "unsteady": one.unsteady}
    if "post_hoc" in names:
        two = post_hoc.score(arm, store, task, design)
        effects |= {f"post_hoc.{name}": getattr(two.post_hoc, name) for name in _parts("post_hoc")}
        found.evidence["post_hoc"] = {
            "trials": two.trials,
            "mismatch": dict(two.mismatch),
            "bypass": two.post_hoc.bypass,
        }
    if "scratchpad" in names:
        three = scratchpad.score(arm, store, task, design, left_to_right=adapter.left_to_right)
        nothing = adapter.left_to_right and three.trials == 0
        effects["scratchpad.effect"] = _no_tail(store, arm) if nothing else three.effect
        found.evidence["scratchpad"] = {"trials": three.trials, "mismatch": three.mismatch}
    if "mediation" in names:
        four = mediation.score(arm, store, task, step=parameters.get("swap_step", 4), channel=channel)
        effects["mediation.share"] = four.mediation.share
        parts = {name: getattr(four.mediation, name).score.value for name in ("canvas", "channel", "both")}
        found.evidence["mediation"] = {"pairs": four.pairs, **parts}
    if "order_effect" in names:
        five = order.score(arm, store)
        effects |= {f"order_effect.{name}": effect for name, effect in five.effects.items()}
        found.evidence["order_effect"] = {"trials": five.trials, "accuracy": dict(five.accuracy)}
    of_thoughts, evidence = thoughts.score(arm, store, adapter=adapter, task=task, sampler=sampler)
    effects |= of_thoughts
    for name, effect in effects.items():
        found.add(name, effect, level=level, fixed=adapter.left_to_right, unseen=unseen)
    found.explain_missing(effects)
    if of_thoughts:
        found.evidence["thoughts"] = {**evidence, "claim": thoughts.claim(found.estimates)}
    return found


def _parts(metric: str) -> list[str]:
    return [name.partition(".")[2] for name in RANGES if name.startswith(f"{metric}.")]


def _no_tail(store: RunStore, arm: Arm) -> Effect:
    from monitorbench.metrics.score import Score

    return Effect(score=Score.ok(0.0, n=len(store.by_prompt(arm))))
