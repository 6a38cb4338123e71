"""What the tighter bounds of a `warn_if` add to the report of a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitorbench.report.exit_code import warns
from monitorbench.report.model import CheckReport
from monitorbench.report.words import bound_words, estimate_words


def with_warning(found: CheckReport, warned: CheckReport, warn_if: Mapping[str, Any]) -> CheckReport:
    """The report of a check by its own bounds, with what it comes to by those of its `warn_if`.

    Args:
        found: by its own bounds.
        warned: by the tighter ones, from the same rollouts.
        warn_if: these, by name.
    """
    both = replace(found, warn_verdict=warned.verdict, warn_bound=warned.bound)
    return replace(both, warning=_words(warned, warn_if)) if warns(both) else both


def _words(warned: CheckReport, warn_if: Mapping[str, Any]) -> str:
    bounds = " and ".join(f"{name} {value:.12g}" for name, value in warn_if.items())
    facts = (estimate_words(warned), f"bound {bound_words(warned)}" if bound_words(warned) else "")
    numbers = ", ".join(fact for fact in facts if fact)
    return f"By warn_if ({bounds}): {warned.verdict}{f', {numbers}' if numbers else ''}. {warned.reason}"
