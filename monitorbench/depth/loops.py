"""Loops that torch is given as functions: a scan, and a while loop with a declared bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils import _pytree as pytree

from monitorbench.depth.costs import lg
from monitorbench.depth.repeated import RepeatedStep, Returned
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from monitorbench.depth.tracer import GateTracer

_bounds: ContextVar[tuple[tuple[str, int], ...]] = ContextVar("bounds of while loops", default=())


@contextmanager
def loop_bound(iterations: int, *, module: str = "") -> Iterator[None]:
    """Declare how often a `while_loop` runs whose end depends on tensors: a traced tensor has no value to end it.

    The loop is counted as running this often; where its predicate depends on an input, as one that may also stop
    earlier. Inner declarations go first.

    Args:
        iterations: largest number of runs of the body, at least 1.
        module: path of a module; it and all inside of it are meant. Empty for every loop.

    Raises:
        UsageError: the number is not positive.
    """
    if iterations < 1:
        raise UsageError(f"a loop cannot be bound to {iterations} iterations", fix="give a positive number")
    token = _bounds.set((*_bounds.get(), (module, iterations)))
    try:
        yield
    finally:
        _bounds.reset(token)


def scan(
    tracer: GateTracer,
    combine_fn: Callable[..., Any],
    init: Sequence[Tensor],
    xs: Sequence[Tensor],
    additional_inputs: Sequence[Any] = (),
) -> Any:
    """One iteration for every slice; what they put out is stacked, and as deep as the deepest."""

    def step(carried: Sequence[Tensor], slices: Sequence[Tensor]) -> Returned:
        values, form = pytree.tree_flatten(tracer.call(combine_fn, *carried, *slices, *additional_inputs))
        return values[: len(init)], values[len(init) :], form

    times = xs[0].shape[0]
    loop = RepeatedStep(tracer, "scan", times, carried=init, read=xs, step=step)
    loop.write_back(loop.carried)
    values = [
        *(tracer.stand_in(item, loop.carried(place)) for place, item in enumerate(init)),
        *(tracer.stand_in(item, loop.out(place), (times, *item.shape)) for place, item in enumerate(loop.outputs)),
    ]
    return pytree.tree_unflatten(values, loop.form)


def while_loop(
    tracer: GateTracer,
    cond_fn: Callable[..., Any],
    body_fn: Callable[..., Any],
    carried_inputs: Sequence[Any],
    additional_inputs: Sequence[Any] = (),
    **_: Any,
) -> Any:
    """Runs as often as its bound; without one, as often as numbers say.

    A predicate that depends on an input chooses among what is carried after 0, 1, ..., n iterations: lg (n + 1) gates
    from each of these and from every predicate. As the program runs there is nothing to choose, only to wait for.
    """
    if not isinstance(tracer.call(cond_fn, *carried_inputs, *additional_inputs), Tensor):
        return _loop_over_numbers(tracer, cond_fn, body_fn, carried_inputs, additional_inputs)
    if not all(isinstance(item, Tensor) for item in carried_inputs):
        raise UsageError(
            "a while_loop carries a number, and a tensor says when it ends",
            where=tracer.where,
            fix="carry the number as a tensor",
        )

    def step(carried: Sequence[Tensor], _slices: Sequence[Tensor]) -> Returned:
        predicate = tracer.call(cond_fn, *carried, *additional_inputs)
        values, form = pytree.tree_flatten(tracer.call(body_fn, *carried, *additional_inputs))
        return values, [predicate], form

    times = _bound(tracer)
    loop = RepeatedStep(tracer, "while_loop", times, carried=carried_inputs, read=(), step=step)
    predicate = loop.out(0)
    gates = lg(times + 1) if tracer.counts_function else 0

    def last(place: int) -> int | None:
        if predicate is None:
            return loop.carried(place)
        candidates = [loop.carried(place), loop.seen(place), predicate]
        return tracer.record("while_loop", [(node, gates) for node in candidates], looks_up=True)

    loop.write_back(last)
    values = [tracer.stand_in(item, last(place)) for place, item in enumerate(carried_inputs)]
    return pytree.tree_unflatten(values, loop.form)


def _loop_over_numbers(
    tracer: GateTracer,
    cond_fn: Callable[..., Any],
    body_fn: Callable[..., Any],
    carried: Sequence[Any],
    additional_inputs: Sequence[Any],
) -> Any:
    while tracer.call(lambda *values: bool(cond_fn(*values)), *carried, *additional_inputs):
        carried = pytree.tree_leaves(tracer.call(body_fn, *carried, *additional_inputs))
    return tuple(carried)


def _bound(tracer: GateTracer) -> int:
    for module, iterations in reversed(_bounds.get()):
        if not module or f"{tracer.module}.".startswith(f"{module}."):
            return iterations
    raise UsageError(
        "a tensor says when a while_loop ends, and a value that is traced has only a shape",
        where=tracer.where,
        fix="declare how often it runs at most: trace it inside `with monitorbench.depth.loop_bound(ITERATIONS):`",
    )
