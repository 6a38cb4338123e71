"""The chronology vector: every score with its interval and its null, what they say together, and what is undefined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitorbench.report.model import CheckReport
from monitorbench.report.render.page.axis import Axis, Chart, Row, zero_of, zone_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """The scores of one task, or of all together.

    Attributes:
        task: its name; empty for all together.
        undefined: undefined scores with the reason.
        causal: whether they come from interventions.
    """

    task: str
    chart: Chart
    undefined: Sequence[tuple[str, str]]
    causal: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Chronology:
    """All that is shown of a chronology check."""

    metric: str
    reading: str
    why: str
    scores: Sequence[Scores]


def chronology(check: CheckReport) -> Chronology:
    """The view of a `chronology-score` check.

    Raises:
        LookupError, TypeError, ValueError: its evidence has another shape.
    """
    metric, reading = check.parameters["metric"], check.evidence.get("reading", {})
    by_task = {"": check.evidence["scores"], **check.evidence.get("tasks", {})}
    return Chronology(
        metric=metric,
        reading=reading.get("reading", ""),
        why=reading.get("why", ""),
        scores=[*(_scores(task, found, check) for task, found in by_task.items()), *_effects(check)],
    )


def _effects(check: CheckReport) -> Iterator[Scores]:
    """The scores of interventions, of one task or of each, where there are any."""
    found: Mapping[str, Any] = check.evidence.get("causal", {})
    by_task = {"": found} if any(_is_score(each) for each in found.values()) else found
    for task, scores in by_task.items():
        known = {name: score for name, score in scores.items() if _is_score(score) and score["value"] is not None}
        ends = {name: (score["value"], score["standard_error"] or 0.0) for name, score in known.items()}
        axis = Axis.around([-1.0, 1.0, *(value + sign * error for value, error in ends.values() for sign in (-1, 1))])
        rows = [
            Row(
                label=name,
                words=f"{value:.3f} \N{PLUS-MINUS SIGN} {error:.3f}",
                note=f"n {known[name]['n']:,}",
                point=axis.at(value),
                low=axis.at(value - error),
                high=axis.at(value + error),
                strong=name == check.parameters["metric"],
                bounded=False,
            )
            for name, (value, error) in ends.items()
        ]
        undefined = [
            (name, str(score["status"])) for name, score in scores.items() if _is_score(score) and name not in known
        ]
        chart = Chart(rows=rows, ticks=axis.ticks, zero=zero_of(axis))
        yield Scores(task=task, chart=chart, undefined=undefined, causal=True)


def _is_score(found: object) -> bool:
    return isinstance(found, dict) and {"value", "standard_error", "status"} <= found.keys()


def _scores(task: str, found: Mapping[str, Any], check: CheckReport) -> Scores:
    known = {name: score for name, score in found.items() if score["value"] is not None}
    axis = Axis.around(
        [-1.0, 1.0, *(score[end] for score in known.values() for end in ("low", "high") if score[end] is not None)]
    )
    metric, bound = check.parameters["metric"], check.bound
    tone = {"pass": "good", "fail": "bad", "inconclusive": "open"}.get(check.verdict, "plain")
    rows = [
        _row(name, score, axis, gated=not task and name == metric, tone=tone)
        for name, score in sorted(known.items(), key=lambda one: one[0] != metric)
    ]
    zone = None if bound is None or task else zone_of(axis, bound.min, bound.max)
    return Scores(
        task=task,
        chart=Chart(rows=rows, ticks=axis.ticks, zone=zone, zero=zero_of(axis)),
        undefined=[(name, reasons(score.get("dropped", {}))) for name, score in found.items() if name not in known],
    )


def _row(name: str, score: Mapping[str, Any], axis: Axis, *, gated: bool, tone: str) -> Row:
    value, low, high, null = score["value"], score["low"], score["high"], score.get("null")
    words = f"{value:.3f}" if low == high else f"{value:.3f} [{low:.3f}, {high:.3f}]"
    dropped = sum(score.get("dropped", {}).values())
    note = f"n {score['n']:,}" + (f", {dropped:,} without" if dropped else "")
    return Row(
        label=name,
        words=words,
        note=note + ("" if null is None else f"; null {null:.3f}"),
        point=axis.at(value),
        low=axis.at(low),
        high=axis.at(high),
        null=None if null is None else axis.at(null),
        strong=gated,
        bounded=gated,
        tone=tone if gated else "plain",
    )


def reasons(dropped: Mapping[str, int]) -> str:
    """Reasons with their counts, most first."""
    ranked = sorted(dropped.items(), key=lambda one: -one[1])
    return "; ".join(f"{reason} ({count:,})" for reason, count in ranked) or "no reason is recorded"
