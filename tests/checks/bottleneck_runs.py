"""Rollouts of a bottleneck check made by hand: so many prompts answered right in each arm."""

from __future__ import annotations

import numpy as np

from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.arm import Arm

N = 100
GATE = "top_k=8"
USED = {
    "soft": 90,
    GATE: 90,
    "identity": 90,
    "keep-everything": 90,
    "zero": 10,
    "batch-shuffled": 20,
    "mean": 30,
    "random-tokens": 15,
}
"""Prompts answered right by each arm; those answered by a weaker arm are always among those of a stronger one."""


def arm_name(arm: Arm) -> str:
    """What the check calls an arm."""
    change = arm.intervention
    if change.keep is not None:
        return "{}={:g}".format(*change.keep)
    return "soft" if change.kind == "none" else change.kind


def seen(*, entropy: float) -> Trace:
    """One block of two steps and one position."""
    block = BlockTrace(
        tokens_SP=np.array([[1], [1]], np.int32),
        committed_SP=np.ones((2, 1), bool),
        entropy_SP=np.full((2, 1), entropy, np.float32),
        content_P=np.ones(1, bool),
    )
    return Trace(blocks=(block,))
