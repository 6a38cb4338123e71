"""The three bounds on opaque serial depth, each held against what was counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitorbench.checks.opaque_depth_counts import Counted
from monitorbench.suite.model import CheckSpec

RATIO, DEPTH, SLOPE = "max_ratio", "max_depth", "max_slope_per_doubling"


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """One bound, held against the worst value that was counted.

    Attributes:
        bound: the parameter that declares it.
        value: what was counted.
        limit: the largest value allowed, which belongs to the range.
        unit: unit of both.
        at: the context lengths that the value was taken at.
        finding: the value in words, as the beginning of a sentence.
    """

    bound: str
    value: float
    limit: float
    unit: str
    at: tuple[int, ...]
    finding: str

    @property
    def passes(self) -> bool:
        """Whether the value is within the limit."""
        return self.value <= self.limit

    @property
    def tightness(self) -> tuple[bool, float]:
        """Sorts bounds: those that fail above all others, then by the share of the limit that is used up."""
        if self.limit:
            return not self.passes, self.value / self.limit
        return not self.passes, math.inf if self.value >= 0 else 0.0

    @property
    def words(self) -> str:
        """Value, bound and outcome, as a sentence without its end."""
        return f"{self.finding}, {'within' if self.passes else 'above'} {self.bound} {self.limit:,.12g}"


def held(spec: CheckSpec, counted: Sequence[Counted]) -> tuple[Held, ...]:
    """Every bound that the check declares, the tightest first: the check gates on it."""
    found = [hold(counted, spec.parameters[name]) for name, hold in _BOUNDS.items() if name in spec.parameters]
    return tuple(sorted(found, key=lambda one: one.tightness, reverse=True))


def as_json(bounds: Sequence[Held]) -> dict[str, dict[str, Any]]:
    """One line for each bound, for the report."""
    return {
        one.bound: {
            "value": one.value,
            "limit": one.limit,
            "passes": one.passes,
            "context_length": list(one.at),
            "words": f"{one.words}.",
        }
        for one in bounds
    }


def _ratio(counted: Sequence[Counted], limit: float) -> Held:
    worst = max(counted, key=lambda one: one.ratio)
    assert worst.baseline is not None  # counted wherever this bound is declared
    finding = (
        f"At {worst.context_length:,} positions, opaque serial depth {worst.applied.depth:,} "
        f"against the baseline's {worst.baseline.depth:,} is {_apart(worst.ratio, limit)}x"
    )
    at = (worst.context_length,)
    return Held(bound=RATIO, value=worst.ratio, limit=limit, unit="ratio", at=at, finding=finding)


def _depth(counted: Sequence[Counted], limit: float) -> Held:
    worst = max(counted, key=lambda one: one.applied.depth)
    depth, length = worst.applied.depth, worst.context_length
    finding = f"At {length:,} positions, opaque serial depth is {depth:,}"
    return Held(bound=DEPTH, value=depth, limit=limit, unit="depth", at=(length,), finding=finding)


def _slope(counted: Sequence[Counted], limit: float) -> Held:
    """Growth in gates per doubling, the way in which the depth of a transformer is linear: O(L log T)."""
    short, long = counted[0], counted[-1]
    doublings = math.log2(long.context_length / short.context_length)
    slope = (long.applied.depth - short.applied.depth) / doublings
    at = short.context_length, long.context_length
    finding = (
        f"From {at[0]:,} to {at[1]:,} positions, opaque serial depth goes from {short.applied.depth:,} to "
        f"{long.applied.depth:,}, {_apart(slope, limit)} per doubling"
    )
    return Held(bound=SLOPE, value=slope, limit=limit, unit="per doubling", at=at, finding=finding)


_BOUNDS: Mapping[str, Callable[[Sequence[Counted], float], Held]] = {RATIO: _ratio, DEPTH: _depth, SLOPE: _slope}


def _apart(value: float, limit: float) -> str:
    """The value with two decimals, and more where rounding alone would put it on the limit."""
    different = (decimals for decimals in range(2, 12) if round(value, decimals) != round(limit, decimals))
    return f"{value:,.{2 if value == limit else next(different, 12)}f}"
