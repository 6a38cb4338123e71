"""What a depth is reported as: the number, and the path that makes it."""

from __future__ import annotations

from dataclasses import dataclass

from monitorbench.depth.costs import Convention
from monitorbench.depth.graph import Operation


@dataclass(frozen=True, kw_only=True, slots=True)
class PathStep:
    """One run, or several equal runs, of a segment on the critical path.

    Attributes:
        segment: name of the segment.
        source: the tensor by which the path enters it.
        end: the tensor by which the path leaves it.
        times: how often the path takes this way.
        gates: gates of one time.
        operations: the operations with gates, first one first.
    """

    segment: str
    source: str
    end: str
    times: int
    gates: int
    operations: tuple[Operation, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentDepth:
    """One segment by itself: gates on the longest path of a single run, and its smallest and largest number of runs."""

    segment: str
    gates: int
    repeat: tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthResult:
    """Opaque serial depth of a whole generation.

    Attributes:
        depth: gates on the longest path with no interpretable value inside, every segment at its largest repeat.
        depth_at_fewest_repeats: the same with every segment at its smallest repeat.
        convention: what was counted; depths of different conventions must not be compared.
        interpretable: names at which paths were cut, beside tokens.
        path: a critical path in the order in which it runs; its gates add up to `depth`.
        segments: each segment by itself.
        notes: where the count is known to be an upper bound.
    """

    depth: int
    depth_at_fewest_repeats: int
    convention: Convention
    interpretable: tuple[str, ...]
    path: tuple[PathStep, ...]
    segments: tuple[SegmentDepth, ...]
    notes: tuple[str, ...]
