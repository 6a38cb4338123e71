"""One point per report: how deep its model thinks unseen, how often it is right, what a bottleneck leaves of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitorbench.report.comparison.model import Comparison
from monitorbench.report.model import Report

COLUMNS = ("report", "candidate", "opaque depth", "accuracy", "recovery")


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A report as a point.

    Attributes:
        name: of the report.
        candidate: source of its model.
        depth: applied opaque serial depth at the largest context length, in gates; None where no check counted it.
        accuracy: of the untouched model, in [0, 1]; None where no check measured it.
        recovery: share of the accuracy at stake that the gating bottleneck keeps; None where it has no value.
    """

    name: str
    candidate: str
    depth: float | None
    accuracy: float | None
    recovery: float | None

    def cells(self) -> tuple[str, ...]:
        """The point as a row, in the order of `COLUMNS`."""
        depth = "" if self.depth is None else f"{self.depth:,.0f}"
        shares = ("" if share is None else f"{share:.3f}" for share in (self.accuracy, self.recovery))
        return (self.name, self.candidate, depth, *shares)


def points(comparison: Comparison) -> tuple[Point, ...]:
    """The reports that have both a depth and an accuracy; none where fewer than two have."""
    named = [(comparison.name, comparison.reference), *((other.name, other.report) for other in comparison.others)]
    found = [_point(name, report) for name, report in named]
    complete = tuple(each for each in found if each.depth is not None and each.accuracy is not None)
    return complete if len(complete) > 1 else ()


def _point(name: str, report: Report) -> Point:
    bottleneck, depth = (_evidence(report, kind) for kind in ("bottleneck-drop", "opaque-depth-ratio"))
    # A model without a channel has no bottleneck; that it is right so often, another check has seen.
    measured = bottleneck or _evidence(report, "chronology-score")
    contexts = depth.get("contexts")
    largest = contexts[-1] if isinstance(contexts, list | tuple) and contexts else None
    return Point(
        name=name,
        candidate=next((model.source for model in report.models if model.role == "candidate"), ""),
        depth=_number(largest, "applied", "depth"),
        accuracy=_number(measured, "accuracy", "soft"),
        recovery=_number(bottleneck, "recovery", "value"),
    )


def _evidence(report: Report, kind: str) -> Mapping[str, Any]:
    """Of the first check of a type that has any."""
    return next((check.evidence for check in report.checks if check.type == kind and check.evidence), {})


def _number(value: object, *path: str) -> float | None:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
