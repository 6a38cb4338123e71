"""The verdict of a chronology check once more, from values by prompt, or from effects and their errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitorbench.checks import chronology_causal as causal
from monitorbench.checks.chronology_effects import judged_by_effect, overall_effects
from monitorbench.checks.chronology_reading import read
from monitorbench.checks.chronology_score import conclusion
from monitorbench.checks.chronology_values import Measured, by_construction
from monitorbench.checks.derivation import (
    NO_FAMILY,
    VERDICT,
    Basis,
    Line,
    missing,
    not_held,
    nothing,
    of_report,
    spec_of,
)
from monitorbench.checks.per_prompt import KEY, TASKS, values_in
from monitorbench.metrics.effects import Effect
from monitorbench.metrics.score import Score
from monitorbench.report.model import CheckReport
from monitorbench.stats.interval import Estimate


def lines(found: CheckReport, basis: Basis) -> Iterator[Line]:
    """What can be derived of a chronology check."""
    if "scores" not in found.evidence:
        yield from nothing(found)
        return
    if basis.left_to_right is None:
        yield missing(VERDICT, NO_FAMILY)
        return
    effects = _effects(found, basis, left_to_right=basis.left_to_right)
    if found.parameters["metric"] in causal.RANGES:
        yield missing("effects", "the outcomes behind an effect and its error are not kept prompt by prompt")
        yield from of_report(found, judged_by_effect(spec_of(found), effects, found.evidence))
    else:
        yield from _by_times(found, basis, left_to_right=basis.left_to_right)
    yield from _reading(found, effects)


def _by_times(found: CheckReport, basis: Basis, *, left_to_right: bool) -> Iterator[Line]:
    metric, measured = found.parameters["metric"], _measured(found)
    if measured is None:
        yield from not_held(found)
        return
    fixed = {task: by_construction(left_to_right, {metric: each}) for task, each in measured.items()}
    derived = conclusion(spec_of(found), measured, fixed, basis.estimators)
    yield from of_report(found, derived)
    recorded = found.evidence["scores"][metric]
    yield Line(what=f"evidence.scores.{metric}.value", recorded=recorded["value"], derived=derived.estimate)
    if derived.interval is not None:
        ends = [recorded.get("low"), recorded.get("high"), recorded["n"]]
        due = [derived.interval.low, derived.interval.high, derived.n]
        yield Line(what=f"evidence.scores.{metric}", recorded=ends, derived=due)


def _measured(found: CheckReport) -> dict[str, Measured] | None:
    """The gated score of every task; None where its values are not held."""
    metric, evidence, tasks = found.parameters["metric"], found.evidence, _tasks(found)
    held = evidence.get(TASKS) or {tasks[0]: evidence.get(KEY)}
    measured = {}
    for task in tasks:
        values = values_in(held.get(task))
        if values is None:
            return None
        score = evidence["tasks"][task][metric] if len(tasks) > 1 else evidence["scores"][metric]
        per = held[task].get("per")
        measured[task] = Measured(
            values=tuple(values.values()),
            dropped=score["dropped"],
            prompts=tuple(values),
            per=None if per is None else tuple(per),
            null=score.get("null"),
        )
    return measured


def _effects(found: CheckReport, basis: Basis, *, left_to_right: bool) -> dict[str, causal.Causal]:
    """The causal scores of every task, from effects and errors."""
    if not causal.is_asked(found.parameters):
        return {}
    tasks, recorded = _tasks(found), found.evidence["causal"]
    by_task: Mapping[str, Mapping[str, Any]] = recorded if len(tasks) > 1 else {tasks[0]: recorded}
    return {task: _causal(by_task[task], basis.level, left_to_right=left_to_right) for task in tasks}


def _causal(recorded: Mapping[str, Any], level: float, *, left_to_right: bool) -> causal.Causal:
    made = causal.Causal(evidence=dict(recorded))
    names = [name for name in causal.RANGES if name in recorded]
    for name in names:
        one = recorded[name]
        score = Score(value=one["value"], status=one["status"], n=one["n"])
        made.add(name, Effect(score=score, error=one["standard_error"]), level=level, fixed=left_to_right, unseen=0)
    made.explain_missing(names)
    return made


def _reading(found: CheckReport, effects: Mapping[str, causal.Causal]) -> Iterator[Line]:
    reading = found.evidence.get("reading", {})
    if "seen" not in reading:
        yield missing("evidence.reading", "how many texts state values is not in older reports")
        return
    scores = {name: _estimate(score) for name, score in found.evidence["scores"].items()}
    derived = read({**scores, **overall_effects(effects)}, seen=reading["seen"])
    yield Line(what="evidence.reading", recorded=reading.get("reading"), derived=derived.reading.value)
    yield Line(what="evidence.reading.why", recorded=reading.get("why"), derived=derived.why)


def _estimate(score: Mapping[str, Any]) -> Estimate | None:
    if score["value"] is None:
        return None
    given = {name: score[name] for name in ("value", "low", "high", "n", "method")}
    return Estimate(**given, level=0.0, sd=0.0)  # a reading asks for the ends alone


def _tasks(found: CheckReport) -> tuple[str, ...]:
    return (found.parameters["task"], *found.parameters.get("also", ()))
