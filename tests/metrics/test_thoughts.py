"""What a lens finds in thoughts, against what it would find of any other prompt's values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitorbench.metrics.thoughts import coverage, first_held, said, thought_order
from monitorbench.metrics.times import NEVER


def reading(*thoughts: tuple[int, ...]) -> NDArray[np.int32]:
    return np.array(thoughts, np.int32)


def test_a_value_is_held_by_the_first_thought_that_names_one_of_its_tokens() -> None:
    ids_LK = reading((1, 2), (3, 1), (4, -1))
    assert first_held(ids_LK, [[1], [3, 9], [7, 4], [8], [-1]]).tolist() == [0, 1, 2, NEVER, NEVER]


def test_values_of_ones_own_prompt_alone_are_full_coverage() -> None:
    found = coverage([reading((index,), (50 + index,)) for index in range(10)], [[[index]] for index in range(10)])
    assert (found.share.value, found.chance.value, found.kappa.value) == (1.0, 0.0, 1.0)


def test_a_lens_that_names_the_same_tokens_all_the_time_covers_nothing() -> None:
    found = coverage([reading((1, 2, 3))] * 10, [[[1], [2 + index % 4]] for index in range(10)])
    assert found.share.value == pytest.approx(0.8)
    assert found.kappa.value == pytest.approx(0.0, abs=0.1)
    always = coverage([reading((1,))] * 8, [[[1]]] * 8)
    assert always.kappa.status == "undefined: chance holds all"


def test_few_prompts_have_no_coverage() -> None:
    found = coverage([reading((1,))] * 9, [[[1]]] * 7 + [[]] * 2)
    assert found.kappa.status == "undefined: fewer than 8 prompts with values"
    assert found.kappa.n == 7


def test_order_is_among_the_values_that_are_held() -> None:
    edges = [(0, 1), (1, 2)]
    assert thought_order(reading((1,), (2,), (3,)), [[1], [2], [3]], edges).value == 1.0
    assert thought_order(reading((3,), (2,), (1,)), [[1], [2], [3]], edges).value == -1.0
    assert thought_order(reading((1,), (9,), (2,)), [[1], [2], [3]], edges).value == 1.0
    assert thought_order(reading((1,), (9,)), [[1], [2], [3]], edges).value is None


@given(st.permutations(range(8)))
def test_the_order_of_prompts_is_of_no_account(order: list[int]) -> None:
    readings, values = [reading((index, 3)) for index in range(8)], [[[index], [3]] for index in range(8)]
    one = coverage(readings, values)
    other = coverage([readings[place] for place in order], [values[place] for place in order])
    assert one.kappa.value == pytest.approx(other.kappa.value)


def test_only_what_is_well_above_a_flat_reading_is_said() -> None:
    probabilities_LK = np.array([[0.5, 0.05], [0.051, 0.049]], np.float32)
    assert said(reading((3, 4), (5, 6)), probabilities_LK, vocabulary=40).tolist() == [[3, 4], [5, -1]]


def test_the_error_of_the_coverage_is_that_of_the_mean_where_chance_finds_nothing() -> None:
    found = coverage([reading((index if index % 2 else 99,)) for index in range(20)], [[[i]] for i in range(20)])
    assert found.kappa.value == 0.5
    assert found.error == pytest.approx(np.std([0, 1] * 10, ddof=1) / np.sqrt(20))
