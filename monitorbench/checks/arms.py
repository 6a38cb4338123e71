"""What several checks read from recorded arms."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from monitorbench.metrics.outcomes import ending
from monitorbench.metrics.trace import Trace

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Arm
    from monitorbench.rollouts.store import RunStore


def accuracy_by_prompt(store: RunStore, arm: Arm) -> list[float]:
    """Share of correct rollouts of each prompt, in the order of prompt ids: seeds are averaged inside the prompt."""
    return [sum(r.correct for r in rollouts) / len(rollouts) for rollouts in store.by_prompt(arm).values()]


def endings(store: RunStore, arm: Arm) -> dict[str, int]:
    """How many rollouts ended in which way."""
    rollouts = store.rollouts(arm)
    return dict(Counter(ending(r.status, finished=r.finished, tokens=r.tokens) for r in rollouts))


def replay_mismatch(store: RunStore, arm: Arm, replay: Arm) -> float:
    """Share of rollouts whose tokens differ between an arm and one that has to be the same."""
    pairs = list(zip(store.rollouts(arm), store.rollouts(replay), strict=True))
    return sum(a.tokens != b.tokens for a, b in pairs) / len(pairs)


def traces_differ(store: RunStore, arm: Arm, other: Arm) -> bool:
    """Whether anything that was observed of any rollout differs between two arms, be it the last bit of an entropy."""
    pairs = zip(store.rollouts(arm), store.rollouts(other), strict=True)
    return any(not _same(a.trace, b.trace) for a, b in pairs)


def _same(trace: Trace, other: Trace) -> bool:
    return len(trace.blocks) == len(other.blocks) and all(
        np.array_equal(a.tokens_SP, b.tokens_SP) and np.array_equal(a.entropy_SP, b.entropy_SP, equal_nan=True)
        for a, b in zip(trace.blocks, other.blocks, strict=True)
    )
