"""Does the model settle its text in an order that a reader can follow?

Order is a property of model, sampler, prompt order, canvas length and task together, so the report names them all. A
vector of scores is reported; the check gates on the one that the suite names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from monitorbench.checks import chronology_causal as causal
from monitorbench.checks import chronology_thoughts as thoughts
from monitorbench.checks.arms import accuracy_by_prompt
from monitorbench.checks.base import Evidence, Foresight, bound, interval, report
from monitorbench.checks.chronology_effects import (
    effects_json,
    effects_of,
    judged_by_effect,
    overall_effects,
    verdict_of,
)
from monitorbench.checks.chronology_estimates import as_json, estimate_json, estimate_of, over_all, over_tasks
from monitorbench.checks.chronology_reading import read
from monitorbench.checks.chronology_rollouts import ANSWER_PLACES
from monitorbench.checks.chronology_scales import RANGES
from monitorbench.checks.chronology_values import Measured, Recorded, by_construction, measure
from monitorbench.checks.per_prompt import per_prompt, tasks_per_prompt
from monitorbench.errors import UsageError
from monitorbench.report.model import CheckReport, Control, Dropped, Verdict
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import Estimate
from monitorbench.suite.model import CheckSchema, CheckSpec, Suite

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.checks.derivation import Basis, Line
    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Arm
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore

AS_DECLARED, OTHER_ORDER, OTHER_PLACE = "as declared", "other order", "other place of the answer"
ORDERS = ("topological", "reversed")
"""Values of the parameter `order` of a task that can write the same problem in both orders."""
METRIC = (
    "The score that is gated. order.gamma: left to right is 1; ar_ness: the same against chance, among neighbours "
    "or as a whole; dependency.content: causes settle before effects, however the text is ordered; precedence.content: "
    "reasoning settles before the answer, wherever the answer stands; revision.rate: answers changed after the "
    "reasoning stands; early_answer: how much of the reasoning comes before the answer stands. "
    "By interventions: influence: whether values on the canvas act on later or on earlier ones; post_hoc: whether the "
    "answer rests on the reasoning or the reasoning on the answer; mediation: how much goes through readable tokens; "
    "scratchpad: whether padding matters; order_effect: accuracy where the order of commits is prescribed; "
    "thoughts: whether their lens says the values, in which order, and whether the answer follows exchanged thoughts."
)
_NUMBER = {"type": "number", "minimum": -1, "maximum": 1}


def _without_meaning(parameters: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why no model could miss the bounds, or none could keep them."""
    metric = parameters["metric"]
    if parameters.get("task") in parameters.get("also", ()):
        return f"names task {parameters['task']} twice", "name in also only further tasks"
    low, high = {**RANGES, **causal.RANGES}[metric]
    least, most = parameters.get("min", low), parameters.get("max", high)
    if least > most:
        return f"asks for at least {least:g} and at most {most:g}", "swap them"
    if least <= low and most >= high:
        return f"cannot fail: {metric} always lies between {low:g} and {high:g}", "tighten min or max"
    return None


SCHEMA = CheckSchema(
    properties={
        "task": {"type": "string", "description": "Task of the suite whose responses are watched."},
        "also": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "uniqueItems": True,
            "description": "Further tasks: the score is then the mean over all of them, each of the same weight.",
        },
        "metric": {"enum": [*RANGES, *causal.RANGES], "description": METRIC},
        **causal.PARAMETERS,
        "min": {**_NUMBER, "description": "Least value allowed."},
        "max": {**_NUMBER, "description": "Largest value allowed."},
    },
    bounds=("min", "max"),
    required=("task", "metric"),
    extra={"anyOf": [{"required": ["min"]}, {"required": ["max"]}]},
    refusal=_without_meaning,
)


class ChronologyScore:
    """The check type `chronology-score`."""

    name = "chronology-score"
    summary = "Whether text settles in an order a reader can follow: left to right, cause before effect, unrevised."
    schema = SCHEMA

    def arms(self, spec: CheckSpec, *, suite: Suite, candidate: Adapter) -> tuple[Arm, ...]:
        """The untouched model on every task; and on the same problems in the other text order, and with the answer at
        the other end, where the task has them.

        Raises:
            UsageError: a mean over several tasks, or what rests on interventions, is asked for in a sequential run.
        """
        if suite.sampling.sequential and causal.is_asked(spec.parameters):
            raise UsageError(
                f"check {spec.id} rests on interventions, whose scores have no bounds that hold at every moment",
                where=f"{spec.file}:{spec.line}",
                fix="leave out sampling.sequential",
            )
        if suite.sampling.sequential and len(_tasks(spec)) > 1:
            raise UsageError(
                f"check {spec.id} is about a mean over tasks, which has no bounds that hold at every moment",
                where=f"{spec.file}:{spec.line}",
                fix="declare one check for each task, or leave out sampling.sequential",
            )
        thinks = causal.is_asked(spec.parameters) and thoughts.channel_of(candidate, suite.sampling.sampler)
        watched = {AS_DECLARED: thoughts.WATCHED if thinks else 0}
        arms = [arm for task in _tasks(spec) for arm in _arms(task, suite).items()]
        return tuple(replace(arm, watch=watched.get(name, 0)) for name, arm in arms)

    def record_more(
        self, spec: CheckSpec, *, suite: Suite, recordings: Mapping[Arm, Recording], store: RunStore
    ) -> Iterator[Notice]:
        """The experiments behind the causal scores, where they are asked for: they rest on the arms as they are."""
        if not causal.is_asked(spec.parameters):
            return
        for task in _tasks(spec):
            base = recordings[_arms(task, suite)[AS_DECLARED]]
            sampling = suite.sampling
            yield from causal.record(spec.parameters, base, store, sampler=sampling.sampler, seed=sampling.seed)

    def needs_baseline(self, spec: CheckSpec) -> bool:
        """Scores are absolute."""
        del spec
        return False

    def foresight(self, spec: CheckSpec, *, suite: Suite, power: float) -> Foresight | None:
        """How scores spread over prompts is not known before."""
        del spec, suite, power
        return None

    def judge(self, spec: CheckSpec, evidence: Evidence) -> CheckReport:
        """Score every rollout, average inside prompts, then over tasks, and hold the named score against its bound."""
        metric = spec.parameters["metric"]
        recorded = {task: _recorded(task, evidence) for task in _tasks(spec)}
        measured = {task: measure(found) for task, found in recorded.items()}
        fixed = {task: by_construction(evidence.candidate.left_to_right, scores) for task, scores in measured.items()}
        estimates = {
            task: {name: estimate_of(name, found, fixed[task], evidence.estimators) for name, found in scores.items()}
            for task, scores in measured.items()
        }
        overall = over_all(estimates)
        declared = {task: _arms(task, evidence.suite)[AS_DECLARED] for task in _tasks(spec)}
        effects = effects_of(spec, evidence, declared)
        shown = {
            "accuracy": {"soft": _accuracy(evidence.store, declared.values())},
            **_evidence(measured, estimates, overall),
            "reading": _reading({**overall, **overall_effects(effects)}, recorded),
            **effects_json(effects),
        }
        if metric in causal.RANGES:
            return judged_by_effect(spec, effects, shown)
        found = {task: scores[metric] for task, scores in measured.items()}
        concluded = conclusion(spec, found, fixed, evidence.estimators)
        return replace(concluded, evidence={**shown, **_by_prompt(metric, found)})

    def verify(self, found: CheckReport, basis: Basis) -> Iterator[Line]:
        """What follows from the values of every prompt that the report holds, or from effects and their errors."""
        from monitorbench.checks.chronology_derived import lines

        return lines(found, basis)


def conclusion(
    spec: CheckSpec,
    measured: Mapping[str, Measured],
    fixed: Mapping[str, Mapping[str, float]],
    estimators: Estimators,
) -> CheckReport:
    """What follows from the values of every prompt.

    Args:
        spec: a check that gates a score of times.
        measured: that score, by task.
        fixed: what scores have to be by construction, by task.
        estimators: what the score is estimated by.
    """
    metric, found = spec.parameters["metric"], list(measured.values())
    estimates = [estimate_of(metric, each, fixed[task], estimators) for task, each in measured.items()]
    estimate = over_tasks(estimates) if len(estimates) > 1 else estimates[0]
    common: dict[str, Any] = {
        "unit": "",
        "bound": bound(spec),
        "n": sum(each.n for each in found),
        "dropped": _dropped(found),
        "controls": _controls(found),
    }
    if estimate is None:
        return report(spec, Verdict.UNOBSERVED, _unobserved(metric, measured), **common)
    for task, each in measured.items():
        due = fixed[task].get(metric)
        if due is not None and any(value != due for value in each.values):
            reason = (
                f"{metric} is {due:g} by construction for left-to-right decoding, "
                f"but {sum(each.values) / each.n:g} was measured."
            )
            return report(spec, Verdict.ERROR, reason, **common)
    verdict, reason = verdict_of(spec, estimate)
    return report(spec, verdict, reason, estimate=estimate.value, interval=interval(estimate), **common)


def _tasks(spec: CheckSpec) -> tuple[str, ...]:
    return (spec.parameters["task"], *spec.parameters.get("also", ()))


def _arms(task: str, suite: Suite) -> dict[str, Arm]:
    from monitorbench.rollouts.arm import Arm

    arms = {AS_DECLARED: Arm(role="candidate", task=task)}
    for name, parameter, forms in ((OTHER_ORDER, "order", ORDERS), (OTHER_PLACE, "answer", ANSWER_PLACES)):
        declared = suite.tasks[task].parameters.get(parameter)
        if declared in forms:
            arms[name] = Arm(role="candidate", task=task, form=((parameter, forms[1 - forms.index(declared)]),))
    return arms


def _recorded(task: str, evidence: Evidence) -> Recorded:
    found = {name: evidence.store.by_prompt(arm) for name, arm in _arms(task, evidence.suite).items()}
    parameters = evidence.suite.tasks[task].parameters
    return Recorded(
        base=found[AS_DECLARED],
        other_order=found.get(OTHER_ORDER, {}),
        other_place=found.get(OTHER_PLACE, {}),
        reversed_=parameters.get("order") == ORDERS[1],
        answer_first=parameters.get("answer") == ANSWER_PLACES[1],
    )


def _accuracy(store: RunStore, arms: Iterable[Arm]) -> float | None:
    """Share of right responses, averaged inside prompts and then over tasks; None where there are none."""
    found = [value for value in map(partial(accuracy_by_prompt, store), arms) if value]
    return sum(sum(value) / len(value) for value in found) / len(found) if found else None


def _unobserved(metric: str, measured: Mapping[str, Measured]) -> str:
    for task, found in measured.items():
        where = f"{metric} is defined for none of the {sum(found.dropped.values())} prompts"
        where += f" of {task}" if len(measured) > 1 else ""
        if not found.values:
            return f"{where}: {', '.join(sorted(found.dropped)) or 'no rollouts'}."
    return f"{metric} has no interval: that the answer is open at the start is not shown."


def _dropped(found: Sequence[Measured]) -> tuple[Dropped, ...]:
    counts = sum((Counter(each.dropped) for each in found), Counter[str]())
    return tuple(Dropped(reason=reason, count=count) for reason, count in sorted(counts.items()))


def _controls(found: Sequence[Measured]) -> tuple[Control, ...]:
    nulls = [each.null for each in found if each.null is not None]
    if len(nulls) < len(found):
        return ()
    return (
        Control(
            name="null: expectation without any order",
            value=sum(nulls) / len(nulls),
            expected="what the score is without any order",
        ),
    )


def _by_prompt(metric: str, found: Mapping[str, Measured]) -> dict[str, Any]:
    """The values behind the score; neither a ratio of means nor a mean over tasks is a mean of values of prompts."""
    values = {task: dict(zip(each.prompts, each.values, strict=True)) for task, each in found.items()}
    (task, first), *others = found.items()
    if others or first.per is not None:
        return tasks_per_prompt({task: (values[task], each.per) for task, each in found.items()})
    low, high = RANGES[metric]
    return per_prompt(values[task], low=low, high=high)


def _reading(overall: Mapping[str, Estimate | None], recorded: Mapping[str, Recorded]) -> dict[str, Any]:
    """What all scores together say in words."""
    asked = [rollouts for found in recorded.values() for rollouts in found.base.values() if rollouts[0].problem.edges]
    seen = sum(any(rollout.value_positions for rollout in rollouts) for rollouts in asked)
    share = seen / len(asked) if asked else None
    found = read(overall, seen=share)
    return {"reading": found.reading.value, "why": found.why, "seen": share}


def _evidence(
    measured: Mapping[str, Mapping[str, Measured]],
    estimates: Mapping[str, Mapping[str, Estimate | None]],
    overall: Mapping[str, Estimate | None],
) -> dict[str, Any]:
    """All scores; of several tasks their means, and those of each task."""
    by_task = {
        task: {name: as_json(found, estimates[task][name]) for name, found in scores.items()}
        for task, scores in measured.items()
    }
    if len(by_task) == 1:
        return {"scores": next(iter(by_task.values()))}
    means = {name: {"value": None} if mean is None else estimate_json(mean) for name, mean in overall.items()}
    return {"scores": means, "tasks": by_task}
