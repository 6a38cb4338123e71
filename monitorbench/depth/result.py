"""What a depth is reported as: the number, and the path that makes it."""

from __future__ import annotations

from dataclasses import dataclass

from monitorbench.depth.costs import Convention, is_cast
from monitorbench.depth.graph import Operation
from monitorbench.errors import UsageError


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
        notes: where the count is known to be an upper bound, and what it leaves out.
        tokens_cut: whether paths were cut at tokens, as they are but for repeating a published set-up.
        model: what named the model; empty where segments were given.
        context: positions in all; None where segments were given.
        dtype: type that the named model was built in; empty where segments were given.
    """

    depth: int
    depth_at_fewest_repeats: int
    convention: Convention
    interpretable: tuple[str, ...]
    path: tuple[PathStep, ...]
    segments: tuple[SegmentDepth, ...]
    notes: tuple[str, ...]
    tokens_cut: bool = True
    model: str = ""
    context: int | None = None
    dtype: str = ""

    @property
    def steps(self) -> int:
        """How often the segment that repeats most runs at most; 1 where none repeats."""
        return max((segment.repeat[1] for segment in self.segments), default=1)

    @property
    def casts(self) -> int:
        """Gates of the critical path that only change the type of data; 0 where the function is counted."""
        return sum(
            step.times * operation.gates
            for step in self.path
            for operation in step.operations
            if is_cast(operation.operation)
        )

    def ratio(self, baseline: DepthResult) -> float:
        """This depth over that of a baseline.

        Raises:
            UsageError: the two were counted in different conventions, or the baseline's depth is 0.
        """
        if self.convention != baseline.convention:
            raise UsageError(
                f"there is no ratio of a depth counted as {self.convention} to one counted as {baseline.convention}",
                fix="count both in one convention",
            )
        if not baseline.depth:
            raise UsageError("there is no ratio to a depth of 0", fix="name another baseline")
        return self.depth / baseline.depth
