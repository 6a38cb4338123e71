"""The rollouts that a bottleneck turned from correct to anything else, and how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitorbench.checks.arms import endings_of_lost
from monitorbench.checks.bottleneck_arms import SOFT, Design
from monitorbench.metrics.outcomes import EXHAUSTED, LOOPING

if TYPE_CHECKING:
    from monitorbench.rollouts.store import RunStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """How lost rollouts ended.

    A collapse into loops is no loss of information: a sharpened carry can let an entropy-bounded sampler commit too
    early ("How Transparent is DiffusionGemma?", arXiv 2606.20560, its replication).

    Attributes:
        endings: how many rollouts by the way they ended; never `correct`.
    """

    endings: Mapping[str, int]

    @property
    def rollouts(self) -> int:
        """How many were lost."""
        return sum(self.endings.values())

    @property
    def looping(self) -> int:
        """How many loop."""
        return self.endings.get(LOOPING, 0)

    @property
    def exhausted(self) -> int:
        """How many came to no answer within the token budget, without a loop."""
        return self.endings.get(EXHAUSTED, 0)

    @property
    def mostly_loops(self) -> bool:
        """Whether some were lost and at least half of them loop."""
        return 0 < self.rollouts <= 2 * self.looping

    def in_words(self) -> str:
        """How many loop; those without an answer for want of tokens are counted apart, as they may be garbled."""
        loops = f"{self.looping} of {self.rollouts} rollouts that were lost loop"
        return loops + (f" and {self.exhausted} more use up the token budget" if self.exhausted else "")

    def as_json(self) -> dict[str, Any]:
        """As evidence."""
        return {"rollouts": self.rollouts, "endings": dict(self.endings), "mostly_loops": self.mostly_loops}


def lost_rollouts(design: Design, store: RunStore) -> dict[str, Lost]:
    """What each bottleneck lost, by the name of its arm."""
    soft = design.arms[SOFT]
    return {name: Lost(endings=endings_of_lost(store, soft, design.arms[name])) for name in design.bottlenecks}
