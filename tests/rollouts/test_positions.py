"""Which tokens spell a word, for tokenizers that cut words in any way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.rollouts.positions import outcome_positions, word_positions
from monitorbench.tasks.base import Outcome


class Pieces:
    """As much of an adapter as positions need: token i is the i-th piece of text."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(self.pieces[token] for token in tokens)


def positions(pieces: Sequence[str], words: Sequence[int]) -> list[tuple[int, ...]]:
    adapter: Any = Pieces(*pieces)
    return word_positions(adapter, range(len(pieces)), words)


def test_a_word_is_every_token_that_spells_a_part_of_it() -> None:
    assert positions(["ans", "wer", " 4", "2", "\n"], [0, 1]) == [(0, 1), (2, 3)]


def test_a_token_may_hold_several_words_and_may_spell_nothing() -> None:
    assert positions(["a 1", "", "7 b"], [0, 1, 2]) == [(0,), (0, 2), (2,)]


def test_a_word_that_only_the_token_of_a_stop_string_spelt_has_no_tokens() -> None:
    assert positions(["a", " 1"], [1, 2]) == [(1,), ()]
    adapter: Any = Pieces("a", " 1")
    outcome = Outcome(status="correct", answer="7", value_words={"a": 1, "b": 2}, answer_word=2)
    assert outcome_positions(adapter, range(2), outcome) == ({"a": (1,)}, ())


def test_no_words_need_no_tokens() -> None:
    assert positions(["a"], []) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(" ab1\n", max_size=3), max_size=8))
def test_every_word_is_spelt_by_its_tokens(pieces: list[str]) -> None:
    words = "".join(pieces).split()
    for word, tokens in zip(words, positions(pieces, range(len(words))), strict=True):
        assert word in "".join(pieces[token] for token in tokens)


def test_values_and_answer_of_an_outcome() -> None:
    adapter: Any = Pieces("a", " 1", "7", " answer", " 1", "7")
    outcome = Outcome(status="correct", answer="17", value_words={"a": 1}, answer_word=3)
    assert outcome_positions(adapter, range(6), outcome) == ({"a": (1, 2)}, (4, 5))
    assert outcome_positions(adapter, range(6), Outcome(status="unparsable", answer=None)) == ({}, ())
