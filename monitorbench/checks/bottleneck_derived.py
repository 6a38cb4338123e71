"""The verdict of a bottleneck check once more, from the outcomes of every prompt that its report holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitorbench.adapters.base import Channel
from monitorbench.checks.arms import Replay
from monitorbench.checks.bottleneck_arms import SOFT, outline
from monitorbench.checks.bottleneck_evidence import controls, followed, followed_of_rung
from monitorbench.checks.bottleneck_lost import Lost
from monitorbench.checks.bottleneck_measured import Measured, figures
from monitorbench.checks.bottleneck_words import reason
from monitorbench.checks.derivation import (
    Basis,
    Line,
    not_held,
    nothing,
    of_bound,
    of_controls,
    of_estimate,
    of_reason,
    of_verdict,
    spec_of,
)
from monitorbench.checks.per_prompt import ARMS, KEY, values_in
from monitorbench.metrics.outcomes import CORRECT
from monitorbench.report.model import CheckReport, Verdict


def lines(found: CheckReport, basis: Basis) -> Iterator[Line]:
    """What can be derived of a bottleneck check."""
    name = found.parameters["channel"]
    if name not in basis.channels:
        yield of_verdict(found, Verdict.NOT_APPLICABLE)
        return
    if found.estimate is None:
        if found.verdict is Verdict.NOT_APPLICABLE:
            yield of_verdict(found, Verdict.UNOBSERVED)
        yield from nothing(found)
        return
    yield of_bound(found, max=found.parameters["max_drop"])
    measured = _measured(found, basis)
    if measured is None:
        yield from not_held(found)
        return
    spec, evidence = spec_of(found), found.evidence
    yield from of_estimate(found, measured.drop)
    yield of_verdict(found, measured.finding.verdict)
    yield from of_controls(found, controls(spec, measured))
    yield _drops(evidence, measured)
    yield _correct(evidence, measured, seeds=basis.suite["sampling"].get("seeds_per_prompt", 1))
    for what, derived in followed(measured).items():
        yield Line(what=f"evidence.{what}", recorded=evidence.get(what), derived=derived)
    yield Line(what="evidence.rungs", recorded=[rung["name"] for rung in evidence["rungs"]], derived=_names(measured))
    for recorded, rung in zip(evidence["rungs"], measured.design.rungs, strict=False):
        for what, derived in followed_of_rung(rung, spec, measured).items():
            yield Line(what=f"evidence.rungs.{rung.name}.{what}", recorded=recorded.get(what), derived=derived)
    yield of_reason(found, reason(spec, measured, _lost(evidence, measured)))


def _measured(found: CheckReport, basis: Basis) -> Measured | None:
    """What the arms showed; None where the report does not hold their outcomes."""
    evidence, spec = found.evidence, spec_of(found)
    arms, observed, channel = evidence.get(ARMS), evidence.get("observed"), evidence.get("channel")
    if not arms or observed is None or channel is None or "replays" not in evidence:
        return None
    # What a channel crosses decides nothing here.
    drawn = outline(spec, Channel(name=found.parameters["channel"], axis="step", **channel))
    return figures(
        spec,
        drawn,
        accuracy=arms,
        replays={name: Replay(**counts) for name, counts in evidence["replays"].items()},
        exact=tuple(observed["exact"]),
        felt=observed["felt"],
        written=observed["written"],
        estimators=basis.estimators,
    )


def _drops(evidence: Mapping[str, Any], measured: Measured) -> Line:
    accuracy, gate = measured.accuracy, measured.design.gate
    derived = [before - after for before, after in zip(accuracy[SOFT], accuracy[gate], strict=True)]
    held = values_in(evidence.get(KEY))
    return Line(what=f"evidence.{KEY}", recorded=None if held is None else list(held.values()), derived=derived)


def _correct(evidence: Mapping[str, Any], measured: Measured, *, seeds: int) -> Line:
    """Correct rollouts of every arm, which are counted among the endings, too."""
    recorded = {name: counts.get(CORRECT, 0) for name, counts in evidence["endings"].items()}
    derived = {name: sum(values) * seeds for name, values in measured.accuracy.items()}
    return Line(what=f"evidence.endings.{CORRECT}", recorded=recorded, derived=derived)


def _names(measured: Measured) -> list[str]:
    return [rung.name for rung in measured.design.rungs]


def _lost(evidence: Mapping[str, Any], measured: Measured) -> dict[str, Lost]:
    """How lost rollouts ended, as it is recorded: of texts, which a report does not hold."""
    found = {rung["name"]: rung["lost"] for rung in evidence["rungs"]} | {measured.design.gate: evidence["lost"]}
    return {name: Lost(endings=lost["endings"]) for name, lost in found.items()}
