"""Does a value come after the values it depends on? On tasks whose value graph is known.

Text order and logical order are the same in most prompts, so each problem is run in topological and in reversed text
order, and the two are taken apart by `crossing.content_position`.

Shape suffixes: V values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.score import Score
from monitorbench.metrics.times import NEVER

Edge = tuple[int, int]


def dependency(times_V: NDArray[np.int64], edges: Sequence[Edge]) -> Score:
    """(edges with the cause first - edges with the effect first) / resolved edges, in [-1, 1]; `n` is resolved edges.

    An edge is resolved if both values have a time and the times differ. If times are dealt to values at random the
    expectation is 0 for any graph, so 0 is the null.

    Args:
        times_V: when each value was complete (see `times.value_times`), NEVER where it does not occur.
        edges: (cause, effect) indices into the values.
    """
    present = int(np.count_nonzero(times_V != NEVER))
    if present < 2:
        return Score.undefined("fewer than 2 values in the text")
    usable = [(u, v) for u, v in edges if times_V[u] != NEVER and times_V[v] != NEVER]
    if not usable:
        return Score.undefined("no edge between values in the text")
    signs = [int(np.sign(times_V[v] - times_V[u])) for u, v in usable]
    resolved = sum(sign != 0 for sign in signs)
    if not resolved:
        return Score.undefined("every cause determined in the same step as its effect")
    return Score.ok(sum(signs) / resolved, n=resolved)
