"""Which estimator a claim is judged by: that of a fixed number of prompts, or one that holds at any moment."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.typing import ArrayLike

from monitorbench.stats.bounded import bounded_mean
from monitorbench.stats.interval import LEVEL, Estimate
from monitorbench.stats.paired import paired_difference, paired_differences
from monitorbench.stats.recovery import recovery, recovery_within
from monitorbench.stats.sequential import sequential_mean


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimators:
    """How every estimate of a run is made.

    Attributes:
        level: two-sided confidence level; each end is a one-sided bound at (1 - level) / 2.
        sequential: whether one looks while prompts come in, so that the bounds have to hold whenever one stops.
        unseen: further prompts of which nothing is known; every interval holds whatever they would have come to.
    """

    level: float = LEVEL
    sequential: bool = False
    unseen: int = 0

    def drop(self, reference_N: ArrayLike, candidate_N: ArrayLike) -> Estimate:
        """The drop mean(reference) - mean(candidate) of values in [0, 1], paired by prompt (`paired_difference`).

        Raises:
            ValueError: if there is no prompt, the lengths differ, or a value lies outside [0, 1].
        """
        low, high = -1.0, 1.0
        if self.sequential:
            found = sequential_mean(paired_differences(reference_N, candidate_N), low=low, high=high, level=self.level)
        else:
            found = paired_difference(reference_N, candidate_N, level=self.level)
        return found.widened(self.unseen, low=low, high=high)

    def drop_of_any(self, reference_N: ArrayLike, candidate_N: ArrayLike, *, of: int) -> Estimate:
        """A drop like `drop`, of which any of several may show that there is one.

        Its lower end errs at that share of alpha (Bonferroni), so that the largest of the lower ends errs at alpha.
        Upper ends need none of this where all of them have to be low: an intersection-union test.

        Args:
            reference_N: one value in [0, 1] per prompt.
            candidate_N: the same prompts under one of the changes.
            of: how many changes there are.

        Raises:
            ValueError: as `drop`.
        """
        drop = self.drop(reference_N, candidate_N)
        strict = replace(self, level=1.0 - (1.0 - self.level) / of).drop(reference_N, candidate_N)
        return replace(drop, low=strict.low, method=f"{drop.method}; lower end at alpha / {of}")

    def mean(self, values_N: ArrayLike, *, low: float = 0.0, high: float = 1.0) -> Estimate:
        """The mean over prompts of values in [low, high] (`bounded_mean`).

        Raises:
            ValueError: if there is no prompt, or a value lies outside [low, high].
        """
        mean = sequential_mean if self.sequential else bounded_mean
        return mean(values_N, low=low, high=high, level=self.level).widened(self.unseen, low=low, high=high)

    def recovery(self, reference_N: ArrayLike, bottleneck_N: ArrayLike, floor_N: ArrayLike) -> Estimate | None:
        """Recovery 1 - D(bottleneck) / D(floor) of paired values in [0, 1] (`recovery`); None where it has no interval.

        Raises:
            ValueError: if there is no prompt, the lengths differ, or a value lies outside [0, 1].
        """
        if not self.sequential and not self.unseen:
            return recovery(reference_N, bottleneck_N, floor_N, level=self.level)
        # Two drops that hold, each at half the error rate, hold together.
        strict = replace(self, level=(1.0 + self.level) / 2.0)
        drop, floor = strict.drop(reference_N, bottleneck_N), strict.drop(reference_N, floor_N)
        return recovery_within(drop, floor, level=self.level)
