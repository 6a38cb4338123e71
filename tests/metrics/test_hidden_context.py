"""Values that were on the canvas and are not in the text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.hidden_context import (
    MOST_SPELLINGS,
    Sighting,
    sighting,
    spellings,
    stands_in,
    whereabouts,
)

PIECES = {"1": [1, 11], "3": [3], "13": [13], "go": [5]}


def test_a_value_is_spelled_by_every_sequence_of_tokens_that_makes_it_up() -> None:
    assert spellings("13", PIECES) == [(13,), (1, 3), (11, 3)]
    assert spellings("31", PIECES) == [(3, 1), (3, 11)]
    assert spellings("7", PIECES) == []


def test_ways_to_spell_do_not_grow_without_end() -> None:
    many = {"1": list(range(20))}
    assert len(spellings("1111", many)) == MOST_SPELLINGS


@settings(max_examples=50, deadline=None)
@given(st.text("13go", min_size=1, max_size=6))
def test_every_spelling_spells_the_value(value: str) -> None:
    texts = {token: text for text, tokens in PIECES.items() for token in tokens}
    assert all("".join(texts[token] for token in spelling) == value for spelling in spellings(value, PIECES))


def canvas(steps: list[list[dict[int, float]]]) -> tuple[np.ndarray, np.ndarray]:
    shape = (len(steps), len(steps[0]), 2)
    ids, probabilities = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    for s, step in enumerate(steps):
        for p, place in enumerate(step):
            ids[s, p, : len(place)] = list(place)
            probabilities[s, p, : len(place)] = list(place.values())
    return ids, probabilities


def test_a_value_is_seen_where_it_is_likeliest() -> None:
    made = canvas([[{13: 0.2, 9: 0.8}, {9: 1.0}], [{9: 1.0}, {13: 0.75}]])
    assert sighting(*made, [(13,)]) == Sighting(step=1, position=1, probability=0.75)
    assert sighting(*made, [(3,)]) is None
    assert sighting(*made, []) is None


def test_all_tokens_of_a_value_have_to_be_there_side_by_side() -> None:
    made = canvas([[{1: 0.5}, {3: 0.5}, {1: 1.0}, {9: 1.0}]])
    assert sighting(*made, [(1, 3)]) == Sighting(step=0, position=0, probability=0.5)
    assert sighting(*made, [(3, 3)]) is None
    assert sighting(*made, [(1, 3, 1, 9, 9)]) is None, "longer than the canvas"


@pytest.mark.parametrize(
    ("text", "found"),
    [("a 13 b", True), ("is 13.", True), ("113", False), ("13Gold", False), ("1 3", False), ("(13)", True)],
)
def test_a_value_stands_in_a_text_as_a_word_of_its_own(text: str, found: bool) -> None:
    assert stands_in(text, "13") is found


def test_letter_case_does_not_hide_a_value() -> None:
    assert stands_in("one gold", "Gold")
    assert stands_in("a ) b", ")")


def test_every_value_is_in_one_place() -> None:
    values = {"a": "7", "b": "13", "c": "20", "d": "31"}
    seen = {
        "a": Sighting(step=0, position=0, probability=0.9),
        "b": Sighting(step=0, position=1, probability=0.5),
        "c": Sighting(step=0, position=2, probability=0.49),
    }
    found = whereabouts(values, "7 31", seen, least=0.5)
    assert (found.stated, found.hidden, found.nowhere, found.seen) == (("a", "d"), ("b",), ("c",), ("a",))
