"""The ladder of a bottleneck: what each rung and each control costs, on one axis, and how every arm ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitorbench.report.model import CheckReport
from monitorbench.report.render.page.axis import Axis, Chart, Row, zero_of, zone_of

_DROP = ": accuracy drop"
_SOFT = "soft"
_TONES = {"pass": "good", "fail": "bad", "inconclusive": "open"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A part of a whole: its name, and its share in percent, where it begins and how wide it is."""

    name: str
    start: float
    width: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmRow:
    """What one arm came to; texts, and the shares of its endings."""

    name: str
    accuracy: str
    steps: str
    finished: str
    endings: Sequence[Share]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bottleneck:
    """All that is shown of a bottleneck check."""

    channel: str
    chart: Chart
    knee: str
    recovery: str
    arms: Sequence[ArmRow]
    endings: Sequence[str]


def bottleneck(check: CheckReport) -> Bottleneck:
    """The view of a `bottleneck-drop` check.

    Raises:
        LookupError, TypeError, ValueError: its evidence has another shape.
    """
    evidence = check.evidence
    names = _ending_names(evidence)
    return Bottleneck(
        channel=str(check.parameters["channel"]),
        chart=_chart(check),
        knee=_knee(evidence),
        recovery=_recovery(evidence["recovery"]),
        arms=[
            ArmRow(
                name=name,
                accuracy=f"{100 * value:.1f} %",
                steps=_number(evidence["steps"][name], "{:.1f}"),
                finished=_number(evidence["finish_rate"][name], "{:.0%}"),
                endings=_shares(evidence["endings"][name], names),
            )
            for name, value in _in_order(evidence)
        ],
        endings=names,
    )


def _in_order(evidence: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Accuracy by arm: as the model is, the rungs in their order, the controls."""
    first = [_SOFT, *(rung["name"] for rung in evidence["rungs"])]
    accuracy = evidence["accuracy"]
    return [(name, accuracy[name]) for name in dict.fromkeys([*first, *accuracy]) if name in accuracy]


def _chart(check: CheckReport) -> Chart:
    rungs, margin = check.evidence["rungs"], float(check.parameters["max_drop"])
    drops = [rung["drop"] for rung in rungs]
    controls = [one for one in check.controls if one.name.endswith(_DROP) and one.interval is not None]
    ends = [drop[end] for drop in drops for end in ("low", "high")]
    ends += [end for one in controls if one.interval for end in (one.interval.low, one.interval.high)]
    axis = Axis.around([0.0, margin, *ends], scale=100)
    rows = [_rung(rung, axis) for rung in rungs]
    for one in controls:
        assert one.interval is not None  # chosen for it
        drop = {"value": one.value, "low": one.interval.low, "high": one.interval.high}
        note = f"control; expected: {one.expected}"
        rows.append(_row(one.name.removesuffix(_DROP), drop, axis, note=note, strong=False, bounded=False))
    return Chart(rows=rows, ticks=axis.ticks, zone=zone_of(axis, None, margin), zero=zero_of(axis))


def _rung(rung: Mapping[str, Any], axis: Axis) -> Row:
    note = f"{100 * rung['accuracy']:.1f} % right; {rung['standing']}"
    lost = rung.get("argmax_only")
    if lost:
        note += f"; at {lost:.1%} of positions the likeliest token alone was kept"
    return _row(rung["name"], rung["drop"], axis, note=note, strong=rung["gates"], tone=_TONES[rung["decision"]])


def _row(
    label: str,
    drop: Mapping[str, Any],
    axis: Axis,
    *,
    note: str,
    strong: bool,
    tone: str = "plain",
    bounded: bool = True,
) -> Row:
    value, low, high = (float(drop[name]) for name in ("value", "low", "high"))
    return Row(
        label=label,
        words=f"{100 * value:.1f} pp [{100 * low:.1f}, {100 * high:.1f}]",
        note=note,
        point=axis.at(value),
        low=axis.at(low),
        high=axis.at(high),
        strong=strong,
        bounded=bounded,
        tone=tone,
    )


def _knee(evidence: Mapping[str, Any]) -> str:
    if len(evidence["rungs"]) < 2:
        return ""
    knee = evidence["knee"]
    if knee is None:
        return "No rung holds together with all looser ones."
    kept = ", ".join(f"{name} {value:g}" for name, value in knee.items() if isinstance(value, int | float))
    return f"Tightest rung that holds with all looser ones: {kept} ({evidence['knee_method']})."


def _recovery(share: Mapping[str, Any] | None) -> str:
    if share is None:
        return ""
    ends = f"{share['value']:.1%} [{share['low']:.1%}, {share['high']:.1%}]"
    return f"Recovered of what the control {share['floor']} costs: {ends}."


def _ending_names(evidence: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(name for found in evidence["endings"].values() for name in found))


def _shares(counts: Mapping[str, float], names: Sequence[str]) -> list[Share]:
    return list(_laid_out([(name, float(counts.get(name, 0))) for name in names]))


def _laid_out(parts: Sequence[tuple[str, float]]) -> Iterator[Share]:
    total, start = sum(size for _, size in parts) or 1.0, 0.0
    for name, size in parts:
        width = 100 * size / total
        yield Share(name=name, start=round(start, 2), width=round(width, 2))
        start += width


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
