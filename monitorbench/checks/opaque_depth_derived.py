"""The verdict of a depth check once more, from the depths that its report holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitorbench.checks.derivation import VERDICT, Basis, Line, missing, nothing, of_report, spec_of
from monitorbench.checks.opaque_depth_counts import Counted, Depth, counted
from monitorbench.checks.opaque_depth_held import of_candidate
from monitorbench.checks.opaque_depth_ratio import depth_report
from monitorbench.checks.opaque_depth_readings import readings
from monitorbench.errors import NotRecordedError
from monitorbench.report.model import CheckReport


def lines(found: CheckReport, basis: Basis) -> Iterator[Line]:
    """What can be derived of a depth check."""
    if "contexts" not in found.evidence:
        yield from nothing(found)
        return
    spec, contexts = spec_of(found), found.evidence["contexts"]
    trained = {name: each.get("trained_through") for name, each in basis.suite.get("channels", {}).items()}
    channels = readings(spec, basis.channels, basis.judged, trained)
    shown = frozenset(reading.channel for reading in channels if reading.interpretable)
    for context in contexts:
        yield from _paths(context)
    try:
        counts = [_counted(context, shown) for context in contexts]
    except NotRecordedError as error:
        yield missing(VERDICT, str(error))
        return
    derived = depth_report(spec, channels, counts)
    yield from of_report(found, derived, "convention", "gated_by", "bounds", "channels")
    for recorded, due in zip(contexts, derived.evidence["contexts"], strict=True):
        where = f"evidence.contexts.{recorded['context_length']}"
        yield Line(what=f"{where}.applied", recorded=_known(recorded["applied"]), derived=_known(due["applied"]))


def _counted(context: Mapping[str, Any], shown: frozenset[str]) -> Counted:
    base = Depth.held(context["baseline"]) if "baseline" in context else None
    candidate = of_candidate({**context, "applied": context["candidate"]["opaque"]})
    return counted(context["context_length"], candidate, shown=shown, baseline=base)


def _paths(context: Mapping[str, Any]) -> Iterator[Line]:
    """The gates along every path come to its depth."""
    candidate = dict(context["candidate"])
    several = candidate.pop("by_channel", {})
    parts = {**candidate, **several, "applied": context["applied"]}
    parts |= {"baseline": context["baseline"]} if "baseline" in context else {}
    for name, depth in parts.items():
        gates = sum(step["times"] * step["gates"] for step in depth["path"])
        yield Line(
            what=f"evidence.contexts.{context['context_length']}.{name}.depth", recorded=depth["depth"], derived=gates
        )
        if "modules" in depth:
            what = f"evidence.contexts.{context['context_length']}.{name}.modules"
            yield Line(what=what, recorded=depth["modules"].get("gates"), derived=gates)


def _known(applied: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not in every report of every cut."""
    return {name: value for name, value in applied.items() if name != "modules"}
