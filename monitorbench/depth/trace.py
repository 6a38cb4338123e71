"""One trace: a segment or a function run once under fake tensors, as the graph of its gates."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from monitorbench.adapters.base import Segment
from monitorbench.depth import rules  # noqa: F401 - importing it registers every rule
from monitorbench.depth.control_flow import whole_control_flow
from monitorbench.depth.costs import CONVENTIONS, Convention
from monitorbench.depth.graph import Graph
from monitorbench.depth.layers import BlockGraph
from monitorbench.depth.models import counted_as
from monitorbench.depth.modules import ModulePath
from monitorbench.depth.tracer import GateTracer
from monitorbench.depth.whole import WholeOperations
from monitorbench.errors import UsageError

Leaf: TypeAlias = tuple[str, str]
"""One tensor of a named value: the name, and its place in the (nested) value, such as `[0]['keys']`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """What one run of a segment showed.

    Attributes:
        segment: the segment that ran.
        convention: what was counted.
        graph: every value that depends on an input.
        sources: node of every tensor that came in.
        ends: node of every tensor that went out; None for one that depends on no input.
    """

    segment: Segment
    convention: Convention
    graph: Graph
    sources: Mapping[Leaf, int]
    ends: Mapping[Leaf, int | None]

    @property
    def depth(self) -> int:
        """Gates on the longest path of a single run."""
        reached = [self.graph[node].depths for node in self.ends.values() if node is not None]
        return max((depth for depths in reached for depth in depths.values()), default=0)


def is_token_name(name: str) -> bool:
    """Whether a name stands for tokens, which are always interpretable."""
    return name == "tokens" or name.startswith("tokens.")


def trace_segment(segment: Segment, convention: Convention = "circuit") -> Trace:
    """Run a segment once under fake tensors.

    Raises:
        UsageError: its example or its outputs lack a name that it declares, or the convention is unknown.
        UnknownOperationError: an operation has no rule, or reads the value of a traced tensor.
    """
    with _tracing(segment.module, convention) as (fake_mode, tracer, graph):
        with WholeOperations():
            example = segment.example()
        _require(segment, "example", segment.inputs, example)
        sources = {
            leaf: tracer.set_source(_faked(tensor, fake_mode), "".join(leaf), token=is_token_name(leaf[0]))
            for leaf, tensor in _leaves(example, segment.inputs)
        }
        with tracer, WholeOperations():
            outputs = segment.fn(example)
        _require(segment, "outputs", segment.outputs, outputs)
        ends = {leaf: tracer.node_of(tensor) for leaf, tensor in _leaves(outputs, segment.outputs)}
    return Trace(segment=segment, convention=convention, graph=graph, sources=sources, ends=ends)


def trace_function(
    fn: Callable[..., Any], *inputs: Any, convention: Convention = "circuit", module: nn.Module | None = None
) -> tuple[int, ...]:
    """Depth of each tensor that a function returns, in order; 0 where it depends on no input.

    Args:
        fn: the function; a module works, too. Tensors that it closes over are parameters.
        inputs: its arguments. Only the shapes and types of tensors matter; integer tensors are tokens.
        convention: what is counted.
        module: names the modules in errors.

    Raises:
        UnknownOperationError: an operation has no rule, or reads the value of a traced tensor.
    """
    root = module if module is not None else fn if isinstance(fn, nn.Module) else None
    with _tracing(root, convention) as (fake_mode, tracer, graph):
        arguments = [_fake_like(value, fake_mode) for value in inputs]
        for path, tensor in _walk(arguments, ""):
            tracer.set_source(tensor, path, token=not tensor.is_floating_point() and not tensor.is_complex())
        with tracer, WholeOperations():
            output = fn(*arguments)
        nodes = [tracer.node_of(tensor) for _, tensor in _walk(output, "")]
    return tuple(0 if node is None else max(graph[node].depths.values(), default=0) for node in nodes)


@contextmanager
def _tracing(module: nn.Module | None, convention: Convention) -> Iterator[tuple[FakeTensorMode, GateTracer, Graph]]:
    if convention not in CONVENTIONS:
        raise UsageError(f"unknown depth convention {convention!r}", fix=f"use one of {', '.join(CONVENTIONS)}")
    first = next(module.parameters(), None) if module is not None else None
    fake_mode = first.fake_mode if isinstance(first, FakeTensor) else FakeTensorMode(allow_non_fake_inputs=True)
    device = first.device if first is not None else torch.device("cpu")
    modules = ModulePath(module)
    graph = _graph(modules, convention)
    with (
        torch.inference_mode(False),  # under inference mode operations arrive undecomposed
        torch.no_grad(),
        _uncollected(),
        _stepwise_recurrence(),
        counted_as(module, convention),
        whole_control_flow(convention),
        fake_mode,
        _default_device(device),
        modules,
    ):
        yield fake_mode, GateTracer(graph, convention, fake_mode, modules, device), graph


def _graph(modules: ModulePath, convention: Convention) -> Graph:
    if convention != "layers":
        return Graph()
    if not modules.has_blocks:
        raise UsageError(
            "`layers` counts blocks, the modules of a ModuleList, and there is none",
            fix="give the module that holds them, or count in `circuit`",
        )
    return BlockGraph(modules)


def _default_device(device: torch.device) -> AbstractContextManager[object]:
    """Where new tensors lie. Saying so again would slow down every call of a function."""
    return nullcontext() if torch.get_default_device() == device else device


@contextmanager
def _uncollected() -> Iterator[None]:
    """A trace keeps nearly all that it makes, so that looking for what it does not need only takes time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def _stepwise_recurrence() -> Iterator[None]:
    """Recurrent layers run as their steps, not as one kernel. The public switch warns about an unrelated setting."""
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


def _require(segment: Segment, what: str, names: Sequence[str], values: Mapping[str, Any]) -> None:
    missing = [name for name in names if name not in values]
    if missing:
        raise UsageError(
            f"the {what} of the segment lack {', '.join(missing)}",
            where=f"segment {segment.name!r}",
            fix="give a value for every name that the segment declares",
        )


def _leaves(values: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[Leaf, Tensor]]:
    for name in names:
        for path, tensor in _walk(values[name], ""):
            yield (name, path), tensor


def _walk(value: Any, path: str) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a nested value; tokenizers' and transformers' dict-like outputs are mappings, too."""
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, f"{path}[{key!r}]")
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")


def _faked(tensor: Tensor, fake_mode: FakeTensorMode) -> Tensor:
    return tensor if isinstance(tensor, FakeTensor) else fake_mode.from_tensor(tensor)


def _fake_like(value: Any, fake_mode: FakeTensorMode) -> Any:
    if isinstance(value, Tensor):
        return _faked(value, fake_mode)
    if isinstance(value, (tuple, list)):
        return type(value)(_fake_like(item, fake_mode) for item in value)
    return value
