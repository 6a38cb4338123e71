"""Torch's higher-order operations: branches, maps, scans, loops and attention that are given as functions.

Each is traced for what it computes, whatever form torch would compile it to. A branch is a choice among its outcomes:
one gate from each of them and from the predicate, where that is computed; as the program runs, only one is computed,
and choosing is free. Loops are in `loops`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._higher_order_ops.associative_scan import associative_scan_op
from torch._higher_order_ops.flex_attention import sdpa_dense
from torch.nn.attention import flex_attention
from torch.utils import _pytree as pytree

from monitorbench.depth.costs import Convention, counts_function, lg
from monitorbench.depth.loops import scan, while_loop
from monitorbench.errors import UnknownOperationError, UsageError

if TYPE_CHECKING:
    from monitorbench.depth.tracer import GateTracer


def run_higher_order(tracer: GateTracer, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run a higher-order operation and record its gates.

    Raises:
        UnknownOperationError: there is no rule for it.
    """
    if name not in _HANDLERS:
        raise UnknownOperationError(
            f"no depth rule for the higher-order operation {name}",
            where=tracer.where,
            fix=f"write it with one of {', '.join(sorted(_HANDLERS))}, or with a loop in Python",
        )
    return _HANDLERS[name](tracer, *args, **kwargs)


@contextmanager
def whole_control_flow(convention: Convention) -> Iterator[None]:
    """Let functions of control flow come as one operation where torch would take them apart or compile them first.

    What is compiled under a trace would run uncompiled, but for good: torch marks it as not to be compiled again.
    """
    with ExitStack() as changed:
        if "torch._dynamo.eval_frame" in sys.modules:  # importing it takes seconds; so far nothing was compiled without
            changed.enter_context(torch.compiler.set_stance("force_eager"))
        changed.enter_context(_replaced(torch, "compile", _uncompiled))
        changed.enter_context(_replaced(flex_attention, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True))
        if counts_function(convention):
            # the package has a function of this name, too
            scans = importlib.import_module("torch._higher_order_ops.associative_scan")
            changed.enter_context(_replaced(scans, "generic_associative_scan", _scan_as_one))
        yield


@contextmanager
def _replaced(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _uncompiled(model: Any = None, **_: Any) -> Any:
    """Stands in for `torch.compile`, which is also a decorator with options."""
    return (lambda decorated: decorated) if model is None else model


def _scan_as_one(
    operator: Callable[..., Any], leaves: Sequence[Tensor], dim: int = 0, additional_inputs: tuple[Any, ...] = ()
) -> Any:
    """Replaces the scan that torch runs where it has no kernel: its operator works on many pairs side by side."""

    def combine(*slices: Any) -> list[Tensor]:
        pairs = [item.unsqueeze(dim) if isinstance(item, Tensor) else item for item in slices]
        return [item.squeeze(dim) for item in pytree.tree_leaves(operator(*pairs))]

    return associative_scan_op(combine, [leaf.movedim(dim, 0) for leaf in leaves], additional_inputs)


def _cond(
    tracer: GateTracer, pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any]
) -> Any:
    """Both branches run from the same memory; what comes out, and what they write to, is chosen between them."""
    if not isinstance(pred, Tensor):
        return tracer.call(true_fn if pred else false_fn, *operands)
    predicate = tracer.node_of(pred)
    outcomes = []
    for branch in dict.fromkeys((true_fn, false_fn)):
        memory = tracer.memory.within(tracer.graph)
        with tracer.recording(tracer.graph, memory):
            values, form = pytree.tree_flatten(tracer.call(branch, *operands))
            nodes = [tracer.node_of(value) if isinstance(value, Tensor) else None for value in values]
        outcomes.append((values, form, nodes, memory))
    values, form, _, _ = outcomes[0]
    if any(_metadata(other) != _metadata(values) or other_form != form for other, other_form, _, _ in outcomes):
        raise UsageError(
            "the branches of a cond return values of different shapes, types or number",
            where=tracer.where,
            fix="let both return the same kinds of tensors",
        )
    gates = int(tracer.counts_function and predicate is not None)

    def choose(candidates: Sequence[int | None]) -> int | None:
        return tracer.record(
            "cond", [(node, gates) for node in (*candidates, predicate)], looks_up=predicate is not None
        )

    chosen = [choose(nodes) for nodes in zip(*(nodes for _, _, nodes, _ in outcomes), strict=True)]
    written = {number: item for _, _, _, memory in outcomes for number, item in memory.written_outside.items()}
    for storage in written.values():
        tracer.memory.write_all(storage, choose([memory.read_all(storage) for _, _, _, memory in outcomes]))
    results = [
        tracer.stand_in(value, node) if isinstance(value, Tensor) else value
        for value, node in zip(values, chosen, strict=True)
    ]
    return pytree.tree_unflatten(results, form)


def _metadata(values: Sequence[Any]) -> list[Any]:
    return [(value.shape, value.dtype) if isinstance(value, Tensor) else value for value in values]


def _map(tracer: GateTracer, f: Callable[..., Any], xs: Sequence[Tensor], invariant: Sequence[Any]) -> Any:
    """The slices are worked on side by side: as deep as one of them."""
    slices = [tracer.stand_in(x, tracer.node_of(x), x.shape[1:]) for x in xs]
    before = [tracer.node_of(item) for item in slices]
    values, form = pytree.tree_flatten(tracer.call(f, *slices, *invariant))
    results = [tracer.stand_in(value, tracer.node_of(value), (len(xs[0]), *value.shape)) for value in values]
    for x, item, node in zip(xs, slices, before, strict=True):
        if tracer.node_of(item) != node:
            tracer.memory.write(x, tracer.node_of(item))
    return pytree.tree_unflatten(results, form)


def _associative_scan(
    tracer: GateTracer, combine_fn: Callable[..., Any], xs: Sequence[Tensor], invariant: Sequence[Any] = ()
) -> Any:
    """A prefix network of lg n levels, each of which combines what lies to the left and to the right."""
    nodes = [tracer.node_of(x) for x in xs]

    def level() -> tuple[list[int | None], pytree.TreeSpec]:
        pair = [tracer.stand_in(x, node, x.shape[1:]) for _ in range(2) for x, node in zip(xs, nodes, strict=True)]
        combined, form = pytree.tree_flatten(tracer.call(combine_fn, *pair, *invariant))
        return [tracer.join([node, tracer.node_of(out)]) for node, out in zip(nodes, combined, strict=True)], form

    _, form = level()
    for _ in range(lg(xs[0].shape[0])):
        nodes, _ = level()
    return pytree.tree_unflatten([tracer.stand_in(x, node) for x, node in zip(xs, nodes, strict=True)], form)


def _invoke_subgraph(tracer: GateTracer, subgraph: Callable[..., Any], _identifier: str | None, *operands: Any) -> Any:
    """The operations of the graph."""
    return tracer.call(subgraph, *operands)


def _flex_attention(tracer: GateTracer, *args: Any, **kwargs: Any) -> Any:
    """Its decomposition: scores, what modifies them, a choice by the mask, softmax, weighted sum."""
    return tracer.call(sdpa_dense, *args, **kwargs)


_HANDLERS: dict[str, Callable[..., Any]] = {
    "associative_scan": _associative_scan,
    "cond": _cond,
    "flex_attention": _flex_attention,
    "invoke_subgraph": _invoke_subgraph,
    "map_impl": _map,
    "scan": scan,
    "while_loop": while_loop,
}
