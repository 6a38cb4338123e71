"""The difference of two estimates of which nothing but their intervals is known."""

from __future__ import annotations

import math
from collections.abc import Sequence


def interval_of_difference(reference: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """The interval of other - reference from an interval of each, both at the level that the result has.

    Distances of the ends from the estimates add up like standard errors, each end by itself (MOVER: Zou and Donner,
    Statistics in Medicine 27 (2008) 1693). That holds for independent samples. Two runs of the same prompts move
    together, which makes their true difference vary less: the interval is then too wide, never too narrow.

    Args:
        reference: value, lower end and upper end of an estimate, the value between its ends.
        other: the same of another one.
    """
    value, low, high = reference
    other_value, other_low, other_high = other
    difference = other_value - value
    below = math.hypot(other_value - other_low, high - value)
    above = math.hypot(other_high - other_value, value - low)
    return difference - below, difference + above
