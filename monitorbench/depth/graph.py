"""The graph of one traced computation: nodes are values, edges are the gates between them.

Every node keeps its longest path from every source, so that a whole trace is one max-plus linear map from its sources
to its outputs: a path of length minus infinity (no path) is simply absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation on a critical path.

    Attributes:
        module: path of the module in which it runs.
        operation: its name.
        gates: the gates it adds to the path, all its times together.
        times: how often the path passes it: more than once only inside a loop.
    """

    module: str
    operation: str
    gates: int
    times: int = 1


Inside: TypeAlias = Callable[[int], Iterable[Operation]]
"""The operations, last one first, on the way to a value that a loop computed, from one of the nodes it came from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One value.

    Attributes:
        operation: what computed it; for a source, the name of the input.
        module: path of the module in which that happened.
        edges: the nodes it was computed from, each with the gates on the way.
        depths: longest path from each source that reaches it, by the source's node.
        token: whether it is an input token, moved but never computed on.
        inside: for the value that a loop computed, the operations of its iterations.
    """

    operation: str
    module: str
    edges: tuple[tuple[int, int], ...]
    depths: Mapping[int, int]
    token: bool
    inside: Inside | None = None


class Graph:
    """Grows by one node at a time; nodes are numbered in the order in which they were computed.

    Attributes:
        operations: names of all operations that computed a node, those inside of loops included.
    """

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._joined: dict[object, int] = {}
        self.operations: set[str] = set()

    def __getitem__(self, node: int) -> Node:
        return self._nodes[node]

    def __len__(self) -> int:
        return len(self._nodes)

    def inner(self) -> Self:
        """An empty graph of the same kind, for what is repeated inside of this one."""
        return type(self)()

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
        self.operations.add(operation)
        return self._append(operation, module, edges, looks_up=looks_up)

    def add_loop(
        self,
        operation: str,
        module: str,
        edges: Iterable[tuple[int, int]],
        *,
        inside: Inside,
        operations: Iterable[str],
    ) -> int:
        """A value that a loop computes from others.

        Args:
            operation: the loop.
            module: path of the module in which it runs.
            edges: at least one node, each with the gates of the longest way through all iterations.
            inside: explains an edge: the operations on that way.
            operations: names of all operations that it repeats.
        """
        self.operations |= {operation, *operations}
        return self._append(operation, module, edges, inside=inside)

    def _append(
        self,
        operation: str,
        module: str,
        edges: Iterable[tuple[int, int]],
        *,
        looks_up: bool = False,
        inside: Inside | None = None,
    ) -> int:
        widest: dict[int, int] = {}
        for source, gates in edges:
            widest[source] = max(gates, widest.get(source, 0))
        moves = not looks_up and not any(widest.values())
        if moves and len(widest) == 1:
            return next(iter(widest))
        (first, gates), *others = widest.items()
        depths = {origin: depth + gates for origin, depth in self._nodes[first].depths.items()}
        for source, gates in others:
            for origin, depth in self._nodes[source].depths.items():
                depths[origin] = max(depth + gates, depths.get(origin, 0))
        token = moves and all(self._nodes[source].token for source in widest)
        self._nodes.append(
            Node(
                operation=operation,
                module=module,
                edges=tuple(widest.items()),
                depths=depths,
                token=token,
                inside=inside,
            )
        )
        return len(self._nodes) - 1

    def join(self, nodes: Iterable[int]) -> int:
        """The value that is as deep as the deepest of several."""
        return self._join(frozenset(nodes), key=frozenset(nodes))

    def _join(self, nodes: frozenset[int], *, key: object) -> int:
        if key not in self._joined:
            self._joined[key] = self.add("join", "", [(node, 0) for node in sorted(nodes)])
        return self._joined[key]

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
            if node.inside is not None:
                yield from node.inside(before)
            elif gates:
                yield Operation(module=node.module, operation=node.operation, gates=gates)
            end = before
