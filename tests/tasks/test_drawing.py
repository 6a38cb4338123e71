"""The first problems of a stream: all different, in its order, or a refusal."""

from __future__ import annotations

import itertools

import pytest

from monitorbench.errors import UsageError
from monitorbench.tasks.base import Problem
from monitorbench.tasks.drawing import MOST_DRAWS, first_different


def problem(name: int) -> Problem:
    return Problem(id=str(name), prompt="", target="", answer="")


def test_problems_come_in_the_order_of_the_stream_and_once_each() -> None:
    stream = map(problem, (3, 1, 3, 3, 2, 4))
    assert [each.id for each in first_different(stream, 3, of="it", fix="ask for less")] == ["3", "1", "2"]


def test_a_stream_that_repeats_itself_is_given_up() -> None:
    drawn = itertools.count()
    stream = (problem(next(drawn) % 2) for _ in itertools.count())
    with pytest.raises(UsageError, match="the small split does not hold 3 different problems; ask for less"):
        first_different(stream, 3, of="the small split", fix="ask for less")
    assert next(drawn) == 3 * MOST_DRAWS
