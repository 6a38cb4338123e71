"""Where the rollouts of a run are kept: scoring reads from here and never needs the model."""

from __future__ import annotations

from collections.abc import Iterable

from monitorbench.rollouts.arm import Arm, Rollout


class RunStore:
    """Rollouts by arm, in memory, always in the order of problem and seed."""

    def __init__(self) -> None:
        self._rollouts: dict[Arm, dict[tuple[str, int], Rollout]] = {}

    def add(self, arm: Arm, rollouts: Iterable[Rollout]) -> None:
        """Keep rollouts of an arm."""
        kept = self._rollouts.setdefault(arm, {})
        kept.update({(rollout.problem.id, rollout.repeat): rollout for rollout in rollouts})

    def rollouts(self, arm: Arm) -> list[Rollout]:
        """All rollouts of an arm, sorted by problem and seed."""
        return [rollout for _, rollout in sorted(self._rollouts[arm].items())]

    def by_prompt(self, arm: Arm) -> dict[str, list[Rollout]]:
        """Rollouts of an arm, grouped by problem."""
        grouped: dict[str, list[Rollout]] = {}
        for rollout in self.rollouts(arm):
            grouped.setdefault(rollout.problem.id, []).append(rollout)
        return grouped
