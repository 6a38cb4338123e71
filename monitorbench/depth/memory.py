"""Which value lies where: nodes by the memory that tensors share, so that a write through one view is seen by all.

A region is a set of bytes of one storage, in mixed radix: for every stride, from which digit it goes on for how many.
Two regions are compared exactly when their strides nest, as those of slices, selections, transposes and reshapes of one
tensor do; otherwise they count as meeting, which can only make a depth larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from monitorbench.depth.graph import Graph

_MOST_REGIONS = 64
"""Storages written in more parts than this are known by the deepest of them."""

Intervals: TypeAlias = list[tuple[int, int, int, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """The bytes of a tensor: where they begin, how many steps of each stride they take; `whole`: all of it."""

    begin: int
    steps: tuple[tuple[int, int], ...]
    whole: bool

    @classmethod
    def of(cls, tensor: Tensor) -> Region:
        """The region that a tensor occupies in its storage."""
        item = tensor.element_size()
        steps = {1: item}
        distinct = 1
        for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
            if size > 1 and stride > 0:
                steps[stride * item] = max(size, steps.get(stride * item, 1))
                distinct *= size
        return cls(
            begin=int(tensor.storage_offset()) * item,
            steps=tuple(sorted(steps.items(), reverse=True)),
            whole=distinct * item >= tensor.untyped_storage().nbytes(),
        )

    @property
    def end(self) -> int:
        """The last byte."""
        return self.begin + sum(stride * (size - 1) for stride, size in self.steps)

    def meets(self, other: Region) -> bool:
        """Whether some byte may belong to both."""
        if self.end < other.begin or other.end < self.begin:
            return False
        digits = _digits(self, other)
        return digits is None or all(a < d and c < b for a, b, c, d in digits)

    def covers(self, other: Region) -> bool:
        """Whether every byte of the other surely belongs to this one."""
        if self.whole:
            return True
        digits = _digits(self, other)
        return digits is not None and all(a <= c and d <= b for a, b, c, d in digits)


def _digits(one: Region, other: Region) -> Intervals | None:
    """Intervals [a, b) and [c, d) of both regions for every stride; None where the strides do not nest."""
    sizes, sizes_other = dict(one.steps), dict(other.steps)
    rest, rest_other, above = one.begin, other.begin, 0
    intervals: Intervals = []
    for stride in sorted({*sizes, *sizes_other}, reverse=True):
        a, rest = divmod(rest, stride)
        c, rest_other = divmod(rest_other, stride)
        b, d = a + sizes.get(stride, 1), c + sizes_other.get(stride, 1)
        if above and (above % stride or max(b, d) > above // stride):
            return None
        intervals.append((a, b, c, d))
        above = stride
    return intervals


class Memory:
    """Nodes of values by where they lie.

    Args:
        graph: where values that are read together are joined.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._written: dict[int, list[tuple[Region, int]]] = {}
        self._alive: dict[int, Any] = {}  # a freed storage's number could be given to another
        self._joined: dict[frozenset[int], int] = {}

    def read(self, tensor: Tensor) -> int | None:
        """Node of a tensor's value; None where no input reaches it."""
        parts = self._written.get(tensor.untyped_storage()._cdata)
        if not parts:
            return None
        region = Region.of(tensor)
        return self._join([node for part, node in parts if part.meets(region)])

    def write(self, tensor: Tensor, node: int | None) -> None:
        """Put a value where a tensor lies; None for one that depends on no input."""
        storage = tensor.untyped_storage()
        if node is None and storage._cdata not in self._written:
            return
        self._alive.setdefault(storage._cdata, storage)
        region = Region.of(tensor)
        parts = [(part, old) for part, old in self._written.get(storage._cdata, []) if not region.covers(part)]
        if node is not None:
            parts.append((region, node))
        if len(parts) > _MOST_REGIONS:
            parts = [(_everything(parts), self._deepest([node for _, node in parts]))]
        self._written[storage._cdata] = parts

    def add(self, tensor: Tensor, node: int) -> None:
        """Put a value where another may already lie, as when two inputs share their memory."""
        old = self.read(tensor)
        self.write(tensor, node if old is None else self._deepest([old, node]))

    def _join(self, nodes: Sequence[int]) -> int | None:
        return self._deepest(nodes) if nodes else None

    def _deepest(self, nodes: Sequence[int]) -> int:
        key = frozenset(nodes)
        if key not in self._joined:
            edges = [(node, 0) for node in sorted(key)]
            self._joined[key] = self._graph.add("join", "", edges)
        return self._joined[key]


def _everything(parts: Sequence[tuple[Region, int]]) -> Region:
    begin, end = min(part.begin for part, _ in parts), max(part.end for part, _ in parts)
    return Region(begin=begin, steps=((1, end - begin + 1),), whole=False)
