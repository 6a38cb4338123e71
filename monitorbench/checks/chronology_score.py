"""Does the model settle its text in an order that a reader can follow?

Order is a property of model, sampler, prompt order, canvas length and task together, so the report names them all. A
vector of scores is reported; the check gates on the one that the suite names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitorbench.checks.base import Evidence, Foresight, bound, interval, report
from monitorbench.checks.chronology_values import RANGES, Measured, by_construction, measure
from monitorbench.report.model import CheckReport, Control, Dropped, Verdict
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import Estimate
from monitorbench.stats.noninferiority import Decision, judge_range
from monitorbench.stats.power import more_prompts
from monitorbench.suite.model import CheckSchema, CheckSpec, Suite

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.rollouts.arm import Arm

AS_DECLARED, OTHER_ORDER = "as declared", "other order"
ORDERS = ("topological", "reversed")
"""Values of the parameter `order` of a task that can write the same problem in both orders."""
METRIC = (
    "The score that is gated. order.gamma: left to right is 1; dependency.content: causes settle before effects, "
    "however the text is ordered; revision.rate: answers changed after the reasoning stands."
)
_NUMBER = {"type": "number", "minimum": -1, "maximum": 1}


def _without_meaning(parameters: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why no model could miss the bounds, or none could keep them."""
    metric = parameters["metric"]
    low, high = RANGES[metric]
    least, most = parameters.get("min", low), parameters.get("max", high)
    if least > most:
        return f"asks for at least {least:g} and at most {most:g}", "swap them"
    if least <= low and most >= high:
        return f"cannot fail: {metric} always lies between {low:g} and {high:g}", "tighten min or max"
    return None


SCHEMA = CheckSchema(
    properties={
        "task": {"type": "string", "description": "Task of the suite whose responses are watched."},
        "metric": {"enum": list(RANGES), "description": METRIC},
        "min": {**_NUMBER, "description": "Least value allowed."},
        "max": {**_NUMBER, "description": "Largest value allowed."},
    },
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
        """The untouched model on the task, and on the same problems in the other text order where the task has one."""
        del candidate
        return tuple(_arms(spec, suite).values())

    def needs_baseline(self, spec: CheckSpec) -> bool:
        """Scores are absolute."""
        del spec
        return False

    def foresight(self, spec: CheckSpec, *, suite: Suite, power: float) -> Foresight | None:
        """How scores spread over prompts is not known before."""
        del spec, suite, power
        return None

    def judge(self, spec: CheckSpec, evidence: Evidence) -> CheckReport:
        """Score every rollout, average inside prompts, and hold the named score against its bound."""
        metric = spec.parameters["metric"]
        found_by = {name: evidence.store.by_prompt(arm) for name, arm in _arms(spec, evidence.suite).items()}
        base, other = found_by[AS_DECLARED], found_by.get(OTHER_ORDER, {})
        swapped = evidence.suite.tasks[spec.parameters["task"]].parameters.get("order") == ORDERS[1]
        measured = measure(base, other, swapped=swapped)
        fixed = by_construction(evidence.candidate.left_to_right, measured)
        estimates = {name: _estimate(name, found, fixed, evidence.estimators) for name, found in measured.items()}
        found, estimate = measured[metric], estimates[metric]
        common: dict[str, Any] = {
            "unit": "",
            "bound": bound(spec),
            "n": found.n,
            "dropped": tuple(Dropped(reason=reason, count=count) for reason, count in sorted(found.dropped.items())),
            "controls": _controls(found),
            "evidence": {"scores": {name: _as_json(measured[name], estimates[name]) for name in measured}},
        }
        if estimate is None:
            why = ", ".join(sorted(found.dropped)) or "no rollouts"
            reason = f"{metric} is defined for none of the {len(base)} prompts: {why}."
            return report(spec, Verdict.UNOBSERVED, reason, **common)
        if metric in fixed and any(value != fixed[metric] for value in found.values):
            reason = (
                f"{metric} is {fixed[metric]:g} by construction for left-to-right decoding, "
                f"but {estimate.value:g} was measured."
            )
            return report(spec, Verdict.ERROR, reason, **common)
        verdict, reason = _verdict(spec, estimate, fixed=metric in fixed)
        return report(spec, verdict, reason, estimate=estimate.value, interval=interval(estimate), **common)


def _arms(spec: CheckSpec, suite: Suite) -> dict[str, Arm]:
    from monitorbench.rollouts.arm import Arm

    task = spec.parameters["task"]
    arms = {AS_DECLARED: Arm(role="candidate", task=task)}
    order = suite.tasks[task].parameters.get("order")
    if order in ORDERS:
        other = ORDERS[1 - ORDERS.index(order)]
        arms[OTHER_ORDER] = Arm(role="candidate", task=task, form=(("order", other),))
    return arms


def _estimate(metric: str, found: Measured, fixed: Mapping[str, float], estimators: Estimators) -> Estimate | None:
    if not found.values:
        return None
    if metric in fixed:
        return Estimate.fixed(sum(found.values) / found.n, n=found.n)
    low, high = RANGES[metric]
    return estimators.mean(found.values, low=low, high=high)


def _verdict(spec: CheckSpec, estimate: Estimate, *, fixed: bool) -> tuple[Verdict, str]:
    metric, least, most = spec.parameters["metric"], spec.parameters.get("min"), spec.parameters.get("max")
    decision = judge_range(estimate, minimum=least, maximum=most)
    asked = " and ".join(
        f"{word} {value:g}" for word, value in (("at least", least), ("at most", most)) if value is not None
    )
    text = f"{metric} is {estimate.value:.3f}" + (
        " by construction" if fixed else f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    )
    text += f" over {estimate.n} prompts; {asked} is asked for."
    if decision is Decision.INCONCLUSIVE:
        more = more_prompts(estimate, minimum=least, maximum=most)
        text += (
            f" About {more} more prompts would decide."
            if more
            else " It lies on the bound: more prompts would hardly decide."
        )
    return Verdict(decision.value), text


def _controls(found: Measured) -> tuple[Control, ...]:
    if found.null is None:
        return ()
    return (
        Control(
            name="null: expectation without any order", value=found.null, expected="what the score is without any order"
        ),
    )


def _as_json(found: Measured, estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {"value": None, "n": 0, "dropped": dict(found.dropped)}
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "method": estimate.method}
    return {**ends, "n": found.n, "null": found.null, "dropped": dict(found.dropped)}
