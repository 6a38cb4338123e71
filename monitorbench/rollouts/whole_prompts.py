"""What a check reads of a run store: prompts of which no rollout raised, in none of the arms that it reads."""

from __future__ import annotations

from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.store import RunStore


class WholePrompts(RunStore):
    """The rollouts of a store, of whole prompts only: the arms of a check stay paired, prompt by prompt.

    Which prompts are left out is known only when all arms were read; what is read again then is of the same prompts.

    Args:
        store: the store.
    """

    def __init__(self, store: RunStore) -> None:
        super().__init__()
        self._store = store
        self.left_out: set[tuple[str, str]] = set()
        """Task and id of every prompt that is left out."""
        self.read: dict[Arm, None] = {}
        """The arms that were read, in that order."""

    def everything(self, arm: Arm) -> list[Rollout]:
        """All rollouts of an arm, those that raised among them."""
        return self._store.everything(arm)

    def rollouts(self, arm: Arm) -> list[Rollout]:
        """Those of whole prompts, sorted by problem and seed."""
        found = self.everything(arm)
        self.read[arm] = None
        self.left_out |= {(arm.task, rollout.problem.id) for rollout in found if rollout.raised}
        return [rollout for rollout in found if not self.leaves_out(arm, rollout.problem.id)]

    def leaves_out(self, arm: Arm, problem: str) -> bool:
        """Whether a problem is left out, as far as is known by now."""
        return (arm.task, problem) in self.left_out
