"""Opaque depth: the numbers at every context length, and the critical path by module as a flame chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitorbench.report.model import CheckReport

_DEEPEST = 24
_THINNEST = 0.15
"""Frames narrower than this, in percent of the whole, are left out: nobody can see or touch them."""
_MOST_FRAMES = 1500


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A place on the critical path: its words, its level from 0, and where it lies across in percent."""

    name: str
    words: str
    level: int
    start: float
    width: float
    operation: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthRow:
    """One context length; texts."""

    context: str
    opaque: str
    interpretable: str
    applied: str
    baseline: str
    ratio: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Depth:
    """All that is shown of a depth check.

    Attributes:
        convention: how gates were counted.
        rows: the numbers.
        channels: name, `interpretable` or `opaque`, and why.
        frames: the flame chart of the longest context; empty where the report holds no path.
        levels: how many rows of frames there are.
        hidden: how many places are too small to be drawn.
    """

    convention: str
    rows: Sequence[DepthRow]
    channels: Sequence[tuple[str, str, str]]
    context: str
    cut_at: str
    frames: Sequence[Frame]
    levels: int
    hidden: int


def depth(check: CheckReport) -> Depth:
    """The view of an `opaque-depth-ratio` check.

    Raises:
        LookupError, TypeError, ValueError: its evidence has another shape.
    """
    contexts = check.evidence["contexts"]
    last = contexts[-1]
    frames = list(_frames(_modules(last["applied"])))
    shown = [frame for frame in frames if frame.width >= _THINNEST and frame.level < _DEEPEST][:_MOST_FRAMES]
    return Depth(
        convention=check.evidence["convention"],
        rows=[_row(context) for context in contexts],
        channels=[
            (name, "interpretable" if found["interpretable"] else "opaque", found["why"])
            for name, found in check.evidence["channels"].items()
        ],
        context=f"{last['context_length']:,}",
        cut_at=", ".join(last["applied"]["cut_at"]),
        frames=shown,
        levels=1 + max((frame.level for frame in shown), default=-1),
        hidden=len(frames) - len(shown),
    )


def _row(context: Mapping[str, Any]) -> DepthRow:
    applied, base = context["applied"], context.get("baseline")
    return DepthRow(
        context=f"{context['context_length']:,}",
        opaque=f"{context['candidate']['opaque']['depth']:,}",
        interpretable=f"{context['candidate']['interpretable']['depth']:,}",
        applied=f"{applied['depth']:,}",
        baseline="-" if base is None else f"{base['depth']:,}",
        ratio=f"{applied['ratio']:.2f}x" if "ratio" in applied else "-",
    )


def _modules(applied: Mapping[str, Any]) -> Mapping[str, Any]:
    """The path by module; where a report does not hold it, by segment."""
    if "modules" in applied:
        found: Mapping[str, Any] = applied["modules"]
        return found
    branches = [
        {
            "name": step["segment"],
            "times": step["times"],
            "gates": step["times"] * step["gates"],
            "operations": {},
            "branches": [],
        }
        for step in applied["path"]
    ]
    return {"name": "depth", "times": 1, "gates": applied["depth"], "operations": {}, "branches": branches}


def _frames(root: Mapping[str, Any]) -> Iterator[Frame]:
    """Every place, those inside of it to its right and one level below."""
    total = max(int(root["gates"]), 1)
    # A place, its level, where it begins, how often what lies around it is passed, and the names around it.
    waiting: list[tuple[Mapping[str, Any], int, float, int, str]] = [(root, 0, 0.0, 1, "")]
    while waiting:
        place, level, start, passes, around = waiting.pop()
        gates, times = passes * int(place["gates"]), int(place["times"])
        path = f"{around} / {place['name']}" if around else str(place["name"])
        named = str(place["name"]) + (f" \N{MULTIPLICATION SIGN}{times}" if times > 1 else "")
        yield _frame(named, path, level=level, start=start, gates=gates, total=total)
        inside, begin = passes * times, start
        for branch in place["branches"]:
            waiting.append((branch, level + 1, begin, inside, path))
            begin += inside * int(branch["gates"])
        for name, count in place["operations"].items():
            own = inside * int(count)
            told = f"{path} / {name}"
            yield _frame(name, told, level=level + 1, start=begin, gates=own, total=total, operation=True)
            begin += own


def _frame(name: str, path: str, *, level: int, start: float, gates: int, total: int, operation: bool = False) -> Frame:
    return Frame(
        name=name,
        words=f"{path}: {gates:,} gates, {gates / total:.1%}",
        level=level,
        start=round(100 * start / total, 3),
        width=round(100 * gates / total, 3),
        operation=operation,
    )
