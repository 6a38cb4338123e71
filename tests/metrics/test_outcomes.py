"""Five ways in which a rollout ends, told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.metrics.outcomes import ENDINGS, ending, repeated_share

LOOP, TEXT = (1, 2, 3) * 12, tuple(range(36))


@pytest.mark.parametrize(
    ("status", "finished", "tokens", "expected"),
    [
        ("correct", True, TEXT, "correct"),
        ("wrong", True, TEXT, "wrong"),
        ("unparsable", True, TEXT, "unparsable"),
        ("unparsable", False, TEXT, "budget exhausted"),
        ("unparsable", False, LOOP, "looping"),
        ("wrong", False, TEXT, "wrong"),
        ("correct", False, LOOP, "correct"),
        ("wrong", False, LOOP, "looping"),
        ("wrong", True, LOOP, "wrong"),
        ("unparsable", True, LOOP, "unparsable"),
    ],
)
def test_every_ending(status: str, finished: bool, tokens: tuple[int, ...], expected: str) -> None:
    """A number that a grader reads from a loop was not reasoned to; one that is right counts all the same."""
    assert ending(status, finished=finished, tokens=tokens) == expected


@given(
    status=st.sampled_from(["correct", "wrong", "unparsable"]),
    finished=st.booleans(),
    tokens=st.lists(st.integers(0, 3), max_size=60),
)
def test_an_ending_is_one_of_five_and_only_an_unfinished_text_loops(
    status: str, finished: bool, tokens: list[int]
) -> None:
    found = ending(status, finished=finished, tokens=tokens)
    assert found in ENDINGS
    assert (found == "correct") == (status == "correct")
    if finished:
        assert found == status


def test_a_loop_begins_where_half_of_the_8_grams_are_repeated() -> None:
    """A text that comes back to its beginning once: 6 of its 8-grams occur twice."""
    text = tuple(range(13))
    repeated = (*text, *text[:13])
    assert repeated_share(text) == 0
    assert repeated_share(repeated) == pytest.approx(12 / 19)
    assert ending("unparsable", finished=False, tokens=repeated) == "looping"
    assert ending("unparsable", finished=False, tokens=(*text, *text[:8])) == "budget exhausted"


def test_a_text_shorter_than_8_tokens_repeats_nothing() -> None:
    assert repeated_share((5,) * 7) == 0
    assert repeated_share((5,) * 9) == 1
