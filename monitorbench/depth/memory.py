"""Which value lies where: nodes by the memory that tensors share, so that a write through one view is seen by all.

A region is a set of bytes of one storage, in mixed radix: for every stride, from which digit it goes on for how many.
Two regions are compared exactly when their strides nest, as those of slices, selections, transposes and reshapes of one
tensor do; otherwise they count as meeting, which can only make a depth larger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from torch import Tensor

from monitorbench.depth.graph import Graph

_MOST_REGIONS = 64
"""Storages written in more parts than this are known by the deepest of them."""

Digits: TypeAlias = list[tuple[int, int, int, int, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """The bytes of a tensor: where they begin, how many steps of each stride they take; `whole`: all of it."""

    begin: int
    steps: tuple[tuple[int, int], ...]
    whole: bool

    @classmethod
    def of(cls, tensor: Tensor) -> Region:
        """The region that a tensor occupies in its storage."""
        return _region(
            tensor.shape,
            tensor.stride(),
            tensor.storage_offset(),
            tensor.element_size(),
            tensor.untyped_storage().nbytes(),
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
        return digits is None or all(a < d and c < b for _, a, b, c, d in digits)

    def covers(self, other: Region) -> bool:
        """Whether every byte of the other surely belongs to this one."""
        return not other.without(self)

    def without(self, other: Region) -> list[Region]:
        """Regions that make up what may not belong to the other."""
        if other.whole:
            return []
        digits = _digits(self, other) if self.meets(other) else None
        if digits is None:
            return [self]
        rest: list[Region] = []
        box = [(stride, a, b) for stride, a, b, _, _ in digits]
        for place, (stride, a, b, c, d) in enumerate(digits):
            for low, high in ((a, min(b, c)), (max(a, d), b)):
                if low < high:
                    rest.append(_box([*box[:place], (stride, low, high), *box[place + 1 :]]))
            box[place] = stride, max(a, c), min(b, d)
        return rest


@lru_cache(maxsize=1 << 16)
def _region(shape: Sequence[int], strides: Sequence[int], offset: int, item: int, nbytes: int) -> Region:
    steps = {1: item}
    distinct = 1
    for size, stride in zip(shape, strides, strict=True):
        if size > 1 and stride > 0:
            steps[stride * item] = max(size, steps.get(stride * item, 1))
            distinct *= size
    return Region(
        begin=offset * item,
        steps=tuple(sorted(steps.items(), reverse=True)),
        whole=distinct * item >= nbytes,
    )


def _box(box: Sequence[tuple[int, int, int]]) -> Region:
    """The region of all bytes whose digit for a stride lies in an interval [low, high), for every stride."""
    return Region(
        begin=sum(stride * low for stride, low, _ in box),
        steps=tuple((stride, high - low) for stride, low, high in box),
        whole=False,
    )


def _digits(one: Region, other: Region) -> Digits | None:
    """Every stride with the intervals [a, b) and [c, d) of the regions' digits; None where strides do not nest."""
    sizes, sizes_other = dict(one.steps), dict(other.steps)
    rest, rest_other, above = one.begin, other.begin, 0
    digits: Digits = []
    for stride in sorted({*sizes, *sizes_other}, reverse=True):
        a, rest = divmod(rest, stride)
        c, rest_other = divmod(rest_other, stride)
        b, d = a + sizes.get(stride, 1), c + sizes_other.get(stride, 1)
        if above and (above % stride or max(b, d) > above // stride):
            return None
        digits.append((stride, a, b, c, d))
        above = stride
    return digits


class Memory:
    """Nodes of values by where they lie.

    Args:
        graph: where values that are read together are joined.
        outer: the memory around it, when this one holds what a branch or an iteration writes: read through, never
            written.
        bring_in: gives the node in `graph` for one of the outer memory.

    Attributes:
        written_outside: storages that were there before and were written to, by number.
    """

    def __init__(
        self, graph: Graph, outer: Memory | None = None, bring_in: Callable[[int], int] = lambda node: node
    ) -> None:
        self._graph, self._outer, self._bring_in = graph, outer, bring_in
        self._written: dict[int, list[tuple[Region, int]]] = {}
        self._alive: dict[int, Any] = {}  # a freed storage's number could be given to another
        self._own: set[int] = set()
        self.written_outside: dict[int, Any] = {}

    @property
    def nested(self) -> bool:
        """Whether this memory holds what a branch or an iteration writes."""
        return self._outer is not None

    def within(self, graph: Graph, bring_in: Callable[[int], int] = lambda node: node) -> Memory:
        """A memory that begins as this one is and leaves it untouched."""
        return Memory(graph, self, bring_in)

    def made(self, tensor: Tensor) -> None:
        """Note a new storage: writing to it is not writing outside."""
        if self._outer is not None:
            self._own.add(tensor.untyped_storage()._cdata)

    def read(self, tensor: Tensor) -> int | None:
        """Node of a tensor's value; None where no input reaches it."""
        parts = self._parts(tensor.untyped_storage()._cdata)
        if not parts:
            return None
        if len(parts) == 1 and parts[0][0].whole:
            return parts[0][1]
        region = Region.of(tensor)
        return self._join([node for part, node in parts if part.meets(region)])

    def write(self, tensor: Tensor, node: int | None) -> None:
        """Put a value where a tensor lies; None for one that depends on no input."""
        storage = tensor.untyped_storage()
        self._note(storage)
        parts = self._parts(storage._cdata)
        if node is None and not parts:
            return
        region = Region.of(tensor)
        parts = [(piece, old) for part, old in parts for piece in part.without(region)]
        if node is not None:
            parts.append((region, node))
        if len(parts) > _MOST_REGIONS:
            parts = [(_everything(parts), self._graph.join([node for _, node in parts]))]
        self._keep(storage, parts)

    def add(self, tensor: Tensor, node: int) -> None:
        """Put a value where another may already lie, as when two inputs share their memory."""
        old = self.read(tensor)
        self.write(tensor, node if old is None else self._graph.join([old, node]))

    def read_all(self, storage: Any) -> int | None:
        """Node of all that a storage holds; None where no input reaches any of it."""
        return self._join([node for _, node in self._parts(storage._cdata)])

    def write_all(self, storage: Any, node: int | None) -> None:
        """Put a value everywhere in a storage."""
        self._note(storage)
        everywhere = Region(begin=0, steps=((1, storage.nbytes()),), whole=True)
        self._keep(storage, [] if node is None else [(everywhere, node)])

    def _parts(self, number: int) -> list[tuple[Region, int]]:
        if self._outer is not None and number not in self._written and number not in self._own:
            outside = self._outer._parts(number)
            self._written[number] = [(region, self._bring_in(node)) for region, node in outside]
        return self._written.get(number, [])

    def _keep(self, storage: Any, parts: list[tuple[Region, int]]) -> None:
        self._alive.setdefault(storage._cdata, storage)
        self._written[storage._cdata] = parts

    def _note(self, storage: Any) -> None:
        if self._outer is not None and storage._cdata not in self._own:
            self.written_outside[storage._cdata] = storage

    def _join(self, nodes: Sequence[int]) -> int | None:
        return self._graph.join(nodes) if nodes else None


def _everything(parts: Sequence[tuple[Region, int]]) -> Region:
    begin, end = min(part.begin for part, _ in parts), max(part.end for part, _ in parts)
    return Region(begin=begin, steps=((1, end - begin + 1),), whole=False)
