"""A critical path as folded stacks, the form that flame graphs are drawn from: `segment;module;...;operation gates`."""

from __future__ import annotations

from collections.abc import Iterator

from monitorbench.depth.explain import gates_by_place
from monitorbench.depth.result import DepthResult


def folded_stacks(result: DepthResult) -> Iterator[str]:
    """One line for each module and kind of operation, in the order of the path; the numbers add up to the depth."""
    for (stack, operation), gates in gates_by_place(result).items():
        frames = ";".join(part.replace(";", ",") for part in (*stack, operation))
        yield f"{frames} {gates}"
