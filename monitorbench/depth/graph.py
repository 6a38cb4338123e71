"""The graph of one traced computation: nodes are values, edges are the gates between them.

Every node keeps its longest path from every source, so that a whole trace is one max-plus linear map from its sources
to its outputs: a path of length minus infinity (no path) is simply absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One value.

    Attributes:
        operation: what computed it; for a source, the name of the input.
        module: path of the module in which that happened.
        edges: the nodes it was computed from, each with the gates on the way.
        depths: longest path from each source that reaches it, by the source's node.
        token: whether it is an input token, moved but never computed on.
    """

    operation: str
    module: str
    edges: tuple[tuple[int, int], ...]
    depths: Mapping[int, int]
    token: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation on a critical path, with the gates it adds there."""

    module: str
    operation: str
    gates: int


class Graph:
    """Grows by one node at a time; nodes are numbered in the order in which they were computed."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []

    def __getitem__(self, node: int) -> Node:
        return self._nodes[node]

    def __len__(self) -> int:
        return len(self._nodes)

    def add_source(self, name: str, *, token: bool) -> int:
        """A value that comes in, at depth 0 from itself."""
        node = len(self._nodes)
        self._nodes.append(Node(operation=name, module="", edges=(), depths={node: 0}, token=token))
        return node

    def add(self, operation: str, module: str, edges: Iterable[tuple[int, int]], *, looks_up: bool = False) -> int:
        """A value computed from others; without a gate from a single value it is that value itself.

        Args:
            operation: what computes it.
            module: path of the module in which that happens.
            edges: at least one node, each with the gates on the way.
            looks_up: some of the nodes are places at which another value is read: not the value that comes out.
        """
        widest: dict[int, int] = {}
        for source, gates in edges:
            widest[source] = max(gates, widest.get(source, 0))
        moves = not looks_up and not any(widest.values())
        if moves and len(widest) == 1:
            return next(iter(widest))
        depths: dict[int, int] = {}
        for source, gates in widest.items():
            for origin, depth in self._nodes[source].depths.items():
                depths[origin] = max(depth + gates, depths.get(origin, 0))
        token = moves and all(self._nodes[source].token for source in widest)
        node = Node(operation=operation, module=module, edges=tuple(widest.items()), depths=depths, token=token)
        self._nodes.append(node)
        return len(self._nodes) - 1

    def critical_path(self, source: int, end: int) -> Iterator[Operation]:
        """The operations with gates on a longest path from the source to the end, last one first."""
        while end != source:
            node = self._nodes[end]
            before, gates = next(
                (before, gates)
                for before, gates in node.edges
                if self._nodes[before].depths.get(source, -1) + gates == node.depths[source]
                and source in self._nodes[before].depths
            )
            if gates:
                yield Operation(module=node.module, operation=node.operation, gates=gates)
            end = before
