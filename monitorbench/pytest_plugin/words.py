"""A check in words and in figures, as tests show and keep it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitorbench.report.model import CheckReport

PREFIX = "monitorbench_"
"""What the names of all properties of a test start with."""


def explained(check: CheckReport, rerun: str) -> str:
    """Why a check came to its verdict, from what, where it is declared, and how to run it again."""
    from monitorbench.report.words import verdict_words

    place = f"declared in {check.file}:{check.line}"
    lines = [f"{check.id}: {verdict_words(check)}: {check.reason}", numbers(check), check.warning, place]
    lines.append(f"rerun: {rerun}")
    return "\n".join(line for line in lines if line)


def numbers(check: CheckReport, *, bound: bool = True) -> str:
    """Estimate, bound and n, those that there are; the bound only where it is asked for."""
    from monitorbench.report.words import bound_words, count_words, estimate_words

    facts = {"estimate": estimate_words(check), "bound": bound_words(check) if bound else "", "n": count_words(check.n)}
    return ", ".join(f"{name} {words}" for name, words in facts.items() if words)


def properties(check: CheckReport) -> Iterator[tuple[str, str]]:
    """What a JUnit file says of the test: the figures in full, in the unit of the estimate."""
    facts = {
        "verdict": check.verdict.value,
        "estimate": None if check.estimate is None else repr(check.estimate),
        "interval": None if check.interval is None else f"[{check.interval.low!r}, {check.interval.high!r}]",
        "level": None if check.interval is None else repr(check.interval.level),
        "unit": check.unit or None,
        "bound": _bound(check),
        "n": None if check.n is None else str(check.n),
        "reason": check.reason,
        "severity": check.severity,
        "warning": check.warning or None,
    }
    for name, value in facts.items():
        if value is not None:
            yield PREFIX + name, value


def _bound(check: CheckReport) -> str | None:
    sides = {} if check.bound is None else {"min": check.bound.min, "max": check.bound.max}
    return ", ".join(f"{side} {value!r}" for side, value in sides.items() if value is not None) or None
