"""The value that every score takes: a number, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """A number or the reason why there is none.

    Attributes:
        value: the score; None where it is undefined.
        status: `ok`, or `undefined: ` and the reason.
        n: observations the value rests on (each score says which).
    """

    value: float | None
    status: str
    n: int

    @classmethod
    def ok(cls, value: float, *, n: int) -> Score:
        """A score that is defined."""
        return cls(value=float(value), status="ok", n=n)

    @classmethod
    def undefined(cls, reason: str, *, n: int = 0) -> Score:
        """A score that is not, and why."""
        return cls(value=None, status=f"undefined: {reason}", n=n)


def weighted_mean(scores: Iterable[tuple[Score, float]]) -> Score:
    """The weighted mean of the defined scores; undefined, with all their reasons, where none is.

    Args:
        scores: each with its weight, which is positive.
    """
    pairs = tuple(scores)
    defined = [(score.value, weight) for score, weight in pairs if score.value is not None]
    n = sum(score.n for score, _ in pairs if score.value is not None)
    if not defined:
        reasons = sorted({score.status.removeprefix("undefined: ") for score, _ in pairs})
        return Score.undefined(", ".join(reasons) or "no blocks")
    return Score.ok(sum(value * weight for value, weight in defined) / sum(weight for _, weight in defined), n=n)
