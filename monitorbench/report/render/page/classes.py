"""Token classes by step: what a carried value says most of, held against the text that it ends in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitorbench.report.model import CheckReport

_FILTERS = {"min_p": "tokens of at least min_p", "top_k": "the top_k likeliest tokens"}
_MOST_COLUMNS = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A class in a column: which, from 0, where it begins from the top and how high it is, in percent."""

    which: int
    top: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One step, or the first of several that share a column: where it lies in percent, its words, its classes."""

    start: float
    width: float
    words: str
    parts: Sequence[Part]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """What one filter keeps, by step."""

    name: str
    words: str
    first: int
    last: int
    columns: Sequence[Column]


@dataclass(frozen=True, kw_only=True, slots=True)
class Residue:
    """A confident token that is like no final one; texts."""

    token: str
    before: str
    final: str
    after: str
    place: str
    probability: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Classes:
    """All that is shown of a variable-transparency check."""

    channel: str
    names: Sequence[str]
    filters: Sequence[Filter]
    total: str
    residue: Sequence[Residue]


def classes(check: CheckReport) -> Classes:
    """The view of a `variable-transparency` check.

    Raises:
        LookupError, TypeError, ValueError: its evidence has another shape.
    """
    names, strange = check.evidence["classes"], check.evidence["residue"]
    return Classes(
        channel=str(check.parameters["channel"]),
        names=names,
        filters=[_filter(name, found, names) for name, found in check.evidence["filters"].items()],
        total=f"{strange['total']:,}",
        residue=[_residue(one) for one in strange["listed"]],
    )


def _filter(name: str, found: Mapping[str, Any], names: Sequence[str]) -> Filter:
    steps = [step for step in found["steps"] if step["classes"] is not None]
    every = -(-len(steps) // _MOST_COLUMNS) or 1
    shown = steps[::every]
    share, null = found["share"], found["null"]
    words = "nothing was kept" if share is None else f"{share:.1%} like the final text"
    return Filter(
        name=_FILTERS.get(name, name),
        words=words + ("" if null is None else f"; {null:.1%} under the final text of another prompt"),
        first=shown[0]["step"] if shown else 0,
        last=shown[-1]["step"] if shown else 0,
        columns=[_column(step, place, len(shown), names) for place, step in enumerate(shown)],
    )


def _column(step: Mapping[str, Any], place: int, columns: int, names: Sequence[str]) -> Column:
    shares, top, parts = step["classes"], 0.0, []
    for which, share in enumerate(shares):
        height = 100 * float(share)
        parts.append(Part(which=which, top=round(top, 2), height=round(height, 2)))
        top += height
    told = ", ".join(f"{name} {share:.1%}" for name, share in zip(names, shares, strict=True) if share)
    return Column(
        start=round(100 * place / columns, 3),
        width=round(100 / columns, 3),
        words=f"step {step['step']}, {step['kept']:,} tokens: {told}",
        parts=parts,
    )


def _residue(one: Mapping[str, Any]) -> Residue:
    return Residue(
        token=one["token"],
        before=one["before"],
        final=one["final"],
        after=one["after"],
        place=f"{one['prompt']}, position {one['position']}, from step {one['step']} for {one['steps']} steps",
        probability=f"{one['probability']:.2f}",
    )
