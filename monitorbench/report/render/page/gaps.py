"""What a report does not show, said beside what it shows: left out, undefined, undecided, or never asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.report.render.page.chronology import reasons

_DECIDED = (Verdict.PASS, Verdict.FAIL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Something that was not measured, and where it belongs."""

    where: str
    what: str


def gaps(report: Report) -> list[Gap]:
    """Everything that was not measured, in the order of the checks."""
    found = [gap for check in report.checks for gap in _of_check(check)]
    return [*found, *_of_channels(report)]


def _of_check(check: CheckReport) -> Iterator[Gap]:
    if check.verdict not in _DECIDED:
        yield Gap(where=check.id, what=f"{check.verdict.replace('_', ' ')}: {check.reason}")
    if not check.gated:
        yield Gap(where=check.id, what="judged for other checks only; the verdict of the run does not rest on it")
    for left in check.dropped:
        yield Gap(where=check.id, what=f"left out: {left.reason} ({left.count:,})")
    for control in check.controls:
        if control.value is None:
            yield Gap(where=check.id, what=f"the control {control.name} has no value")
    yield from (Gap(where=check.id, what=what) for what in _of_evidence(check.evidence))


def _of_evidence(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Notes on depths, and scores that are undefined; other shapes of evidence say nothing here."""
    contexts = evidence.get("contexts")
    for context in contexts if isinstance(contexts, list) else ():
        if isinstance(context, dict):
            for part in ("applied", "baseline"):
                yield from _notes(context, part)
    scores = evidence.get("scores")
    for name, score in scores.items() if isinstance(scores, dict) else ():
        if isinstance(score, dict) and score.get("value", 0) is None and isinstance(score.get("dropped"), dict):
            yield f"{name} is undefined: {reasons(score['dropped'])}"

    causal = evidence.get("causal")
    yield from _effects(causal, "") if isinstance(causal, dict) else ()


def _effects(found: Mapping[str, Any], task: str) -> Iterator[str]:
    """Undefined scores of interventions, of one task or of each."""
    for name, score in found.items():
        if not isinstance(score, dict):
            continue
        if "standard_error" in score and score.get("value", 0) is None:
            yield f"{name}{task} is {score.get('status')}"
        elif not task and any(isinstance(each, dict) for each in score.values()):
            yield from _effects(score, f" on {name}")


def _notes(context: Mapping[str, Any], part: str) -> Iterator[str]:
    counted = context.get(part)
    notes = counted.get("notes") if isinstance(counted, dict) else None
    for note in notes if isinstance(notes, list) else ():
        yield f"depth at {context.get('context_length')} positions, {part}: {note}"


def _of_channels(report: Report) -> Iterator[Gap]:
    asked = {check.parameters.get("channel") for check in report.checks}
    for model in report.models:
        for channel in model.channels if model.role == "candidate" else ():
            if channel not in asked:
                yield Gap(where=model.source, what=f"no check asks what its channel {channel} holds")
