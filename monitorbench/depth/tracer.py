"""Follows the gates through a running PyTorch program under fake tensors: no weights, no data, no time for size.

The depth of a value belongs to the memory it lies in, not to the tensor object. All that one operation writes
has one depth, the largest of its elements; values that no input reaches have none, and work on them costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._ops import HigherOrderOperator
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode

from monitorbench.depth.control_flow import run_higher_order
from monitorbench.depth.costs import Call, Convention, counts_function, rule_for
from monitorbench.depth.fakes import FakeOperations
from monitorbench.depth.graph import Graph, Inside
from monitorbench.depth.memory import Memory
from monitorbench.depth.modules import ModulePath
from monitorbench.depth.signatures import signature
from monitorbench.depth.whole import WholeOperations
from monitorbench.errors import UnknownOperationError

_DEVICE_OF = torch.ops.prim.device.default
_NEEDS_A_VALUE = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
_AS_WRITTEN = {
    **dict.fromkeys(("_local_scalar_dense", "is_nonzero"), "`if`, bool(), int(), float(), .item() or .tolist()"),
    "index": "indexing by a mask",
    "nonzero": "nonzero() or where() of a mask alone",
}


class GateTracer(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its modes untyped
    """Builds the graph of everything that runs under it.

    Args:
        graph: where nodes go.
        convention: the convention being counted.
        fake_mode: the fake mode that it runs inside of.
        modules: knows which module is running.
        device: where tensors lie that name no device.

    Attributes:
        graph: where nodes go.
        memory: which of them lies where.
        nesting: how many branches and iterations are being recorded inside of each other.
    """

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled under a trace, so that no operation need be kept from it, which takes time."""
        return False

    def __init__(
        self,
        graph: Graph,
        convention: Convention,
        fake_mode: FakeTensorMode,
        modules: ModulePath,
        device: torch.device,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self._convention, self._fake_mode, self._modules, self._device = convention, fake_mode, modules, device
        self.graph, self.memory, self.nesting = graph, Memory(graph), 0
        self._operations = FakeOperations(fake_mode)

    @property
    def counts_function(self) -> bool:
        """Whether what is computed counts; otherwise the program that computes it."""
        return counts_function(self._convention)

    @property
    def module(self) -> str:
        """Path of the module that is running; empty outside of any."""
        return self._modules.current

    @property
    def where(self) -> str:
        """The same, for an error."""
        return self.module or "outside any module"

    def node_of(self, tensor: Tensor) -> int | None:
        """The node of a tensor's value; None where no input reaches it."""
        return self.memory.read(self._faked(tensor))

    def set_source(self, tensor: Tensor, name: str, *, token: bool) -> int:
        """Declare a tensor an input."""
        node = self.graph.add_source(name, token=token)
        self.memory.add(self._faked(tensor), node)
        return node

    def call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a function that a higher-order operation was given, as if it were called outside of one."""
        with torch.inference_mode(False), torch.no_grad(), self, torch.device(self._device), WholeOperations():
            return fn(*args, **kwargs)

    @contextmanager
    def recording(self, graph: Graph, memory: Memory) -> Iterator[None]:
        """Record what runs inside of it elsewhere."""
        before = self.graph, self.memory, self.nesting
        self.graph, self.memory, self.nesting = graph, memory, self.nesting + 1
        try:
            yield
        finally:
            self.graph, self.memory, self.nesting = before

    def stand_in(self, like: Tensor, node: int | None, shape: Sequence[int] | None = None) -> Tensor:
        """A new tensor with the value of a node, of the same shape or of another."""
        tensor = torch.empty_like(like) if shape is None else like.new_empty(shape)
        self.memory.made(tensor)
        self.memory.write(tensor, node)
        return tensor

    def record(self, operation: str, edges: Iterable[tuple[int | None, int]], *, looks_up: bool = False) -> int | None:
        """The node of what an operation computes, each edge a node with its gates; None where no input reaches it."""
        known = [(node, gates) for node, gates in edges if node is not None]
        return self.graph.add(operation, self.module, known, looks_up=looks_up) if known else None

    def record_loop(
        self, operation: str, edges: Sequence[tuple[int, int]], *, inside: Inside, operations: Iterable[str]
    ) -> int | None:
        """The node of what a loop computes; None where no input reaches it."""
        if not edges:
            return None
        return self.graph.add_loop(operation, self.module, edges, inside=inside, operations=operations)

    def join(self, nodes: Iterable[int | None]) -> int | None:
        """The node of a value that is as deep as the deepest of several; None where no input reaches it."""
        known = [node for node in nodes if node is not None]
        return self.graph.join(known) if known else None

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation and record its gates."""
        if func is _DEVICE_OF:
            return args[0].fake_device
        kwargs = kwargs or {}
        if isinstance(func, HigherOrderOperator):
            return run_higher_order(self, func._name, args, kwargs)
        if func.namespace == "prim":
            return func(*args, **kwargs)
        known = signature(func)
        name, is_view, arguments = known.name, known.is_view, known.bind(args, kwargs)
        if is_view:
            outputs = self._run(func, name, args, kwargs)
            if self._shares_memory(arguments, outputs):
                return outputs
        before = self._nodes_of(arguments)
        reached = bool([node for nodes in before.values() for node in nodes if node is not None])
        if reached and not is_view and rule_for(name) is None:
            if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
                with self:
                    return func.decompose(*args, **kwargs)
            raise self._unknown(func, name, arguments)
        if not is_view:
            outputs = self._run(func, name, args, kwargs)
        if reached:
            written = _tensors([*(arguments[key] for key in known.mutated), outputs])
            self._record(name, arguments, before, {id(tensor): tensor for tensor in written}.values())
        return outputs

    def _shares_memory(self, arguments: Mapping[str, Any], outputs: Any) -> bool:
        """Whether a view is one: some operations only give a view where they can."""
        given = self._storages(list(arguments.values()))
        return all(tensor.untyped_storage()._cdata in given for tensor in _tensors([outputs]))

    def _storages(self, values: Sequence[Any]) -> set[int]:
        return {self._faked(tensor).untyped_storage()._cdata for tensor in _tensors(values)}

    def _run(self, func: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        try:
            outputs = self._operations.run(func, args, kwargs)
        except (DataDependentOutputException, DynamicOutputShapeException) as error:
            raise self._value_needed(name) from error
        if self.memory.nested:
            given = self._storages([] if name == "lift_fresh" else [*args, *kwargs.values()])
            for tensor in _tensors([outputs]):
                if tensor.untyped_storage()._cdata not in given:
                    self.memory.made(tensor)
        return outputs

    def _record(
        self,
        name: str,
        arguments: Mapping[str, Any],
        before: Mapping[str, Sequence[int | None]],
        outputs: Collection[Tensor],
    ) -> None:
        call = Call(
            operation=name,
            arguments=arguments,
            varying={key: tuple([node is not None for node in nodes]) for key, nodes in before.items()},
            token_reads=frozenset([key for key, nodes in before.items() if self._all_tokens(nodes)]),
            outputs=tuple(outputs),
            convention=self._convention,
        )
        node = self._node_for(call, before)
        for tensor in outputs:
            self.memory.write(self._faked(tensor), node)

    def _node_for(self, call: Call, before: Mapping[str, Sequence[int | None]]) -> int | None:
        rule, general = rule_for(call.operation, call.convention), rule_for(call.operation)
        gates = rule(call) if rule is not None else 0
        by_argument = dict.fromkeys(before, gates) if isinstance(gates, int) else gates
        edges = [
            (node, by_argument[key])
            for key, nodes in before.items()
            if key in by_argument
            for node in nodes
            if node is not None
        ]
        if not edges:
            return None
        # A convention's own rule makes work free, and what was worked on is not the value it came from.
        looks_up = rule is not general or call.varies("index") or call.varies("indices")
        return self.graph.add(call.operation, self._modules.current, edges, looks_up=looks_up)

    def _faked(self, tensor: Tensor) -> Tensor:
        return tensor if isinstance(tensor, FakeTensor) else self._fake_mode.from_tensor(tensor)

    def _nodes_of(self, arguments: Mapping[str, Any]) -> dict[str, list[int | None]]:
        """Nodes of the tensors in every argument that holds some."""
        nodes: dict[str, list[int | None]] = {}
        for key, value in arguments.items():
            if isinstance(value, Tensor):
                nodes[key] = [self.node_of(value)]
            elif isinstance(value, (tuple, list)) and (tensors := _tensors(value)):
                nodes[key] = [self.node_of(tensor) for tensor in tensors]
        return nodes

    def _all_tokens(self, nodes: Sequence[int | None]) -> bool:
        reached = [self.graph[node].token for node in nodes if node is not None]
        return bool(reached) and all(reached)

    def _unknown(self, func: Any, name: str, arguments: Mapping[str, Any]) -> UnknownOperationError:
        if _NEEDS_A_VALUE.intersection(func.tags):
            return self._value_needed(name)
        shapes = ", ".join(
            f"{key}{[tuple(item.shape) for item in _tensors([value])]}"
            for key, value in arguments.items()
            if _tensors([value])
        )
        return UnknownOperationError(
            f"no depth rule for the operation {name} of {shapes}",
            where=self.where,
            fix=f'register one: @monitorbench.depth.gate_rule("{name}") def rule(call): return <gates>',
        )

    def _value_needed(self, name: str) -> UnknownOperationError:
        return UnknownOperationError(
            f"{_AS_WRITTEN.get(name, name)} reads the value of a tensor, and a value that is traced has only a shape",
            where=self.where,
            fix="let what runs depend on shapes alone: pass masks on, loop a fixed number of times, or use torch.cond "
            "and while_loop",
        )


def _tensors(values: Iterable[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += _tensors(value)
    return found
