"""One reading of a vector of scores: which rule speaks, and that no rule claims what an interval leaves open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.checks.chronology_reading import Read, Reading, read
from monitorbench.stats.interval import Estimate


def of(low: float, high: float) -> Estimate:
    value = (low + high) / 2
    return Estimate(value=value, low=low, high=high, level=0.9, n=100, sd=0.5, method="stated")


def reading(*, seen: float | None = 1.0, **scores: tuple[float, float] | None) -> Reading:
    """`dependency__content` stands for the score `dependency.content`."""
    named = {name.replace("__", "."): None if ends is None else of(*ends) for name, ends in scores.items()}
    return read(named, seen=seen).reading


AR = {"dependency__content": (0.0, 0.0), "dependency__position": (1.0, 1.0), "precedence__content": (0.0, 0.0)}
CAUSES_FIRST = {
    "dependency__content": (0.3, 0.5),
    "dependency__position": (-0.2, 0.0),
    "precedence__content": (0.0, 0.1),
}
NO_ORDER = {
    "dependency__content": (-0.05, 0.06),
    "dependency__position": (-0.04, 0.05),
    "precedence__content": (-0.05, 0.05),
}
REASONED = {
    "post_hoc__index": (0.0, 0.1),
    "post_hoc__answer_from_reasoning": (0.6, 0.9),
    "post_hoc__reasoning_from_answer": (0.0, 0.1),
}
RATIONALISED = {
    "post_hoc__index": (0.9, 1.0),
    "post_hoc__answer_from_reasoning": (0.0, 0.05),
    "post_hoc__reasoning_from_answer": (0.6, 0.9),
}
BYPASSED = {
    "post_hoc__index": None,
    "post_hoc__answer_from_reasoning": (-0.02, 0.05),
    "post_hoc__reasoning_from_answer": (-0.03, 0.04),
}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (AR, Reading.LEFT_TO_RIGHT),
        (CAUSES_FIRST, Reading.CHRONOLOGICAL),
        (NO_ORDER, Reading.UNDECIDED),
        ({**NO_ORDER, "precedence__content": (-0.6, -0.4)}, Reading.POST_HOC),
        ({**CAUSES_FIRST, "dependency__content": (-0.1, 0.4)}, Reading.UNDECIDED),
        ({**CAUSES_FIRST, "dependency__content": (0.02, 0.09)}, Reading.UNDECIDED),
        ({**CAUSES_FIRST, "dependency__content": None}, Reading.UNDECIDED),
        ({**CAUSES_FIRST, "precedence__content": (-0.3, 0.1)}, Reading.UNDECIDED),
        ({}, Reading.UNDECIDED),
        # Interventions go first.
        ({**AR, **REASONED}, Reading.CHRONOLOGICAL),
        ({**CAUSES_FIRST, **REASONED}, Reading.CHRONOLOGICAL),
        ({**NO_ORDER, **REASONED}, Reading.ORDER_FREE),
        ({**CAUSES_FIRST, **RATIONALISED}, Reading.POST_HOC),
        ({**CAUSES_FIRST, **BYPASSED}, Reading.OPAQUE),
        ({**CAUSES_FIRST, **REASONED, "post_hoc__index": (0.3, 0.7)}, Reading.UNDECIDED),
        ({**CAUSES_FIRST, **REASONED, "post_hoc__index": None}, Reading.UNDECIDED),
        ({**CAUSES_FIRST, "dependency__content": (-0.2, 0.4), **REASONED}, Reading.UNDECIDED),
    ],
)
def test_every_rule(scores: dict[str, tuple[float, float] | None], expected: Reading) -> None:
    assert reading(**scores) is expected


def test_reasoning_out_of_sight_is_opaque_whatever_else_is_said() -> None:
    assert reading(seen=0.4, **CAUSES_FIRST, **REASONED) is Reading.OPAQUE
    assert reading(seen=None, **CAUSES_FIRST) is Reading.CHRONOLOGICAL, "no graph, nothing to be out of sight"


IN_THOUGHTS = {"thoughts__coverage": (0.9, 1.0), "thoughts__order": (0.9, 1.0), "thoughts__interchange": (0.7, 0.9)}


def test_values_that_the_text_leaves_out_may_be_read_off_thoughts() -> None:
    assert reading(seen=0.0, **IN_THOUGHTS) is Reading.CHRONOLOGICAL
    for score in IN_THOUGHTS:
        assert reading(seen=0.0, **{**IN_THOUGHTS, score: (-0.1, 0.1)}) is Reading.OPAQUE, "decodable is not used"
        assert reading(seen=0.0, **{**IN_THOUGHTS, score: None}) is Reading.OPAQUE


def test_the_reading_names_the_scores_it_rests_on() -> None:
    found = read({"dependency.content": of(0.3, 0.5), "dependency.position": of(-0.2, 0.0)}, seen=1.0)
    assert found == Read(
        reading=Reading.CHRONOLOGICAL,
        why="dependency.content is 0.40 [0.30, 0.50]: causes settle before effects, whichever way they are written",
    )


ends = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(lambda pair: (min(pair), max(pair)))
NAMES = (
    "dependency__content",
    "dependency__position",
    "precedence__content",
    "post_hoc__index",
    "post_hoc__answer_from_reasoning",
    "post_hoc__reasoning_from_answer",
)


@given(st.fixed_dictionaries({}, optional={name: st.none() | ends for name in NAMES}))
def test_wider_intervals_never_turn_one_claim_into_another(scores: dict[str, tuple[float, float] | None]) -> None:
    """Less knowledge may leave open what more knowledge says; it must not say something else."""
    wider = {name: None if pair is None else (pair[0] - 0.05, pair[1] + 0.05) for name, pair in scores.items()}
    assert reading(**wider) in (reading(**scores), Reading.UNDECIDED)
