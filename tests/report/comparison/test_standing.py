"""Which side is worse, and what a difference says of a tolerance."""

from __future__ import annotations

import pytest

from monitorbench.report.comparison.model import Shift, Standing
from monitorbench.report.comparison.standing import Side, standing, tolerance_of, worse_side
from monitorbench.report.model import Bound, Interval


def shift(low: float, high: float) -> Shift:
    interval = Interval(low=low, high=high, level=0.9, method="made")
    return Shift(value=(low + high) / 2, interval=interval, n=None, method="made")


@pytest.mark.parametrize(
    ("low", "high", "side", "found"),
    [
        (0.03, 0.05, 1, Standing.WORSE),
        (0.01, 0.05, 1, Standing.OPEN),
        (-0.05, 0.02, 1, Standing.WITHIN),
        (-0.05, -0.03, 1, Standing.BETTER),
        (0.03, 0.05, -1, Standing.BETTER),
        (-0.05, -0.03, -1, Standing.WORSE),
        (0.03, 0.05, None, Standing.OPEN),
        (0.02 + 1e-17, 0.05, 1, Standing.OPEN),
    ],
)
def test_worse_is_what_is_so_with_its_whole_interval(
    low: float, high: float, side: Side | None, found: Standing
) -> None:
    assert standing(shift(low, high), side, 0.02) is found


def test_without_a_tolerance_or_an_interval_nothing_is_found() -> None:
    assert standing(shift(0.5, 0.6), 1, None) is Standing.OPEN
    assert standing(None, 1, 0.02) is Standing.OPEN
    assert standing(Shift(value=1.0, interval=None, n=None, method="made"), 1, 0.02) is Standing.OPEN


@pytest.mark.parametrize(
    ("bound", "side"),
    [(Bound(max=1), 1), (Bound(min=1), -1), (Bound(min=0, max=1), None), (Bound(), None), (None, None)],
)
def test_the_bound_says_which_side_is_worse(bound: Bound | None, side: Side | None) -> None:
    assert worse_side(bound) == side


@pytest.mark.parametrize(
    ("given", "tolerance"),
    [({"abs": 0.1}, 0.1), ({"rel": 0.1}, 0.2), ({"abs": 0.3, "rel": 0.1}, 0.3), (None, None), (0.1, None)],
)
def test_the_larger_tolerance_holds(given: object, tolerance: float | None) -> None:
    assert tolerance_of(given, -2.0) == tolerance
