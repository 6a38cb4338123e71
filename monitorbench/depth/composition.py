"""The longest path over a whole generation: traces become max-plus maps, and maps multiply.

A variable is one tensor of one name that joins segments. Two more: the *cut*, at which every interpretable value begins
again at depth 0, and the *deepest* interpretable value so far. What nothing has put out yet is a constant: minus
infinity; only tokens are there from the beginning, at depth 0. A run of a segment is a matrix A_VV over V variables,
A[i, j] the longest path from i to j and minus infinity where there is none; repeating it is a power of the matrix, by
squaring, which equals running it again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitorbench.depth.maxplus import Chain, Steps
from monitorbench.depth.result import DepthResult, PathStep, SegmentDepth
from monitorbench.depth.trace import Leaf, Trace, is_token_name
from monitorbench.errors import UsageError

_CUT: Leaf = ("", "cut")
_DEEPEST: Leaf = ("", "deepest")

_BOUNDS = {
    "topk": "the k largest are counted as a tournament of binary comparators, an upper bound",
    "sort": "sorting is counted as a bitonic network, an upper bound",
    **dict.fromkeys(
        ("scatter_add", "scatter_reduce", "index_add", "index_reduce", "index_put"),
        "writes at computed places are counted as if all could meet at one place, an upper bound",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Way:
    """The longest way through one run of a segment between two variables."""

    source: Leaf
    end: Leaf
    gates: int


class _Run:
    """One segment as a matrix, and the ways behind its entries."""

    def __init__(self, trace: Trace, variables: dict[Leaf, int], cut: frozenset[Leaf]) -> None:
        self.trace = trace
        self.ways = _ways(trace, variables, cut)
        A_VV = np.full((len(variables),) * 2, -np.inf)
        np.fill_diagonal(A_VV, 0)
        for end, node in trace.ends.items():
            if end in variables:
                A_VV[variables[end], variables[end]] = -np.inf
                if node is not None and end in cut:
                    A_VV[variables[_CUT], variables[end]] = 0
        for (before, after), way in self.ways.items():
            A_VV[before, after] = max(way.gates, A_VV[before, after])
        self.chain = Chain(A_VV)


def compose(
    traces: Sequence[Trace], interpretable: frozenset[str] = frozenset(), *, cut_tokens: bool = True
) -> DepthResult:
    """Depth of the generation that runs the traced segments in order.

    Args:
        traces: one for each segment, all of one convention.
        interpretable: names at which paths are cut, beside tokens.
        cut_tokens: False lets paths run on through tokens that one segment puts out and another, or the next run of
            the same, takes in under that name. Tokens are readable, so this only serves to repeat published set-ups.

    Raises:
        UsageError: there is nothing to compose, conventions differ, or a segment takes in a tensor that an earlier one
            did not put out under that name.
    """
    if not traces:
        raise UsageError("there is no segment to compose", fix="give at least one segment")
    if len({trace.convention for trace in traces}) > 1:
        raise UsageError("traces of different conventions cannot be composed", fix="trace all in one convention")
    leaves = dict.fromkeys(leaf for trace in traces for leaf in (*trace.sources, *trace.ends))
    handed_on = frozenset[Leaf]() if cut_tokens else _handed_on(traces)
    cut = frozenset(
        leaf for leaf in leaves if leaf not in handed_on and (is_token_name(leaf[0]) or leaf[0] in interpretable)
    )
    _check(traces, cut)
    kept = [leaf for leaf in leaves if leaf in handed_on or not is_token_name(leaf[0])]
    variables = {leaf: index for index, leaf in enumerate([_CUT, _DEEPEST, *kept])}
    runs = [_Run(trace, variables, cut) for trace in traces]
    begin_V = np.full(len(variables), -np.inf)
    begin_V[[variables[leaf] for leaf in (_CUT, *handed_on)]] = 0
    depth, path = _longest(runs, begin_V, [trace.segment.repeat[1] for trace in traces])
    fewest, _ = _longest(runs, begin_V, [trace.segment.repeat[0] for trace in traces])
    seen = {operation for trace in traces for operation in trace.graph.operations}
    return DepthResult(
        depth=depth,
        depth_at_fewest_repeats=fewest,
        convention=traces[0].convention,
        interpretable=tuple(sorted(interpretable)),
        path=path,
        segments=tuple(SegmentDepth(segment=t.segment.name, gates=t.depth, repeat=t.segment.repeat) for t in traces),
        tokens_cut=cut_tokens,
        notes=tuple(dict.fromkeys(note for operation, note in _BOUNDS.items() if operation in seen)),
    )


def _handed_on(traces: Sequence[Trace]) -> frozenset[Leaf]:
    """Tokens that some segment puts out and some segment takes in."""
    put_out = {leaf for trace in traces for leaf in trace.ends}
    return frozenset(leaf for trace in traces for leaf in trace.sources if leaf in put_out and is_token_name(leaf[0]))


def _ways(trace: Trace, variables: dict[Leaf, int], cut: frozenset[Leaf]) -> dict[tuple[int, int], _Way]:
    ways: dict[tuple[int, int], _Way] = {}
    for end, node in trace.ends.items():
        depths = trace.graph[node].depths if node is not None else {}
        for source, origin in trace.sources.items():
            if origin in depths:
                before = variables.get(source, variables[_CUT])
                after = variables[_DEEPEST if end in cut else end]
                known = ways.get((before, after))
                if known is None or known.gates < depths[origin]:
                    ways[before, after] = _Way(source=source, end=end, gates=depths[origin])
    return ways


def _longest(
    runs: Sequence[_Run], begin_V: NDArray[np.float64], repeats: Sequence[int]
) -> tuple[int, tuple[PathStep, ...]]:
    """Runs everything forward, then follows the longest path back."""
    x_V = begin_V
    history = []
    for run, times in zip(runs, repeats, strict=True):
        for chain in run.chain.factors(times):
            history.append((run, chain, x_V))
            x_V = (x_V[:, None] + chain.A_VV).max(0)
    here = int(np.argmax(x_V))
    depth = int(x_V[here])
    steps: list[PathStep] = []
    for run, chain, x_V in reversed(history):
        before = int(np.argmax(x_V + chain.A_VV[:, here]))
        steps += _steps(run, chain.steps(before, here))
        here = before
    return depth, _merged(steps[::-1])


def _steps(run: _Run, counted: Steps) -> list[PathStep]:
    steps = []
    for (_, before, after), times in counted.items():
        way = run.ways.get((before, after))
        if way is None or not way.gates:
            continue
        graph, end = run.trace.graph, run.trace.ends[way.end]
        assert end is not None  # a way only leads to a value that an input reaches
        operations = tuple(graph.critical_path(run.trace.sources[way.source], end))[::-1]
        steps.append(
            PathStep(
                segment=run.trace.segment.name,
                source="".join(way.source),
                end="".join(way.end),
                times=times,
                gates=way.gates,
                operations=operations,
            )
        )
    return steps


def _merged(steps: list[PathStep]) -> tuple[PathStep, ...]:
    merged: dict[tuple[str, str, str], PathStep] = {}
    for step in steps:
        key = step.segment, step.source, step.end
        times = step.times + (merged[key].times if key in merged else 0)
        merged[key] = PathStep(
            segment=step.segment,
            source=step.source,
            end=step.end,
            times=times,
            gates=step.gates,
            operations=step.operations,
        )
    return tuple(merged.values())


def _check(traces: Sequence[Trace], cut: frozenset[Leaf]) -> None:
    put_out: dict[str, set[Leaf]] = {}
    for trace in traces:
        for leaf in trace.ends:
            put_out.setdefault(leaf[0], set()).add(leaf)
    for trace in traces:
        for leaf in trace.sources:
            known = put_out.get(leaf[0])
            if known is not None and leaf not in known and leaf not in cut:
                raise UsageError(
                    f"it takes in {''.join(leaf)}, and no segment puts that tensor out under the name {leaf[0]}",
                    where=f"segment {trace.segment.name!r}",
                    fix="give the name the same structure in all segments",
                )
