"""The graph of the convention `layers`: a path costs one for every block it passes, and gates cost nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from monitorbench.depth.graph import Graph, Inside
from monitorbench.depth.modules import ModulePath


class BlockGraph(Graph):
    """Counts one where a path enters a run of a block: where a value from outside of that run is used in it.

    What is repeated inside of a block begins with values of that block.

    Args:
        modules: knows which block is running.
    """

    def __init__(self, modules: ModulePath) -> None:
        super().__init__()
        self._modules = modules
        self._begun_in = modules.block
        self._made_in: dict[int, int] = {}
        self._entered: dict[tuple[int, int], int] = {}

    def inner(self) -> Self:
        """An empty graph for what is repeated inside of this one."""
        return type(self)(self._modules)

    def add_source(self, name: str, *, token: bool) -> int:
        """A value that comes in."""
        node = super().add_source(name, token=token)
        if self._begun_in is not None:
            self._made_in[node] = self._begun_in.number
        return node

    def add(self, operation: str, module: str, edges: Iterable[tuple[int, int]], *, looks_up: bool = False) -> int:
        """A value computed from others, without the gates."""
        return super().add(operation, module, [(source, 0) for source, _ in edges], looks_up=looks_up)

    def join(self, nodes: Iterable[int]) -> int:
        """The value that is as deep as the deepest of several, read inside the block that is running."""
        together, block = frozenset(nodes), self._modules.block
        return self._join(together, key=(together, block and block.number))

    def _append(
        self,
        operation: str,
        module: str,
        edges: Iterable[tuple[int, int]],
        *,
        looks_up: bool = False,
        inside: Inside | None = None,
    ) -> int:
        block = self._modules.block
        if block is None:
            return super()._append(operation, module, edges, looks_up=looks_up, inside=inside)
        entered = [(self._enter(source), blocks) for source, blocks in edges]
        node = super()._append(operation, module, entered, looks_up=looks_up, inside=inside)
        self._made_in[node] = block.number
        return node

    def _enter(self, source: int) -> int:
        """The value as the block that is running takes it in."""
        block = self._modules.block
        if block is None or self._made_in.get(source) == block.number:
            return source
        key = source, block.number
        if key not in self._entered:
            self._entered[key] = super()._append("block", block.path, [(source, 1)])
            self._made_in[self._entered[key]] = block.number
        return self._entered[key]
