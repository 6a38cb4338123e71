"""Effects are differences over prompts, with errors of the jackknife over prompts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.metrics.effects import Outcomes, effect, is_large, jackknife, prompt_mean

rows = st.lists(
    st.tuples(st.sampled_from("abcdefghijkl"), st.floats(0, 1), st.floats(0, 1), st.just(1)), min_size=1, max_size=40
)


def outcomes(treated: list[float], control: float = 0.0) -> Outcomes:
    """One of each prompt."""
    return Outcomes.of([(f"p{index:03}", value, control, 1) for index, value in enumerate(treated)])


def test_the_error_of_a_mean_is_that_of_the_textbook() -> None:
    found = effect(outcomes([1.0] * 6 + [0.0] * 4, control=0.1))
    assert found.value == pytest.approx(0.5)
    assert found.error == pytest.approx(np.std([1] * 6 + [0] * 4, ddof=1) / np.sqrt(10))
    assert found.score.n == 10


def test_few_prompts_have_no_effect_that_could_be_judged() -> None:
    found = effect(outcomes([1.0] * 7))
    assert found.score.status == "undefined: fewer than 8 prompts"
    assert np.isnan(found.value)


def test_rollouts_of_a_prompt_count_as_one() -> None:
    many = Outcomes.of([("a", 1.0, 0.0, 1)] * 50 + [(name, 0.0, 0.0, 1) for name in "bcdefghi"])
    assert effect(many).value == pytest.approx(1 / 9)


@given(found=rows, seed=st.integers(0, 100))
def test_the_order_of_outcomes_is_of_no_account(found: list[tuple[str, float, float, int]], seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(len(found))
    one, other = effect(Outcomes.of(found)), effect(Outcomes.of([found[place] for place in shuffled]))
    assert one.score.status == other.score.status
    np.testing.assert_allclose((one.value, one.error), (other.value, other.error), atol=1e-12)


@given(found=rows)
def test_treated_and_control_change_places_by_a_sign(found: list[tuple[str, float, float, int]]) -> None:
    turned = effect(Outcomes.of([(prompt, b, a, distance) for prompt, a, b, distance in found]))
    np.testing.assert_allclose(effect(Outcomes.of(found)).value, -turned.value)


def test_figures_without_a_prompt_are_left_out_one_by_one() -> None:
    values_N = np.array([0.0, 1.0, 1.0])
    (mean,), (error,), count = jackknife(["a", "b", "b"], lambda keep_N: np.array([values_N[keep_N].mean()]))
    assert (mean, count) == (pytest.approx(2 / 3), 2)
    assert error == pytest.approx(0.5)


def test_a_mean_of_nothing_is_none() -> None:
    assert np.isnan(prompt_mean(np.array([1.0]), ["a"], np.array([False])))


def test_a_sum_has_to_be_above_three_of_its_errors_and_above_nothing() -> None:
    assert is_large(0.31, 0.1)
    assert not is_large(0.29, 0.1)
    assert not is_large(0.0, 0.0)
    assert not is_large(-1.0, 0.0)
