"""What several checks read from recorded arms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitorbench.metrics.outcomes import ending
from monitorbench.metrics.trace import Trace

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Arm, Rollout
    from monitorbench.rollouts.store import RunStore


def accuracy_by_prompt(store: RunStore, arm: Arm) -> list[float]:
    """Share of correct rollouts of each prompt, in the order of prompt ids: seeds are averaged inside the prompt."""
    return [sum(r.correct for r in rollouts) / len(rollouts) for rollouts in store.by_prompt(arm).values()]


def drop_by_prompt(store: RunStore, arm: Arm, other: Arm) -> dict[str, float]:
    """By how much the share of correct rollouts of each prompt falls from an arm to another, in [-1, 1]."""
    values = zip(accuracy_by_prompt(store, arm), accuracy_by_prompt(store, other), strict=True)
    return {prompt: before - after for prompt, (before, after) in zip(store.by_prompt(arm), values, strict=True)}


def endings(store: RunStore, arm: Arm) -> dict[str, int]:
    """How many rollouts ended in which way, those that raised and what is left out with them included."""
    return _endings(store.everything(arm))


def endings_of_lost(store: RunStore, arm: Arm, other: Arm) -> dict[str, int]:
    """How those rollouts ended in the other arm that were correct in the first and are not in the other."""
    pairs = zip(store.rollouts(arm), store.rollouts(other), strict=True)
    return _endings(after for before, after in pairs if before.correct and not after.correct)


def mean_steps(store: RunStore, arm: Arm) -> float:
    """Mean number of steps that a rollout took, over all of its blocks."""
    rollouts = store.rollouts(arm)
    return sum(len(block.tokens_SP) for r in rollouts for block in r.trace.blocks) / len(rollouts)


def finish_rate(store: RunStore, arm: Arm) -> float:
    """Share of rollouts whose text ended by itself, in [0, 1]."""
    rollouts = store.rollouts(arm)
    return sum(r.finished for r in rollouts) / len(rollouts)


def counted_share(store: RunStore, arm: Arm, what: str) -> float | None:
    """Share of the positions under an arm's intervention that it counted as `what`; None where it counted none."""
    from monitorbench.interventions.tally import POSITIONS

    rollouts = store.rollouts(arm)
    positions = sum(r.counts.get(POSITIONS, 0) for r in rollouts)
    return sum(r.counts.get(what, 0) for r in rollouts) / positions if positions else None


def _endings(rollouts: Iterable[Rollout]) -> dict[str, int]:
    return dict(Counter(ending(r.status, finished=r.finished, tokens=r.tokens) for r in rollouts))


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """An arm against one that has to be the same.

    Attributes:
        pairs: rollouts that ran in batches of one size in both, so that nothing but the arm can tell them apart.
        changed: of those, how many differ in a token.
        across: rollouts that ran in batches of another size, because one did not fit into memory.
        changed_across: of those, how many differ: another batch size may round differently.
    """

    pairs: int
    changed: int
    across: int
    changed_across: int

    @property
    def share(self) -> float:
        """Share of all rollouts that differ, in [0, 1]."""
        return (self.changed + self.changed_across) / (self.pairs + self.across)


def replayed(store: RunStore, arm: Arm, replay: Arm) -> Replay:
    """How often tokens differ between an arm and one that has to be the same."""
    pairs = list(zip(store.rollouts(arm), store.rollouts(replay), strict=True))
    differ = Counter((a.rows == b.rows, a.tokens != b.tokens) for a, b in pairs)
    alike, across = (differ[same, False] + differ[same, True] for same in (True, False))
    return Replay(pairs=alike, changed=differ[True, True], across=across, changed_across=differ[False, True])


def traces_differ(store: RunStore, arm: Arm, other: Arm) -> bool:
    """Whether anything that was observed of a rollout differs between two arms, be it the last bit of an entropy.

    Of rollouts that ran in batches of another size such a difference says nothing, and they are not looked at.
    """
    pairs = zip(store.rollouts(arm), store.rollouts(other), strict=True)
    return any(a.rows == b.rows and not _same(a.trace, b.trace) for a, b in pairs)


def _same(trace: Trace, other: Trace) -> bool:
    return len(trace.blocks) == len(other.blocks) and all(
        np.array_equal(a.tokens_SP, b.tokens_SP) and np.array_equal(a.entropy_SP, b.entropy_SP, equal_nan=True)
        for a, b in zip(trace.blocks, other.blocks, strict=True)
    )
