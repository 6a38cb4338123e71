"""What each prompt contributed to an estimate, so that two reports can be compared prompt by prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_PROMPTS = 2_000
"""Of more prompts nothing is held by name: a report of theirs would be longer than it is worth (100 kB a check)."""


def per_prompt(values: Mapping[str, float], *, low: float, high: float) -> dict[str, Any]:
    """The part of a check's evidence that holds its values by prompt; their mean is the estimate.

    Args:
        values: by prompt id, averaged over seeds.
        low: least possible value.
        high: largest possible value.
    """
    kept = values if len(values) <= MOST_PROMPTS else {}
    held = {"ids": list(kept), "values": list(kept.values()), "low": low, "high": high}
    return {"per_prompt": {**held, "left_out": len(values) - len(kept)}}
