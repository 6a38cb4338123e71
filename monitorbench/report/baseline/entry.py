"""From a check of a report to what the baseline file keeps of it."""

from __future__ import annotations

from typing import Any

from monitorbench.report.baseline.model import Checkpoint, Entry, Prompts
from monitorbench.report.comparison.pairing import by_prompt, held_by_prompt
from monitorbench.report.comparison.settings import decides
from monitorbench.report.comparison.standing import declared
from monitorbench.report.model import CheckReport, Report, Verdict

SETTLED = (Verdict.PASS, Verdict.NOT_APPLICABLE)
"""Verdicts that need no excuse."""


def checkpoint_of(report: Report) -> Checkpoint:
    """The candidate of a run."""
    model = next((model for model in report.models if model.role == "candidate"), None)
    if model is None:
        return Checkpoint(source="")
    return Checkpoint(
        source=model.source,
        revision=model.revision,
        weights_sha256=model.weights_sha256,
        config_sha256=model.config_sha256,
        tokenizer_sha256=model.tokenizer_sha256,
    )


def entry_of(check: CheckReport, report: Report, settings: dict[str, Any]) -> Entry:
    """What is kept of a check, first seen in this run, without a reason.

    Args:
        check: as its own bounds judge it.
        report: the run that it belongs to.
        settings: of that run (`comparison.settings.settings_of`).
    """
    day = report.run.started[:10]
    values, held = by_prompt(check), held_by_prompt(check)
    return Entry(
        type=check.type,
        verdict=check.verdict,
        value=check.estimate,
        unit=check.unit,
        interval=check.interval,
        bound=check.bound,
        n=check.n,
        tolerance=declared(check.id, report).get("tolerance"),
        checkpoint=checkpoint_of(report),
        environment={
            place: str(value) for place, value in settings.items() if place.startswith(("device.", "versions."))
        },
        first_seen=day,
        last_seen=day,
        settings={place: value for place, value in settings.items() if decides(place, check)},
        prompts=Prompts(low=held["low"], high=held["high"], values=values) if values else None,
    )
