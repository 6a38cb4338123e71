"""Depth of a generation: of segments, or of a model that is only named."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from monitorbench.adapters.base import Segment
from monitorbench.adapters.checkpoint import quiet
from monitorbench.depth.composition import compose
from monitorbench.depth.configuration import one_line
from monitorbench.depth.costs import Convention
from monitorbench.depth.result import DepthResult
from monitorbench.depth.sources import WeightlessModel, require_fit, usual_context, weightless
from monitorbench.depth.trace import Trace, trace_segment
from monitorbench.errors import MonitorbenchError, UsageError
from monitorbench.notices import TraceStarted, tell


def opaque_depth(
    model: str | Sequence[Segment],
    *,
    interpretable: Collection[str] = (),
    convention: Convention = "circuit",
    cut_tokens: bool = True,
    context: int | None = None,
    steps: int | None = None,
    canvas: int | None = None,
    dtype: str = "float32",
    trust_remote_code: bool = False,
) -> DepthResult:
    """Depth of a generation, every segment run as often as it repeats.

    Args:
        model: the segments of the whole generation, as an adapter lists them, which settles all that a name leaves
            open. Or a name: a preset, `zoo:NAME`, a checkpoint folder, or a `config.json`; it is built without weights.
        interpretable: channels at which paths are cut; tokens always are.
        convention: one of `CONVENTIONS`: what is counted.
        cut_tokens: False lets paths run on through tokens that one segment hands to the next, and counts of a named
            model only what lies between a cache that is there and one that holds the finished tokens, too: the set-up
            of published figures, and of no other use.
        context: positions in all, generated ones included; None takes the most that the model was made for.
        steps: largest number of runs of what the model repeats; None leaves the configuration's.
        canvas: tokens of a canvas, for a model that has one; None leaves the configuration's.
        dtype: `float32` or `bfloat16`.
        trust_remote_code: run code that lies beside the configuration, where transformers has none for it.

    Raises:
        UsageError: no such model or channel, settings that do not fit, or segments that do not fit together.
        UnknownOperationError: an operation has no rule, or reads the value of a traced tensor.
    """
    if not isinstance(model, str):
        given = {"context": context, "steps": steps, "canvas": canvas}
        if wrong := [name for name, value in given.items() if value is not None]:
            raise UsageError(f"segments settle the {wrong[0]} already", fix="leave it out, or name a model")
        traces = [trace_segment(segment, convention) for segment in model]
        return compose(traces, frozenset(interpretable), cut_tokens=cut_tokens)
    named = weightless(model, dtype=dtype, canvas=canvas, trust_remote_code=trust_remote_code)
    context = usual_context([named]) if context is None else context
    require_fit([named], context=context, steps=steps, canvas=canvas, interpretable=interpretable)
    return depth_of(
        named,
        context=context,
        steps=steps,
        interpretable=interpretable,
        convention=convention,
        cut_tokens=cut_tokens,
    )


def depth_of(
    model: WeightlessModel,
    *,
    context: int,
    steps: int | None = None,
    interpretable: Collection[str] = (),
    convention: Convention = "circuit",
    cut_tokens: bool = True,
) -> DepthResult:
    """Depth of a model's generation.

    Args:
        model: what `weightless` built.
        context: positions in all, generated ones included.
        steps: largest number of runs of what it repeats; None leaves the configuration's.
        interpretable: channels at which paths are cut; those of other models are passed over.
        convention: one of `CONVENTIONS`: what is counted.
        cut_tokens: as `opaque_depth` has it.

    Raises:
        UsageError: the convention is unknown, the context too short, or the model cannot run.
        UnknownOperationError: an operation has no rule, or reads the value of a traced tensor.
    """
    segments = model.segments(context=context, steps=steps, commit=not cut_tokens)
    traces = list(_traces(model, segments, convention))
    result = compose(traces, frozenset(interpretable) & frozenset(model.channels), cut_tokens=cut_tokens)
    return replace(
        result,
        model=model.name,
        context=context,
        dtype=str(model.model.dtype).removeprefix("torch."),
        notes=(*result.notes, *model.notes, *_declared(result), *_beyond(model, context)),
    )


def _traces(model: WeightlessModel, segments: Sequence[Segment], convention: Convention) -> Iterator[Trace]:
    for number, segment in enumerate(segments, start=1):
        tell(TraceStarted(model=model.name, segment=segment.name, number=number, total=len(segments)))
        try:
            with quiet(), _without_log("torch._subclasses.fake_tensor"):
                trace = trace_segment(segment, convention)
            yield trace
        except MonitorbenchError:
            raise
        except Exception as error:
            if _is_ours(error):
                raise
            raise UsageError(
                f"{segment.name} cannot run from the configuration alone: {one_line(error)}",
                where=model.name,
                fix="check the configuration and the lengths",
            ) from error


def _is_ours(error: Exception) -> bool:
    """Whether an error was raised in this package, not in the model or in what it calls: a fault to be seen whole."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == __name__.partition(".")[0]


@contextmanager
def _without_log(name: str) -> Iterator[None]:
    """What goes wrong is raised; a library need not print it with its traceback, too."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _declared(result: DepthResult) -> tuple[str, ...]:
    if not result.interpretable:
        return ()
    names = ", ".join(result.interpretable)
    trained = ", nor that no gradient was trained through it" if result.convention == "nls" else ""
    return (f"{names}: declared interpretable, not shown{trained}",)


def _beyond(model: WeightlessModel, context: int) -> tuple[str, ...]:
    most = model.max_length
    if most is None or context <= most:
        return ()
    return (f"a context of {context:,} positions is beyond the {most:,} that it was made for",)
