"""Every kept token falls into the first class that fits, worked out by hand and by the definition word for word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.metrics.token_classes import (
    CLASSES,
    OTHER,
    FinalText,
    classify,
    count_classes,
    kept_by_min_p,
    kept_by_top_k,
    may_lack,
    tokens_for,
)

TEXT = FinalText(
    token_T=np.array([10, 20, 30], np.int32), neighbour_TN=np.array([[11, 12], [21, 22], [31, -1]], np.int32)
)
"""Three tokens, each with its neighbours; the last one has a single one."""


def ids(*positions: list[int]) -> Any:
    """One step: the tokens of every position, most probable first."""
    return np.array([positions], np.int32)


def classes(token_SPK: Any, final: FinalText = TEXT, **how: int) -> list[Any]:
    found: list[Any] = classify(token_SPK, token_SPK >= 0, final, **{"window": 1, "neighbours": 2, **how}).tolist()
    return found


def test_the_first_class_that_fits_counts() -> None:
    (step,) = classes(ids([10, 20, 11, 21, 99, 30], [20, 30, 22, 31, 12, -1]))
    assert step == [[1, 2, 3, 4, 5, 5], [1, 2, 3, 4, 4, 0]]


def test_without_a_window_nothing_is_near_by() -> None:
    (step,) = classes(ids([10, 20, 11, 21, 99]), window=0)
    assert step == [[1, 5, 3, 5, 5]]


def test_fewer_neighbours_are_the_nearest_ones() -> None:
    (step,) = classes(ids([11, 12, 21, 22]), neighbours=1)
    assert step == [[3, 5, 4, 5]]


def test_a_later_block_reaches_back_into_the_text_before_it() -> None:
    """A block that starts at text position 2 holds the third token, and a position beyond the end."""
    (step,) = classes(ids([30, 20, 31, 10], [30, 20, 31, 10]), start=2)
    assert step == [[1, 2, 3, 5], [0, 0, 0, 0]]


def test_classes_are_counted_by_step() -> None:
    counts = count_classes(np.array([[[1, 2, 0]], [[5, 5, 1]]], np.int8))
    assert counts.tolist() == [[1, 1, 0, 0, 0], [1, 0, 0, 0, 2]]
    assert len(CLASSES) == OTHER == 5


def test_min_p_keeps_what_is_as_probable_and_the_top_token_where_nothing_is() -> None:
    token_SPK = ids([4, 5, 6], [7, 8, 9], [-1, -1, -1])
    probability_SPK = np.array([[[0.5, 0.1, 0.03], [0.09, 0.08, 0.01], [0, 0, 0]]], np.float32)
    kept_SPK, none_SP = kept_by_min_p(token_SPK, probability_SPK, 0.1)
    assert kept_SPK.tolist() == [[[True, True, False], [True, False, False], [False] * 3]]
    assert none_SP.tolist() == [[False, True, False]]


def test_top_k_keeps_k_of_what_was_read() -> None:
    assert kept_by_top_k(ids([4, 5, 6], [-1, -1, -1]), 2).tolist() == [[[True, True, False], [False] * 3]]


@pytest.mark.parametrize(("min_p", "most"), [(0.03, 33), (0.1, 10), (1 / 49, 49), (0.6, 1), (1.0, 1)])
def test_how_many_tokens_can_be_as_probable(min_p: float, most: int) -> None:
    assert tokens_for(min_p) == most


def test_a_trace_that_keeps_too_few_tokens_is_noticed() -> None:
    probability_SPK = np.array([[[0.5, 0.2], [0.9, 0.05]]], np.float32)
    assert may_lack(probability_SPK, 0.1, 1, vocabulary=100).tolist() == [[True, False]]
    assert not may_lack(probability_SPK, 0.1, 1, vocabulary=2).any(), "there are no more tokens"
    assert not may_lack(probability_SPK, 0.5, 2, vocabulary=100).any(), "no more than two can be as probable"
    assert may_lack(probability_SPK, 0.5, 3, vocabulary=100).all()


small = st.integers(0, 7)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, FinalText, int]:
    length, places, width = draw(st.integers(0, 5)), draw(st.integers(1, 6)), draw(st.integers(0, 3))
    final = [draw(small) for _ in range(length)]
    near = [[draw(st.integers(-1, 7)) for _ in range(width)] for _ in range(length)]
    token = [[[draw(st.integers(-1, 7)) for _ in range(3)] for _ in range(places)] for _ in range(2)]
    text = FinalText(token_T=np.array(final, np.int32), neighbour_TN=np.array(near, np.int32).reshape(length, width))
    return np.array(token, np.int32), text, draw(st.integers(0, 4))


def by_definition(token: int, place: int, text: FinalText, window: int) -> int:
    """The sentence of the paper, one token at a time."""
    final, near = text.token_T.tolist(), text.neighbour_TN.tolist()
    if token < 0 or place >= len(final):
        return 0
    reach = range(max(0, place - window), min(len(final), place + window + 1))
    if token == final[place]:
        return 1
    if any(token == final[other] for other in reach):
        return 2
    if token in near[place]:
        return 3
    return 4 if any(token in near[other] for other in reach) else 5


@given(cases())
def test_the_classes_are_those_of_the_definition(case: tuple[Any, FinalText, int]) -> None:
    token_SPK, text, window = case
    found = classify(token_SPK, token_SPK >= 0, text, window=window, neighbours=9)
    wanted = [
        [[by_definition(token, place, text, window) for token in tokens] for place, tokens in enumerate(step)]
        for step in token_SPK.tolist()
    ]
    assert found.tolist() == wanted


@given(cases())
def test_classes_partition_the_kept_tokens(case: tuple[Any, FinalText, int]) -> None:
    token_SPK, text, window = case
    kept_SPK = token_SPK >= 0
    counts_SC = count_classes(classify(token_SPK, kept_SPK, text, window=window, neighbours=2))
    inside = kept_SPK[:, : text.token_T.size].sum((1, 2))
    assert counts_SC.sum(1).tolist() == inside.tolist()


@given(cases())
def test_a_larger_window_or_more_neighbours_never_make_a_token_other(case: tuple[Any, FinalText, int]) -> None:
    token_SPK, text, window = case

    def others(window: int, neighbours: int) -> int:
        class_SPK = classify(token_SPK, token_SPK >= 0, text, window=window, neighbours=neighbours)
        return int((class_SPK == OTHER).sum())

    assert others(window + 1, 1) <= others(window, 1)
    assert others(window, 3) <= others(window, 1)


@given(cases(), st.permutations(range(3)))
def test_the_order_of_a_positions_tokens_does_not_matter(case: tuple[Any, FinalText, int], order: list[int]) -> None:
    token_SPK, text, window = case
    counts = [
        count_classes(classify(token, token >= 0, text, window=window, neighbours=2)).tolist()
        for token in (token_SPK, token_SPK[..., order])
    ]
    assert counts[0] == counts[1]
