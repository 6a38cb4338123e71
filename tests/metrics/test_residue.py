"""Tokens that were sure for two steps or more and that the final text knows nothing of."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitorbench.metrics.residue import Held, confident_residue


def found(tokens: list[int], probabilities: list[float], classes: list[int]) -> list[Any]:
    """One position, of which only the most probable token is given, step by step."""
    shape = (len(tokens), 1, 1)
    return list(
        confident_residue(
            np.array(tokens, np.int32).reshape(shape),
            np.array(probabilities, np.float32).reshape(shape),
            np.array(classes, np.int8).reshape(shape),
        )
    )


def test_a_sure_token_that_leaves_no_trace_is_listed_with_its_longest_probability() -> None:
    assert found([7, 7, 7, 3], [0.5, 0.75, 0.5, 0.9], [5, 5, 5, 1]) == [
        Held(step=0, steps=3, position=0, token=7, probability=0.75)
    ]


def test_one_step_is_a_passing_thought() -> None:
    assert found([7, 3, 7, 3], [0.9] * 4, [5, 1, 5, 1]) == []
    assert found([7, 8, 7, 8], [0.9] * 4, [5] * 4) == [], "each of them for one step only"


def test_an_unsure_or_a_readable_token_is_no_residue() -> None:
    assert found([7, 7], [0.49, 0.6], [5, 5]) == []
    assert found([7, 7], [0.9, 0.9], [4, 4]) == []


def test_two_stretches_at_one_position_are_two() -> None:
    held = found([7, 7, 3, 8, 8], [0.9] * 5, [5, 5, 1, 5, 5])
    assert [(each.step, each.token) for each in held] == [(0, 7), (3, 8)]
