"""The steps of one block of a batch as they come, kept in little space, and what they are of one row.

Shape suffixes: B rows that are kept, P positions, W predicted positions, S steps, K most probable tokens, X changes or
predictions of all steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitorbench.rollouts.packing import ALWAYS, GROWING, Packed, packed_group

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What is kept of one observation event, in plain arrays.

    Attributes:
        live_B: bool, rows that still run; of the others nothing is kept.
        canvases: `tokens_SP`, `committed_SP` and, where there is one, `canvas_SP`: (B, P) each.
        predictions: `entropy_SP`, (B, W), `top_ids_SPK` and `top_probabilities_SPK`, (B, W, K), of the last W
            positions.
    """

    live_B: NDArray[np.bool_]
    canvases: dict[str, Array]
    predictions: dict[str, Array]


class BlockSteps:
    """All steps of one block."""

    def __init__(self) -> None:
        self._live: list[NDArray[np.bool_]] = []
        self._seen: list[int] = []
        self._widths: list[int] = []
        self._changes: dict[str, _Changes] = {}
        self._predictions: dict[str, _Predictions] = {}

    def add(self, step: Step) -> None:
        """Keep the next step."""
        number, (rows, seen) = len(self._live), step.canvases["tokens_SP"].shape
        for name, array_BP in step.canvases.items():
            kept = self._changes.setdefault(
                name, _Changes(last_BP=np.full((rows, 0), GROWING[name].fill, array_BP.dtype))
            )
            kept.add(number, array_BP, step.live_B, GROWING[name].fill)
        for name, array in step.predictions.items():
            self._predictions.setdefault(name, _Predictions()).add(array)
        self._live.append(step.live_B)
        self._seen.append(seen)
        self._widths.append(step.predictions["entropy_SP"].shape[1])

    def packed(self, row: int, content: int) -> Packed | None:
        """The block of one row, of whose positions so many hold content; None if it had no step in it."""
        live_S = np.stack(self._live)[:, row]
        if not live_S.any():
            return None
        seen_S, widths_S = np.array(self._seen), np.array(self._widths)
        packed: dict[str, Array] = {ALWAYS: np.arange(seen_S[live_S].max()) < content}
        for name, kept in self._changes.items():
            steps_X, positions_X, values_X = kept.of(row)
            counts_S = np.bincount(steps_X, minlength=live_S.size)[live_S]
            packed |= packed_group(GROWING[name].group, counts_S, positions_X, {name: values_X})
        live_X = np.repeat(live_S, widths_S)
        ends_S = np.cumsum(widths_S)
        positions_X = np.arange(live_X.size) + np.repeat(seen_S - ends_S, widths_S)
        values = {name: kept.of(row)[live_X] for name, kept in self._predictions.items()}
        return packed | packed_group("predictions", widths_S[live_S], positions_X[live_X], values)


@dataclass(kw_only=True, slots=True)
class _Changes:
    """What changed in one array, of all rows."""

    last_BP: Array
    _parts: list[tuple[Array, ...]] = field(default_factory=list)
    _sorted: tuple[Array, ...] | None = None

    def add(self, step: int, array_BP: Array, live_B: NDArray[np.bool_], fill: float) -> None:
        width = max(array_BP.shape[1], self.last_BP.shape[1])
        array_BP, last_BP = _widened(array_BP, width, fill), _widened(self.last_BP, width, fill)
        changed_BP = (array_BP != last_BP) & live_B[:, None]
        rows_X, positions_X = np.nonzero(changed_BP)
        steps_X = np.full(rows_X.size, step)
        self._parts.append((rows_X, steps_X, positions_X, array_BP[changed_BP]))
        self.last_BP = np.where(live_B[:, None], array_BP, last_BP)
        self._sorted = None

    def of(self, row: int) -> tuple[Array, ...]:
        """(X,) steps, positions and values of the changes of a row, in the order of steps and positions."""
        if self._sorted is None:
            rows_X, *rest = (np.concatenate(each) for each in zip(*self._parts, strict=True))
            order_X = np.argsort(rows_X, kind="stable")
            self._sorted = (rows_X[order_X], *(each[order_X] for each in rest))
        rows_X, *rest = self._sorted
        start, stop = np.searchsorted(rows_X, [row, row + 1])
        return tuple(each[start:stop] for each in rest)


@dataclass(kw_only=True, slots=True)
class _Predictions:
    """One array of all predictions, of all rows."""

    _parts: list[Array] = field(default_factory=list)
    _joined: Array | None = None

    def add(self, array: Array) -> None:
        self._parts.append(array)
        self._joined = None

    def of(self, row: int) -> Array:
        """(X,) or (X, K) of a row, in the order of steps and positions."""
        if self._joined is None:
            self._joined = np.concatenate(self._parts, axis=1)
        found: Array = self._joined[row]
        return found


def _widened(array_BP: Array, width: int, fill: float) -> Array:
    """The array with its missing positions on the right."""
    rows, seen = array_BP.shape
    if seen == width:
        return array_BP
    return np.concatenate([array_BP, np.full((rows, width - seen), fill, array_BP.dtype)], axis=1)
