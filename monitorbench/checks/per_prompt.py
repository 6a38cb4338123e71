"""What each prompt contributed to an estimate: two reports can be compared by it, and a verdict derived again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MOST_PROMPTS = 2_000
"""Of more prompts nothing is held by name: a report of theirs would be longer than it is worth (100 kB a check)."""
KEY, NULL, ARMS, TASKS = "per_prompt", "null_per_prompt", "arms_per_prompt", "tasks_per_prompt"
"""Where in the evidence they are held: what the estimate is the mean of, its null, every arm's, every task's."""


def per_prompt(values: Mapping[str, float], *, low: float, high: float) -> dict[str, Any]:
    """The part of a check's evidence that holds its values by prompt; their mean is the estimate.

    Args:
        values: by prompt id, averaged over seeds.
        low: least possible value.
        high: largest possible value.
    """
    return {KEY: {**_held(values), "low": low, "high": high}}


def null_per_prompt(values: Mapping[str, float]) -> dict[str, Any]:
    """The same for the null that the estimate is held against."""
    return {NULL: _held(values)}


def arms_per_prompt(arms: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The same for every arm of a check, each in the order of the ids of `per_prompt`."""
    return {ARMS: {name: list(values) for name, values in arms.items() if len(values) <= MOST_PROMPTS}}


def tasks_per_prompt(tasks: Mapping[str, tuple[Mapping[str, float], Sequence[float] | None]]) -> dict[str, Any]:
    """The same for every task, with what the mean is divided by the mean of where the score is a ratio."""
    held = {}
    for task, (values, per) in tasks.items():
        held[task] = _held(values) | ({} if per is None or len(per) > MOST_PROMPTS else {"per": list(per)})
    return {TASKS: held}


def values_in(held: Any) -> dict[str, float] | None:
    """The values of one of these parts by prompt; None where they are not held."""
    if not isinstance(held, Mapping) or held.get("left_out") != 0:
        return None
    return dict(zip(held["ids"], held["values"], strict=True))


def _held(values: Mapping[str, float]) -> dict[str, Any]:
    kept = values if len(values) <= MOST_PROMPTS else {}
    return {"ids": list(kept), "values": list(kept.values()), "left_out": len(values) - len(kept)}
