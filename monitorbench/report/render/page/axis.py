"""Numbers on a line: where each lies in percent of the width, so that a drawing fits a telephone and a wide screen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

_MOST_TICKS = 6
_MOST = 1e100


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A number written beside an axis; `at` in percent."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A line from `low` to `high`, `low < high`.

    Attributes:
        scale: what numbers are multiplied by where they are written, such as 100 for percent.
    """

    low: float
    high: float
    scale: float = 1.0

    @classmethod
    def around(cls, numbers: Iterable[float], *, scale: float = 1.0) -> Self:
        """The shortest axis with round ends that holds all of the numbers, those beyond all measure at its ends."""
        found = [min(_MOST, max(-_MOST, number)) for number in numbers] or [0.0]
        low, high = min(found), max(found)
        size = max(abs(low), abs(high), 1 / scale)
        if high - low < 1e-9 * size:
            low, high = low - size / 2, high + size / 2
        step = _step((high - low) * scale) / scale
        return cls(low=math.floor(low / step) * step, high=math.ceil(high / step) * step, scale=scale)

    def at(self, number: float) -> float:
        """Where a number lies, in percent; one beyond an end lies at that end."""
        share = (number - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Round numbers along the axis, its ends among them where they are round."""
        step = _step((self.high - self.low) * self.scale)
        first, last = (self.low * self.scale / step, self.high * self.scale / step)
        numbers = [n * step for n in range(math.ceil(first - 1e-6), math.floor(last + 1e-6) + 1)]
        return tuple(Tick(at=self.at(number / self.scale), text=f"{number + 0.0:.6g}") for number in numbers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """An estimate on an axis; places in percent, None where there is nothing to draw.

    Attributes:
        words: the numbers as text.
        note: what else there is to say.
        null: where the estimate would lie if there was nothing to be seen.
        strong: whether the verdict is about this one.
        bounded: whether what the suite allows is about this one.
        tone: `good`, `bad`, `open` or `plain`.
    """

    label: str
    words: str
    note: str = ""
    point: float | None = None
    low: float | None = None
    high: float | None = None
    null: float | None = None
    strong: bool = False
    bounded: bool = True
    tone: str = "plain"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Rows on one axis.

    Attributes:
        ticks: of the axis.
        zone: from where to where the suite allows the estimate that is gated, in percent.
        zero: where 0 lies, in percent; None outside the axis.
    """

    rows: Sequence[Row]
    ticks: Sequence[Tick]
    zone: tuple[float, float] | None = None
    zero: float | None = None


def zone_of(axis: Axis, low: float | None, high: float | None) -> tuple[float, float] | None:
    """Where a bound with these sides lets an estimate lie, in percent; None where it has no sides."""
    if low is None and high is None:
        return None
    return (0.0 if low is None else axis.at(low), 100.0 if high is None else axis.at(high))


def zero_of(axis: Axis) -> float | None:
    """Where 0 lies, in percent."""
    return axis.at(0.0) if axis.low <= 0.0 <= axis.high else None


def _step(width: float) -> float:
    """The smallest of 1, 2, 5, 10, ... that leaves few ticks on this width."""
    power = 10.0 ** math.floor(math.log10(width / _MOST_TICKS))
    return next(power * step for step in (1, 2, 5, 10, 20) if width / (power * step) <= _MOST_TICKS)
