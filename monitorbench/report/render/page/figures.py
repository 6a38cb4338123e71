"""The figures of a check type that has no drawing of its own: every number and word of its evidence, by its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitorbench.report.model import CheckReport

MOST = 40
_DEEPEST = 4
_LONGEST = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Places and what stands there, and how many of them are left out."""

    rows: Sequence[tuple[str, str]]
    more: int


def figures(check: CheckReport) -> Figures:
    """The view of any check; lists are left to the JSON."""
    rows = list(_rows(check.evidence, ()))
    return Figures(rows=rows[:MOST], more=max(0, len(rows) - MOST))


def _rows(found: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        here = (*place, name)
        if isinstance(value, Mapping):
            ends = [value.get(part) for part in ("value", "low", "high")]
            if all(_is_number(end) for end in ends):
                yield " / ".join(here), "{} [{}, {}]".format(*map(_words, ends))
            elif len(here) < _DEEPEST:
                yield from _rows(value, here)
        elif value is not None and not isinstance(value, list):
            yield " / ".join(here), _words(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)[:_LONGEST]
