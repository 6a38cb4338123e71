"""The one value that every estimate takes: a number, its interval, and what the interval rests on.

Shape suffixes: N prompts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number with its two-sided interval.

    Each end is also the one-sided bound at `alpha` = (1 - level) / 2: the 90 % interval and the one-sided 5 % bounds
    that verdicts use are the same two numbers.

    Attributes:
        value: the estimate itself.
        low: lower end of the interval.
        high: upper end of the interval.
        level: two-sided confidence level in (0, 1); 1.0 for what is fixed by construction.
        n: number of prompts.
        sd: spread of one prompt's value, smoothed so that a sample without any spread is not taken for a certainty;
            0.0 only for what is fixed by construction.
        method: how the interval was made.
    """

    value: float
    low: float
    high: float
    level: float
    n: int
    sd: float
    method: str

    @property
    def alpha(self) -> float:
        """One-sided error rate of either end."""
        return (1.0 - self.level) / 2.0

    def widened(self, unseen: int, *, low: float, high: float) -> Estimate:
        """The same mean with an interval that holds it, too, if so many more prompts had any values in [low, high].

        Only for a mean over prompts of values in that range. What the interval says of it is said of all prompts then,
        whatever the unseen ones are like (Horowitz and Manski, Econometrica 63 (1995) 281).
        """
        if not unseen:
            return self
        total = self.n + unseen
        return replace(
            self,
            low=(self.n * self.low + unseen * low) / total,
            high=(self.n * self.high + unseen * high) / total,
            method=f"{self.method}; widened by whatever {unseen} unseen prompts would have come to",
        )

    @classmethod
    def fixed(cls, value: float, *, n: int = 0) -> Estimate:
        """What holds by construction and is judged without an interval."""
        return cls(value=value, low=value, high=value, level=1.0, n=n, sd=0.0, method="fixed by construction")


def checked(values_N: ArrayLike, *, low: float, high: float, name: str) -> NDArray[np.float64]:
    """Returns the values as a (N,) float array.

    Raises:
        ValueError: if there are none, they are not one-dimensional, or one lies outside [low, high] or is NaN.
    """
    array_N = np.asarray(values_N, dtype=np.float64)
    if array_N.ndim != 1 or array_N.size == 0:
        raise ValueError(f"{name}: expected one value per prompt and at least one prompt, got shape {array_N.shape}")
    if not np.all((array_N >= low) & (array_N <= high)):
        raise ValueError(f"{name}: every value must lie in [{low:g}, {high:g}]")
    return array_N


def checked_level(level: float) -> float:
    """Returns the one-sided error rate that belongs to a two-sided level.

    Raises:
        ValueError: if the level is not inside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: expected a confidence level inside (0, 1), got {level:g}")
    return (1.0 - level) / 2.0


def smoothed_sd(values_N: NDArray[np.float64], *, low: float, high: float) -> float:
    """Standard deviation after adding one more prompt that lies half at each bound: never zero, sqrt(N)-consistent.

    The half observation per bound is that of Agresti and Min, Statistics in Medicine 24 (2005) 729, for paired
    proportions.
    """
    n = values_N.size
    mean = (values_N.sum() + (low + high) / 2.0) / (n + 1)
    squares = np.square(values_N - mean).sum() + (np.square(low - mean) + np.square(high - mean)) / 2.0
    return float(np.sqrt(squares / (n + 1)))
