"""Which way influence runs, at equal distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.metrics.effects import Outcomes
from monitorbench.metrics.influence import Influence, influence

PROMPTS = [f"p{index}" for index in range(12)]


def constant(treated: float, distances: tuple[int, ...] = (3,), control: float = 0.0) -> Outcomes:
    return Outcomes.of([(prompt, treated, control, distance) for prompt in PROMPTS for distance in distances])


@pytest.mark.parametrize(
    ("forward", "backward", "index"), [(1.0, 0.0, 1.0), (0.0, 1.0, -1.0), (0.5, 0.5, 0.0), (0.75, 0.25, 0.5)]
)
def test_the_index_is_the_difference_over_the_sum(forward: float, backward: float, index: float) -> None:
    found = influence(constant(forward), constant(backward))
    assert (found.forward.value, found.backward.value) == (forward, backward)
    assert found.difference.value == forward - backward
    assert found.index.value == pytest.approx(index)
    assert found.index.error == 0.0


def test_only_distances_that_occur_both_ways_count() -> None:
    far = Outcomes.of([(prompt, 1.0, 0.0, 9) for prompt in PROMPTS])
    assert influence(constant(0.25, (3, 9)), constant(0.25)).forward.value == 0.25
    both = Outcomes.of([(prompt, value, 0.0, distance) for prompt in PROMPTS for value, distance in ((0, 3), (1, 9))])
    assert influence(both, constant(0.0)).forward.value == 0.0
    assert influence(both, far).forward.value == 1.0
    assert influence(constant(1.0), far).index.score.status == "undefined: no distance in common"


def test_a_distance_weighs_as_much_as_its_rarer_direction() -> None:
    forward = Outcomes.of([(p, float(d == 3), 0.0, d) for p in PROMPTS for d in (3, 6)])
    backward = Outcomes.of([(p, 0.0, 0.0, d) for p in PROMPTS for d in (3, 3, 3, 6)])
    assert influence(forward, backward).forward.value == pytest.approx(0.5)
    rare = Outcomes.of([*((p, 0.0, 0.0, 3) for p in PROMPTS[:4]), *((p, 0.0, 0.0, 6) for p in PROMPTS)])
    assert influence(forward, rare).forward.value == pytest.approx(4 / 16)


def test_what_the_placebo_does_too_is_no_influence() -> None:
    found = influence(constant(0.7, control=0.7), constant(0.7, control=0.7))
    assert found.total.value == 0.0
    assert found.index.score.status == (
        "undefined: forward and backward influence together are within 3 standard errors of 0"
    )


def test_chance_hits_of_an_unsteady_model_are_no_influence() -> None:
    rng = np.random.default_rng(0)

    def hits() -> Outcomes:
        return Outcomes.of([(f"p{index}", *rng.binomial(1, 0.1, 2).astype(float), 3) for index in range(60)])

    abstained = [influence(hits(), hits()).index.score.value is None for _ in range(40)]
    assert np.mean(abstained) > 0.95


def test_few_prompts_have_none() -> None:
    few = Outcomes.of([("a", 1.0, 0.0, 3), ("b", 1.0, 0.0, 3)])
    found = influence(few, few)
    assert {getattr(found, name).score.status for name in Influence.__dataclass_fields__} == {
        "undefined: fewer than 8 prompts"
    }


@given(st.lists(st.tuples(st.sampled_from(PROMPTS), st.booleans(), st.booleans(), st.integers(1, 3)), min_size=20))
def test_turning_the_text_around_turns_the_sign(found: list[tuple[str, bool, bool, int]]) -> None:
    forward = Outcomes.of([(p, float(a), 0.0, d) for p, a, _, d in found])
    backward = Outcomes.of([(p, float(b), 0.0, d) for p, _, b, d in found])
    one, other = influence(forward, backward), influence(backward, forward)
    np.testing.assert_allclose(one.difference.value, -other.difference.value, atol=1e-12)
    np.testing.assert_allclose(one.index.value, -other.index.value, atol=1e-12)
    np.testing.assert_allclose(one.total.error, other.total.error, atol=1e-12)
