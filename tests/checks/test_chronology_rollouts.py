"""Where answer and reasoning stand in a rollout."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from canvases import canvas, sure

from monitorbench.checks.chronology_rollouts import parts
from monitorbench.metrics.trace import Trace
from monitorbench.rollouts.arm import Rollout


@pytest.mark.parametrize(
    ("values", "reasoning"),
    [
        ({"a": (1,), "b": (3,)}, (1, 2, 3)),
        ({"a": (1,), "b": (3,), "count": (6,)}, (1, 2, 3)),
        ({"count": (6,)}, ()),
        ({}, (0, 1, 2, 3, 4, 5, 7)),
    ],
    ids=["between values", "the answer is no end of it", "nothing but the answer is known", "no value is known"],
)
def test_reasoning_lies_between_the_stated_values(
    make_rollout: Callable[..., Rollout], values: dict[str, tuple[int, ...]], reasoning: tuple[int, ...]
) -> None:
    trace = Trace(blocks=(canvas([sure(range(8))], content=8),))
    found = parts(make_rollout(trace=trace, value_positions=values, answer_positions=(6,)))
    assert found is not None
    assert (found.answer, found.reasoning) == ((6,), reasoning)
