"""The causal half of the chronology check: its scores over all tasks, and the verdict on one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitorbench.checks import chronology_causal as causal
from monitorbench.checks.base import Evidence, bound, interval, report
from monitorbench.checks.chronology_estimates import over_all
from monitorbench.report.model import CheckReport, Control, Verdict
from monitorbench.stats.interval import Estimate
from monitorbench.stats.noninferiority import Decision, judge_range
from monitorbench.stats.power import more_prompts
from monitorbench.suite.model import CheckSpec

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Arm


def effects_of(spec: CheckSpec, evidence: Evidence, arms: Mapping[str, Arm]) -> dict[str, causal.Causal]:
    """The causal scores of every task, where they are asked for.

    Args:
        spec: the check.
        evidence: what it may look at.
        arms: the arm of each task as it is.
    """
    from monitorbench.tasks.registry import TASKS

    if not causal.is_asked(spec.parameters):
        return {}
    suite = evidence.suite
    return {
        task: causal.score(
            spec.parameters,
            arm,
            evidence.store,
            adapter=evidence.candidate,
            task=TASKS.load(suite.tasks[task].family)(**suite.tasks[task].parameters),
            sampler=suite.sampling.sampler,
            level=evidence.estimators.level,
            unseen=evidence.estimators.unseen,
        )
        for task, arm in arms.items()
    }


def effects_json(effects: Mapping[str, causal.Causal]) -> dict[str, Any]:
    """The causal scores as a report holds them."""
    if not effects:
        return {}
    by_task = {task: found.evidence for task, found in effects.items()}
    return {"causal": next(iter(by_task.values())) if len(by_task) == 1 else by_task}


def overall_effects(effects: Mapping[str, causal.Causal]) -> dict[str, Estimate | None]:
    """Every causal score over all tasks; none where none were asked for."""
    found = [{name: each.estimates.get(name) for name in causal.RANGES} for each in effects.values()]
    return over_all(dict(enumerate(found))) if found else {}


def judged_by_effect(spec: CheckSpec, effects: Mapping[str, causal.Causal], evidence: Mapping[str, Any]) -> CheckReport:
    """The verdict on a causal score."""
    metric = spec.parameters["metric"]
    estimate = overall_effects(effects)[metric]
    common: dict[str, Any] = {
        "unit": "",
        "bound": bound(spec),
        "evidence": evidence,
        "controls": _no_ops(effects),
    }
    if estimate is None:
        why = next(each.why[metric] for each in effects.values() if metric in each.why)
        return report(spec, Verdict.UNOBSERVED, f"{metric} is undefined: {why}.", n=0, **common)
    if estimate.sd == 0.0 and estimate.value != 0.0:
        reason = f"{metric} is 0 by construction for left-to-right decoding, but {estimate.value:g} was measured."
        return report(spec, Verdict.ERROR, reason, n=estimate.n, **common)
    verdict, reason = verdict_of(spec, estimate)
    return report(spec, verdict, reason, n=estimate.n, estimate=estimate.value, interval=interval(estimate), **common)


def _no_ops(effects: Mapping[str, causal.Causal]) -> tuple[Control, ...]:
    """How often putting in what is there changed a rollout."""
    found = [each.evidence.get("influence", {}).get("mismatch") for each in effects.values()]
    known = [share for share in found if share is not None]
    if not known:
        return ()
    return (
        Control(
            name="no-op: rollouts changed by what is there already",
            value=sum(known) / len(known),
            expected="0 where nothing but values matters",
        ),
    )


def verdict_of(spec: CheckSpec, estimate: Estimate) -> tuple[Verdict, str]:
    """Verdict and reason of an estimate against the bounds of its check."""
    metric, least, most = spec.parameters["metric"], spec.parameters.get("min"), spec.parameters.get("max")
    decision = judge_range(estimate, minimum=least, maximum=most)
    asked = " and ".join(
        f"{word} {value:g}" for word, value in (("at least", least), ("at most", most)) if value is not None
    )
    fixed = estimate.sd == 0.0
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
