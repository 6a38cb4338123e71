"""Opaque serial depth of a PyTorch program: the longest path of gates with no interpretable value inside."""

from __future__ import annotations

from collections.abc import Sequence

from monitorbench.adapters.base import Segment
from monitorbench.depth.compose import compose
from monitorbench.depth.costs import CONVENTIONS, Call, Convention, gate_rule, lg, register_movement
from monitorbench.depth.graph import Operation
from monitorbench.depth.models import counted_as
from monitorbench.depth.result import DepthResult, PathStep, SegmentDepth
from monitorbench.depth.trace import Trace, trace_function, trace_segment

__all__ = [
    "CONVENTIONS",
    "Call",
    "Convention",
    "DepthResult",
    "Operation",
    "PathStep",
    "SegmentDepth",
    "Trace",
    "compose",
    "counted_as",
    "gate_rule",
    "lg",
    "opaque_depth",
    "register_movement",
    "trace_function",
    "trace_segment",
]


def opaque_depth(
    segments: Sequence[Segment],
    *,
    interpretable: frozenset[str] = frozenset(),
    convention: Convention = "circuit",
) -> DepthResult:
    """Depth of the generation that runs the segments in order, each as often as it repeats.

    Args:
        segments: the whole generation, as an adapter lists it.
        interpretable: channels at which paths are cut; tokens always are.
        convention: `circuit` counts the function, `implemented` the program.

    Raises:
        UsageError: the segments do not fit together.
        UnknownOperationError: an operation has no rule, or reads the value of a traced tensor.
    """
    return compose([trace_segment(segment, convention) for segment in segments], interpretable)
