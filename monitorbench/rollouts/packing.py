"""Traces in little space: of each array what changes from one step to the next, made whole where it is looked at.

A canvas is predicted anew at every step and a growing text at one position only; both cost what changes.

Shape suffixes: S steps, P positions of the block, K most probable tokens, X changes by steps, then positions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.trace import BlockTrace, Trace

Packed: TypeAlias = Mapping[str, NDArray[Any]]
"""The arrays of one block by name, of those that change over steps the changes only; as they lie on disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    group: str
    dtype: type[np.generic]
    fill: float


ALWAYS = "content_P"
GROWING = {
    "tokens_SP": _Kind(group="tokens", dtype=np.int32, fill=-1),
    "committed_SP": _Kind(group="committed", dtype=np.bool_, fill=0),
    "canvas_SP": _Kind(group="canvas", dtype=np.int32, fill=-1),
    "entropy_SP": _Kind(group="predictions", dtype=np.float32, fill=np.nan),
    "top_ids_SPK": _Kind(group="predictions", dtype=np.int32, fill=-1),
    "top_probabilities_SPK": _Kind(group="predictions", dtype=np.float32, fill=0),
}
"""Arrays of which changes are kept; those of one group change together."""
_FIELDS = tuple(field.name for field in fields(BlockTrace))


def changes(name: str) -> str:
    """The name under which the changes of an array are kept, such as `top_ids_XK` of `top_ids_SPK`."""
    return name.replace("SP", "X")


def packed_group(
    group: str, counts_S: NDArray[Any], positions_X: NDArray[Any], values: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """The arrays of a group, by the names under which they are kept.

    Args:
        group: its name.
        counts_S: how many positions change at each step.
        positions_X: which.
        values: by array, what they change to: (X,) or (X, K).
    """
    return {
        f"{group}.counts_S": _small(counts_S),
        f"{group}.positions_X": _small(positions_X),
        **{changes(name): _small(array) for name, array in values.items()},
    }


def pack(block: BlockTrace) -> Packed:
    """A block in little space; what is made of it again is equal in every number."""
    if isinstance(block, PackedBlock):
        return block.packed
    plain = [name for name in _FIELDS if name not in GROWING]
    packed = {name: array for name in plain if (array := getattr(block, name)) is not None}
    for group in dict.fromkeys(kind.group for kind in GROWING.values()):
        arrays = {
            name: array
            for name, kind in GROWING.items()
            if kind.group == group and (array := getattr(block, name)) is not None
        }
        if arrays:
            changed_SP = np.any([_changed(array, GROWING[name].fill) for name, array in arrays.items()], axis=0)
            values = {name: array[changed_SP] for name, array in arrays.items()}
            packed |= packed_group(group, changed_SP.sum(1), np.nonzero(changed_SP)[1], values)
    return packed


class PackedBlock(BlockTrace):
    """A block whose arrays are made when they are first asked for."""

    __slots__ = ("packed",)
    packed: Packed

    @classmethod
    def of(cls, packed: Packed) -> PackedBlock:
        """The block that was packed."""
        block = cls.__new__(cls)
        object.__setattr__(block, "packed", packed)
        return block

    def __getattr__(self, name: str) -> NDArray[Any] | None:
        """An array that is not there yet: Python comes here only then."""
        if name not in _FIELDS:
            raise AttributeError(name)
        array = _whole(self.packed, name)
        object.__setattr__(self, name, array)
        return array


class PackedTrace(Trace):
    """A trace of packed blocks; every look at its blocks makes them anew, so that none stays in memory.

    Args:
        read: gives the packed blocks, in text order.
    """

    __slots__ = ("_read",)
    _read: Callable[[], tuple[Packed, ...]]

    def __init__(self, read: Callable[[], tuple[Packed, ...]]) -> None:
        object.__setattr__(self, "_read", read)

    @property
    def packed(self) -> tuple[Packed, ...]:
        """All blocks of the rollout as they are kept."""
        return self._read()

    @property
    def blocks(self) -> tuple[BlockTrace, ...]:
        """All blocks of the rollout, in text order."""
        return tuple(PackedBlock.of(packed) for packed in self._read())


def packed_trace(blocks: Sequence[Packed]) -> PackedTrace:
    """A trace of packed blocks in memory."""
    kept = tuple(blocks)
    return PackedTrace(lambda: kept)


def packed_blocks(trace: Trace) -> tuple[Packed, ...]:
    """The blocks of any trace, packed."""
    return trace.packed if isinstance(trace, PackedTrace) else tuple(pack(block) for block in trace.blocks)


def _whole(packed: Packed, name: str) -> NDArray[Any] | None:
    kind = GROWING.get(name)
    if kind is None or changes(name) not in packed:
        return packed.get(name)
    values = packed[changes(name)].astype(kind.dtype)
    open_one = np.full((1, *values.shape[1:]), kind.fill, kind.dtype)
    found: NDArray[Any] = np.concatenate([values, open_one])[_latest(packed, kind.group)]
    return found


def _latest(packed: Packed, group: str) -> NDArray[np.intp]:
    """(S, P) which change each position was last in; -1 before the first."""
    counts_S, positions_X = packed[f"{group}.counts_S"], packed[f"{group}.positions_X"]
    latest_SP = np.full((counts_S.size, packed[ALWAYS].size), -1, np.intp)
    latest_SP[np.repeat(np.arange(counts_S.size), counts_S), positions_X] = np.arange(positions_X.size)
    return np.maximum.accumulate(latest_SP, axis=0)


def _changed(array: NDArray[Any], fill: float) -> NDArray[np.bool_]:
    """(S, P) where an array differs from what it was a step before."""
    before = np.concatenate([np.full((1, *array.shape[1:]), fill, array.dtype), array])[:-1]
    same = array == before
    if array.dtype.kind == "f":
        same |= np.isnan(array) & np.isnan(before)
    found: NDArray[np.bool_] = ~same.all(axis=tuple(range(2, array.ndim)))
    return found


def _small(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers in as few bytes as hold the largest and the smallest of them."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    return array.astype(np.promote_types(np.min_scalar_type(array.min()), np.min_scalar_type(array.max())))
