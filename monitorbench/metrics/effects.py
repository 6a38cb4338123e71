"""Effects of interventions: differences of paired outcomes, with standard errors over prompts.

Every outcome is 1 or 0, or a mean of such over continuations. Prompts are the sampling unit: the standard error is that
of the jackknife over prompts (Efron and Stein, Annals of Statistics 9 (1981) 586).

Shape suffixes: N outcomes, G prompts, K figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.score import Score

FEWEST_PROMPTS = 8
STANDARD_ERRORS = 3.0
"""A sum of effects that is not larger than so many of its standard errors is taken for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcomes:
    """Paired outcomes of one kind of intervention, one for each thing that was read.

    Attributes:
        prompt_N: id of the prompt.
        treated_N: outcome under the intervention, in [0, 1].
        control_N: outcome under its control.
        distance_N: int, tokens between what was changed and what was read; 0 where that is of no meaning.
    """

    prompt_N: tuple[str, ...]
    treated_N: NDArray[np.float64]
    control_N: NDArray[np.float64]
    distance_N: NDArray[np.int64]

    @classmethod
    def of(cls, found: Sequence[tuple[str, float, float, int]]) -> Outcomes:
        """From (prompt, treated, control, distance)."""
        return cls(
            prompt_N=tuple(each[0] for each in found),
            treated_N=np.array([each[1] for each in found], dtype=np.float64),
            control_N=np.array([each[2] for each in found], dtype=np.float64),
            distance_N=np.array([each[3] for each in found], dtype=np.int64),
        )

    @property
    def added(self) -> NDArray[np.float64]:
        """(N,) what the intervention adds, in [-1, 1]."""
        return self.treated_N - self.control_N


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """A difference in probability with its standard error; undefined, with the reason in `score`, for few prompts."""

    score: Score
    error: float = 0.0

    @property
    def value(self) -> float:
        """The effect; NaN where it is undefined."""
        return float("nan") if self.score.value is None else self.score.value


def jackknife(
    prompts_N: Sequence[str], figures: Callable[[NDArray[np.bool_]], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """(K,) figures of all outcomes, their (K,) standard errors, and the number of prompts.

    Args:
        prompts_N: prompt of each outcome.
        figures: the figures of a part of the outcomes, given as a mask (N,).
    """
    names = np.asarray(prompts_N)
    whole_K = figures(np.ones(names.size, dtype=bool))
    each = [figures(names != name) for name in sorted(set(prompts_N))]
    left_GK = np.stack(each) if each else np.empty((0, whole_K.size))
    count = len(left_GK)
    spread_K = np.sqrt((count - 1) / max(count, 1) * np.square(left_GK - left_GK.mean(axis=0)).sum(axis=0))
    return whole_K, np.asarray(spread_K, dtype=np.float64), count


def prompt_mean(values_N: NDArray[np.float64], prompts_N: Sequence[str], keep_N: NDArray[np.bool_]) -> float:
    """Mean over prompts of the mean of each; NaN for none."""
    if not keep_N.any():
        return float("nan")
    _, index_N = np.unique(np.asarray(prompts_N)[keep_N], return_inverse=True)
    return float(np.mean(np.bincount(index_N, weights=values_N[keep_N]) / np.bincount(index_N)))


def effect(outcomes: Outcomes) -> Effect:
    """Mean over prompts of what the intervention adds; undefined for fewer than 8 prompts."""

    def figures(keep_N: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.array([prompt_mean(outcomes.added, outcomes.prompt_N, keep_N)])

    if (undefined := too_few(outcomes.prompt_N)) is not None:
        return Effect(score=undefined)
    (value,), (error,), count = jackknife(outcomes.prompt_N, figures)
    return Effect(score=Score.ok(value, n=count), error=float(error))


def too_few(prompts_N: Sequence[str]) -> Score | None:
    """The score that nothing is, where there are fewer than 8 prompts."""
    count = len(set(prompts_N))
    return Score.undefined(f"fewer than {FEWEST_PROMPTS} prompts", n=count) if count < FEWEST_PROMPTS else None


def is_large(value: float, error: float) -> bool:
    """Whether a sum of effects is more than three of its standard errors above 0, rounding aside."""
    return value > max(STANDARD_ERRORS * error, 1e-12)
