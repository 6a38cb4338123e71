"""Why a depth is what it is: the critical path as a list, and as a tree by module with its gates by operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from monitorbench.depth.result import DepthResult

Stack: TypeAlias = tuple[str, ...]
"""A segment, then the parts of a module's path in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """What the critical path does in one place: in all, in a segment, in a module.

    Attributes:
        name: last part of the place's path.
        gates: all that the path adds here, branches and repeats included.
        operations: gates of the place itself, without its branches, by kind of operation, most first.
        branches: places inside, in the order in which the path first reaches them.
    """

    name: str
    gates: int
    operations: Mapping[str, int]
    branches: tuple[Branch, ...]


def gates_by_place(result: DepthResult) -> Counter[tuple[Stack, str]]:
    """Gates of the critical path by place and kind of operation, repeats included, in the order of the path."""
    counted: Counter[tuple[Stack, str]] = Counter()
    for step in result.path:
        for operation in step.operations:
            parts = operation.module.split(".") if operation.module else []
            counted[(step.segment, *parts), operation.operation] += step.times * operation.gates
    return counted


def tree(result: DepthResult) -> Branch:
    """The critical path by module."""
    return _branch(result.model or "depth", list(gates_by_place(result).items()))


def path_lines(result: DepthResult) -> Iterator[str]:
    """The critical path, one line for each operation: gates so far within the run, gates added, module, operation."""
    for step in result.path:
        times = f"{step.times:,} x {step.gates:,}" if step.times > 1 else f"{step.gates:,}"
        yield f"{step.segment}: {times} gates from {step.source} to {step.end}"
        total = 0
        for operation in step.operations:
            total += operation.gates
            yield f"{total:>8,} {operation.gates:>+5,}  {operation.module or '-'}  {operation.operation}"


def tree_lines(result: DepthResult) -> Iterator[str]:
    """The critical path by module, as indented lines; numbered modules in which it does the same share one line."""
    yield from _lines(tree(result), times=1, name="", depth=0)


def as_json(result: DepthResult) -> dict[str, Any]:
    """List and tree as what JSON can hold."""
    return {
        "path": [
            {
                "segment": step.segment,
                "source": step.source,
                "end": step.end,
                "times": step.times,
                "gates": step.gates,
                "operations": [
                    {"module": operation.module, "operation": operation.operation, "gates": operation.gates}
                    for operation in step.operations
                ],
            }
            for step in result.path
        ],
        "tree": _branch_as_json(tree(result)),
    }


def condensed(result: DepthResult) -> dict[str, Any]:
    """The tree as what JSON can hold, in little space: numbered modules that do the same share one branch.

    The gates of a branch are those of all of its `times` modules together; those of its branches are of one module.
    """
    return _condensed(tree(result), times=1, name="")


def _branch(name: str, places: Sequence[tuple[tuple[Stack, str], int]]) -> Branch:
    own: Counter[str] = Counter()
    inner: dict[str, list[tuple[tuple[Stack, str], int]]] = {}
    for (stack, operation), gates in places:
        if stack:
            inner.setdefault(stack[0], []).append(((stack[1:], operation), gates))
        else:
            own[operation] += gates
    return Branch(
        name=name,
        gates=sum(gates for _, gates in places),
        operations=dict(own.most_common()),
        branches=tuple(_branch(part, inside) for part, inside in inner.items()),
    )


def _lines(branch: Branch, *, times: int, name: str, depth: int) -> Iterator[str]:
    gates = f"{times} x {branch.gates:,} = {times * branch.gates:,}" if times > 1 else f"{branch.gates:,}"
    kinds = ", ".join(f"{operation} {count:,}" for operation, count in branch.operations.items())
    yield f"{'  ' * depth}{name or branch.name} {gates}{f': {kinds}' if kinds else ''}"
    for alike in _alike(branch.branches):
        yield from _lines(alike[0], times=len(alike), name=_names(alike), depth=depth + 1)


def _condensed(branch: Branch, *, times: int, name: str) -> dict[str, Any]:
    return {
        "name": name or branch.name,
        "times": times,
        "gates": times * branch.gates,
        "operations": dict(branch.operations),
        "branches": [_condensed(alike[0], times=len(alike), name=_names(alike)) for alike in _alike(branch.branches)],
    }


def _alike(branches: Sequence[Branch]) -> list[list[Branch]]:
    """Branches grouped: numbered ones that hold the same, every other by itself."""
    groups: dict[object, list[Branch]] = {}
    for branch in branches:
        groups.setdefault(_content(branch) if branch.name.isdecimal() else branch.name, []).append(branch)
    return list(groups.values())


def _content(branch: Branch) -> tuple[object, ...]:
    inner = tuple((part.name, _content(part)) for part in branch.branches)
    return tuple(branch.operations.items()), inner


def _names(alike: Sequence[Branch]) -> str:
    return _ranges([part.name for part in alike]) if len(alike) > 1 else alike[0].name


def _ranges(names: Sequence[str]) -> str:
    """Numbers with runs shortened: 0-4, 6-10."""
    runs: list[list[int]] = []
    for number in sorted(map(int, names)):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _branch_as_json(branch: Branch) -> dict[str, Any]:
    return {
        "name": branch.name,
        "gates": branch.gates,
        "operations": dict(branch.operations),
        "branches": [_branch_as_json(part) for part in branch.branches],
    }
