"""Which rows run together: every row once, one shape for all batches, and no row beside its own prompt when mixed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.adapters.batches import bucket_width
from monitorbench.errors import UsageError
from monitorbench.rollouts.batching import Row, RowBatch, batch_rows
from monitorbench.tasks.base import Problem

WIDTHS = (5, 20, 40)


def rows_of(prompts: list[tuple[int, int]]) -> list[Row]:
    """Rows of prompts given as (length in tokens, number of rows)."""
    problems = [Problem(id=str(index), prompt="", target="", answer="") for index in range(len(prompts))]
    return [
        Row(problem=problem, repeat=repeat, tokens=(0,) * length)
        for problem, (length, repeats) in zip(problems, prompts, strict=True)
        for repeat in range(repeats)
    ]


def key(row: Row) -> tuple[str, int]:
    return row.problem.id, row.repeat


def widths_of(batch: RowBatch) -> set[int]:
    return {bucket_width(len(row.tokens)) for row in batch.rows}


def is_mixed(batch: RowBatch) -> bool:
    ids = [row.problem.id for row in batch.rows]
    return all(before != after for before, after in zip([ids[-1], *ids], ids, strict=False))


prompts = st.lists(st.tuples(st.sampled_from(WIDTHS), st.integers(1, 5)), min_size=1, max_size=7)
even_prompts = st.tuples(st.lists(st.sampled_from(WIDTHS), min_size=1, max_size=7), st.integers(1, 5)).map(
    lambda drawn: [(length, drawn[1]) for length in drawn[0]]
)


@settings(max_examples=100, deadline=None)
@given(prompts, st.integers(1, 9), st.booleans())
def test_every_row_is_kept_once_in_batches_of_one_size(
    counts: list[tuple[int, int]], batch_size: int, mixes_rows: bool
) -> None:
    rows = rows_of(counts)
    try:
        batches = list(batch_rows(rows, batch_size, mixes_rows=mixes_rows))
    except UsageError:
        assert mixes_rows
        assert len(counts) < 2 or batch_size < 2 or (len(counts) == 2 and batch_size % 2)
        return
    assert {len(batch.rows) for batch in batches} == {batch_size}
    assert all(0 < batch.real <= batch_size for batch in batches)
    assert Counter(key(row) for batch in batches for row in batch.rows[: batch.real]) == Counter(map(key, rows))
    assert not mixes_rows or all(map(is_mixed, batches))


@settings(max_examples=50, deadline=None)
@given(prompts, st.integers(1, 9))
def test_a_batch_has_one_width(counts: list[tuple[int, int]], batch_size: int) -> None:
    assert all(len(widths_of(batch)) == 1 for batch in batch_rows(rows_of(counts), batch_size, mixes_rows=False))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.just(20), st.integers(1, 5)), min_size=3, max_size=6), st.integers(2, 9))
def test_mixing_stays_inside_a_width_where_it_can(counts: list[tuple[int, int]], batch_size: int) -> None:
    rows = [
        *rows_of(counts),
        Row(problem=Problem(id="wide", prompt="", target="", answer=""), repeat=0, tokens=(0,) * 40),
    ]
    batches = list(batch_rows(rows, batch_size, mixes_rows=True))
    real = [{bucket_width(len(row.tokens)) for row in batch.rows[: batch.real]} for batch in batches]
    assert all(len(widths) == 1 for widths in real)
    assert all(widths_of(batch) == {32} for batch in batches if batch.rows[0].problem.id != "wide")


@pytest.mark.parametrize(
    ("counts", "batch_size"),
    [
        ([(5, 1), (5, 1), (5, 1), (5, 1)], 3),  # a last batch of one row
        ([(5, 2), (5, 2), (5, 2)], 4),  # a batch that closes on the prompt that it opened with
        ([(5, 4), (20, 1)], 4),  # a narrow prompt that is alone in its width
        ([(5, 1), (20, 4)], 4),  # a wide one
        ([(5, 5), (5, 1), (5, 1)], 4),  # one prompt with most of the rows
        ([(5, 3), (5, 3)], 4),  # two prompts, even batches
        ([(5, 3), (5, 3), (20, 1)], 5),  # two of one width and a third elsewhere
    ],
)
def test_rows_are_mixed_wherever_they_can_be(counts: list[tuple[int, int]], batch_size: int) -> None:
    assert all(map(is_mixed, batch_rows(rows_of(counts), batch_size, mixes_rows=True)))


def test_full_batches_are_not_broken_up_for_mixing() -> None:
    batches = list(batch_rows(rows_of([(5, 2)] * 8), 4, mixes_rows=True))
    assert [batch.real for batch in batches] == [4, 4, 4, 4]


@pytest.mark.parametrize(
    ("counts", "batch_size", "message"),
    [
        ([(5, 4)], 4, "needs two prompts in a batch; raise n and batch_size to 2 or more"),
        ([(5, 1), (5, 1)], 1, "needs two prompts in a batch; raise n and batch_size to 2 or more"),
        ([(5, 1), (5, 1)], 3, "cannot deal two prompts to 3 rows; raise n to 3 or more, or use an even batch_size"),
    ],
)
def test_what_cannot_be_mixed_says_why(counts: list[tuple[int, int]], batch_size: int, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(batch_rows(rows_of(counts), batch_size, mixes_rows=True))
    assert str(caught.value) == f"a control that mixes rows {message}"
