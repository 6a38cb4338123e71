"""A step that runs many times, as the power of what it does once.

An iteration is traced by itself, as a max-plus map from what it takes in to what it hands on and puts out; the loop is
a power of that map, equal to running it again and again. What rules see of a carried value, whether it depends on an
input and whether it is a token, may differ between iterations: each case that occurs is traced once.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from torch import Tensor
from torch.utils import _pytree as pytree

from monitorbench.depth.graph import Graph, Operation
from monitorbench.depth.maxplus import Chain
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from monitorbench.depth.tracer import GateTracer

State: TypeAlias = bool | None
"""What rules see of a carried value: None where no input reaches it, otherwise whether it is a token."""

Variable: TypeAlias = tuple[Literal["carried", "seen", "out", "outside"], int]
"""A value at the end of an iteration: what is carried, all that was carried there so far, and what was put out so far,
each by its place; a value from outside of the loop, which stays what it is, by its node."""

Returned: TypeAlias = tuple[Sequence[Any], Sequence[Any], pytree.TreeSpec]
"""What an iteration returns: carried tensors, outputs, and the form in which both came."""

Step: TypeAlias = Callable[[Sequence[Tensor], Sequence[Tensor]], Returned]
"""One iteration, from carried tensors and slices."""

_MOST_RETRIES = 8
_MOST_NESTED = 2
"""In loops inside of more loops than this, a carried constant that is no integer counts as computed from the start:
tracing every case of every loop would take time exponential in their number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Iteration:
    """One iteration as it was traced: its graph, the nodes of what came in and went out, and what it returned."""

    graph: Graph
    sources: dict[Variable, int]
    ends: dict[Variable, int | None]
    after: tuple[State, ...]
    outputs: Sequence[Any]
    form: pytree.TreeSpec

    def ways(self) -> Iterator[tuple[Variable, Variable, int]]:
        """From where to where paths lead, and their gates."""
        for after, end in self.ends.items():
            depths = self.graph[end].depths if end is not None else {}
            for before, source in self.sources.items():
                if source in depths:
                    yield before, after, depths[source]

    def operations(self, before: Variable, after: Variable) -> Iterator[Operation]:
        """What a longest path between two variables passes, last one first; nothing where a value is only kept."""
        source, end = self.sources.get(before), self.ends.get(after)
        if source is not None and end is not None and source in self.graph[end].depths:
            yield from self.graph.critical_path(source, end)


class RepeatedStep:
    """A step that runs a number of times.

    Storages from outside that the step writes to in place are carried, too, after the tensors.

    Args:
        tracer: what is tracing.
        name: of the operation.
        times: number of iterations, at least 1.
        carried: what goes into the first iteration.
        read: tensors of which every iteration reads a slice.
        step: one iteration.

    Attributes:
        outputs: what an iteration puts out.
        form: the form in which it returns what it carries on and puts out.
    """

    def __init__(
        self,
        tracer: GateTracer,
        name: str,
        times: int,
        *,
        carried: Sequence[Tensor],
        read: Sequence[Tensor],
        step: Step,
    ) -> None:
        self._tracer, self._name, self._times = tracer, name, times
        self._carried, self._read, self._step = carried, read, step
        self._storages: dict[int, Any] = {}
        iterations, again = self._trace()
        self._begin = self._carried_in()
        self.outputs, self.form = iterations[-1].outputs, iterations[-1].form
        self._operations = {operation for one in iterations for operation in one.graph.operations}
        names = dict.fromkeys(name for one in iterations for name in (*one.sources, *one.ends))
        self._places = {variable: place for place, variable in enumerate(names)}
        self._variables = list(names)
        self._iterations = {self._map(one): one for one in iterations}
        first, cycle = list(self._iterations)[:again], list(self._iterations)[again:]
        cycles, rest = divmod(times - len(first), len(cycle)) if cycle else (0, 0)
        repeated = [functools.reduce(Chain.then, cycle).power(cycles)] if cycles else []
        self._whole = functools.reduce(Chain.then, [*first, *repeated, *cycle[:rest]])

    def carried(self, place: int) -> int | None:
        """Node of what is carried after the last iteration; None where no input reaches it."""
        return self._node(("carried", place))

    def seen(self, place: int) -> int | None:
        """Node of all that went into some iteration there."""
        return self._node(("seen", place))

    def out(self, place: int) -> int | None:
        """Node of what all iterations put out."""
        return self._node(("out", place))

    def write_back(self, last: Callable[[int], int | None]) -> None:
        """Write to the storages from outside what they hold at last."""
        for place, storage in enumerate(self._storages.values(), start=len(self._carried)):
            self._tracer.memory.write_all(storage, last(place))

    def _origin(self, variable: Variable) -> int | None:
        """Node of a variable before the first iteration; None where nothing is there yet."""
        kind, place = variable
        if kind == "outside":
            return place
        return self._begin[place] if kind == "carried" else None

    def _carried_in(self) -> list[int | None]:
        stored = [self._tracer.memory.read_all(storage) for storage in self._storages.values()]
        return [*map(self._tracer.node_of, self._carried), *stored]

    def _first_state(self) -> tuple[State, ...]:
        states = [None if node is None else self._tracer.graph[node].token for node in self._carried_in()]
        if self._tracer.nesting > _MOST_NESTED:
            for place, item in enumerate(self._carried):
                if states[place] is None and item.is_floating_point():
                    states[place] = False
        return tuple(states)

    def _trace(self) -> tuple[list[_Iteration], int]:
        """Every case that occurs, in order, and the place of the one that the last of them leads back to."""
        for _ in range(_MOST_RETRIES):
            iterations: list[_Iteration] = []
            places: dict[tuple[State, ...], int] = {}
            known = len(self._storages)
            state = self._first_state()
            while state not in places and len(iterations) < self._times and len(self._storages) == known:
                places[state] = len(iterations)
                iterations.append(self._iterate(state))
                state = iterations[-1].after
            if len(self._storages) == known:
                return iterations, places.get(state, len(iterations))
        raise UsageError(
            f"every iteration of a {self._name} writes in place to yet another tensor from outside of it",
            where=self._tracer.where,
            fix="let its body return what it writes",
        )

    def _iterate(self, state: tuple[State, ...]) -> _Iteration:
        tracer, outer = self._tracer, self._tracer.graph
        graph = outer.inner()
        sources: dict[Variable, int] = {}

        def source(variable: Variable, *, token: bool) -> int:
            if variable not in sources:
                sources[variable] = graph.add_source("", token=token)
            return sources[variable]

        def bring_in(node: int) -> int:
            return source(("outside", node), token=outer[node].token)

        read = [(item, tracer.node_of(item)) for item in self._read]
        memory = tracer.memory.within(graph, bring_in)
        with tracer.recording(graph, memory):
            begin = [None if s is None else source(("carried", i), token=s) for i, s in enumerate(state)]
            carried = [tracer.stand_in(item, node) for item, node in zip(self._carried, begin, strict=False)]
            for storage, node in zip(self._storages.values(), begin[len(carried) :], strict=True):
                memory.write_all(storage, node)
            slices = [
                tracer.stand_in(item, None if node is None else bring_in(node), item.shape[1:]) for item, node in read
            ]
            after, outputs, form = self._step(carried, slices)
            self._require_same(after)
            stored = [memory.read_all(storage) for storage in self._storages.values()]
            end = [*map(tracer.node_of, after), *stored]
            ends: dict[Variable, int | None] = {("carried", place): node for place, node in enumerate(end)}
            ends |= {("seen", place): node for place, node in enumerate(begin)}
            ends |= {("out", place): tracer.node_of(item) for place, item in enumerate(outputs)}
        self._storages |= memory.written_outside
        return _Iteration(
            graph=graph,
            sources=sources,
            ends=ends,
            after=tuple(None if node is None else graph[node].token for node in end),
            outputs=outputs,
            form=form,
        )

    def _require_same(self, after: Sequence[Any]) -> None:
        before = [(tuple(item.shape), item.dtype) for item in self._carried]
        if [(tuple(item.shape), item.dtype) for item in after] != before:
            raise UsageError(
                f"a {self._name} carries tensors of one shape and type in and of another out",
                where=self._tracer.where,
                fix="let its body return what it takes in",
            )

    def _map(self, iteration: _Iteration) -> Chain:
        A_VV = np.full((len(self._places),) * 2, -np.inf)
        for (kind, _), place in self._places.items():
            if kind != "carried":
                A_VV[place, place] = 0
        for before, after, gates in iteration.ways():
            A_VV[self._places[before], self._places[after]] = gates
        return Chain(A_VV)

    def _node(self, after: Variable) -> int | None:
        ways: dict[int, tuple[int, Variable]] = {}
        for before in self._variables if after in self._places else ():
            node = self._origin(before)
            gates = self._whole.A_VV[self._places[before], self._places[after]]
            if node is not None and gates > ways.get(node, (-1, after))[0]:
                ways[node] = int(gates), before
        return self._tracer.record_loop(
            self._name,
            [(node, gates) for node, (gates, _) in ways.items()],
            inside=lambda node: self._explain(ways[node][1], after),
            operations=self._operations,
        )

    def _explain(self, before: Variable, after: Variable) -> Iterator[Operation]:
        """The operations of all iterations on a longest path, each once with how often it is passed."""
        gates: Counter[tuple[str, str]] = Counter()
        passed: Counter[tuple[str, str]] = Counter()
        steps = self._whole.steps(self._places[before], self._places[after])
        for (chain, start, end), times in steps.items():
            for one in self._iterations[chain].operations(self._variables[start], self._variables[end]):
                gates[one.module, one.operation] += times * one.gates
                passed[one.module, one.operation] += times * one.times
        for key, total in gates.items():
            yield Operation(module=key[0], operation=key[1], gates=total, times=passed[key])
