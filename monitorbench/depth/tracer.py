"""Follows the gates through a running PyTorch program under fake tensors: no weights, no data, no time for size.

The depth of a value belongs to the memory it lies in, not to the tensor object. All that one operation writes
has one depth, the largest of its elements; values that no input reaches have none, and work on them costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode

from monitorbench.depth.costs import Call, Convention, operation_name, rule_for
from monitorbench.depth.graph import Graph
from monitorbench.depth.memory import Memory
from monitorbench.depth.modules import ModulePath
from monitorbench.errors import UnknownOperationError

_PLACES = ("index", "indices")
_READS_A_VALUE = ("_local_scalar_dense", "is_nonzero", "equal", "nonzero", "unique", "masked_select")


class GateTracer(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its modes untyped
    """Builds the graph of everything that runs under it.

    Args:
        graph: where nodes go.
        convention: the convention being counted.
        fake_mode: the fake mode that it runs inside of.
        modules: knows which module is running.
    """

    def __init__(self, graph: Graph, convention: Convention, fake_mode: FakeTensorMode, modules: ModulePath) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self._graph, self._convention, self._fake_mode, self._modules = graph, convention, fake_mode, modules
        self._memory = Memory(graph)

    def node_of(self, tensor: Tensor) -> int | None:
        """The node of a tensor's value; None where no input reaches it."""
        return self._memory.read(self._faked(tensor))

    def set_source(self, tensor: Tensor, name: str, *, token: bool) -> int:
        """Declare a tensor an input."""
        node = self._graph.add_source(name, token=token)
        self._memory.add(self._faked(tensor), node)
        return node

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation and record its gates."""
        kwargs = kwargs or {}
        if func.namespace == "prim":
            return func(*args, **kwargs)
        name, is_view = operation_name(func._schema.name), _is_view(func)
        arguments = _bind(func, args, kwargs)
        if is_view:
            outputs = self._run(func, name, args, kwargs)
            if self._shares_memory(arguments, outputs):
                return outputs
        before = {key: self._nodes_in(value) for key, value in arguments.items()}
        reached = any(node is not None for nodes in before.values() for node in nodes)
        if reached and not is_view and rule_for(name) is None:
            if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
                with self:
                    return func.decompose(*args, **kwargs)
            raise self._unknown(name, arguments)
        if not is_view:
            outputs = self._run(func, name, args, kwargs)
        if reached:
            self._record(name, arguments, before, [*(arguments[key] for key in _mutated(func)), outputs])
        return outputs

    def _shares_memory(self, arguments: Mapping[str, Any], outputs: Any) -> bool:
        """Whether a view is one: some operations only give a view where they can."""
        given = {self._faked(tensor).untyped_storage()._cdata for tensor in _tensors(list(arguments.values()))}
        return all(tensor.untyped_storage()._cdata in given for tensor in _tensors([outputs]))

    def _run(self, func: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        try:
            return func(*args, **kwargs)
        except (DataDependentOutputException, DynamicOutputShapeException) as error:
            raise self._value_needed(name) from error

    def _record(
        self, name: str, arguments: Mapping[str, Any], before: Mapping[str, list[int | None]], written: Sequence[Any]
    ) -> None:
        outputs = {id(tensor): tensor for tensor in _tensors(written)}
        call = Call(
            operation=name,
            arguments=arguments,
            varying={key: tuple(node is not None for node in nodes) for key, nodes in before.items() if nodes},
            token_reads=frozenset(key for key, nodes in before.items() if self._all_tokens(nodes)),
            outputs=tuple(outputs.values()),
            convention=self._convention,
        )
        node = self._node_for(call, before)
        for tensor in outputs.values():
            self._memory.write(self._faked(tensor), node)

    def _node_for(self, call: Call, before: Mapping[str, list[int | None]]) -> int | None:
        rule = rule_for(call.operation)
        gates = rule(call) if rule is not None else 0
        edges = [
            (node, gates if isinstance(gates, int) else gates[key])
            for key, nodes in before.items()
            if isinstance(gates, int) or key in gates
            for node in nodes
            if node is not None
        ]
        if not edges:
            return None
        looks_up = any(call.varies(key) for key in _PLACES)
        return self._graph.add(call.operation, self._modules.current, edges, looks_up=looks_up)

    def _faked(self, tensor: Tensor) -> Tensor:
        return tensor if isinstance(tensor, FakeTensor) else self._fake_mode.from_tensor(tensor)

    def _nodes_in(self, value: Any) -> list[int | None]:
        return [self.node_of(tensor) for tensor in _tensors([value])]

    def _all_tokens(self, nodes: Sequence[int | None]) -> bool:
        reached = [node for node in nodes if node is not None]
        return bool(reached) and all(self._graph[node].token for node in reached)

    def _unknown(self, name: str, arguments: Mapping[str, Any]) -> UnknownOperationError:
        if name in _READS_A_VALUE:
            return self._value_needed(name)
        shapes = ", ".join(
            f"{key}{[tuple(item.shape) for item in _tensors([value])]}"
            for key, value in arguments.items()
            if _tensors([value])
        )
        return UnknownOperationError(
            f"no depth rule for the operation {name} of {shapes}",
            where=self._modules.current or "outside any module",
            fix=f'register one: @monitorbench.depth.gate_rule("{name}") def rule(call): return <gates>',
        )

    def _value_needed(self, name: str) -> UnknownOperationError:
        return UnknownOperationError(
            f"{name} reads the value of a tensor, and a value that is traced has only a shape",
            where=self._modules.current or "outside any module",
            fix="let the computation depend on shapes alone: pass prepared masks, loop a fixed number of times",
        )


def _bind(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    bound = {}
    for position, argument in enumerate(func._schema.arguments):
        default = argument.default_value if argument.has_default_value() else None
        bound[argument.name] = args[position] if position < len(args) else kwargs.get(argument.name, default)
    return bound


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    return list(_each_tensor(values))


def _each_tensor(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _each_tensor(value)


def _mutated(func: Any) -> list[str]:
    return [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]


def _is_view(func: Any) -> bool:
    returns = func._schema.returns
    return bool(returns) and all(r.alias_info is not None and not r.alias_info.is_write for r in returns)
