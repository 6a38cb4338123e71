"""From events to plain arrays: what is kept of each row, and of what length."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.adapters.base import Edit, Event, Index
from monitorbench.errors import CheckpointError
from monitorbench.rollouts.tracing import TraceWatcher


def event(
    tokens: list[list[int]], *, block: int = 0, step: int = 0, live: list[bool] | None = None, logits: torch.Tensor
) -> Event:
    tokens_BP = torch.tensor(tokens)
    return Event(
        index=Index(block=block, step=step),
        seeds=range(len(tokens)),
        live=torch.tensor([True] * len(tokens) if live is None else live),
        tokens=tokens_BP,
        committed=tokens_BP > 4,
        logits=logits,
    )


def even(rows: int, positions: int) -> torch.Tensor:
    """Logits of no preference among four tokens: ln 4 nats."""
    return torch.zeros(rows, positions, 4)


def test_each_row_keeps_its_own_steps_until_it_finishes() -> None:
    watcher = TraceWatcher(None, rows=2)
    watcher(event([[5, 1], [6, 6]], step=0, logits=even(2, 2)))
    watcher(event([[5, 7], [0, 0]], step=1, live=[True, False], logits=even(2, 2)))
    (first,), (second,) = (watcher.trace(row, length=2).blocks for row in (0, 1))
    assert first.tokens_SP.tolist() == [[5, 1], [5, 7]]
    assert first.committed_SP.tolist() == [[True, False], [True, True]]
    assert second.tokens_SP.tolist() == [[6, 6]]
    np.testing.assert_allclose(first.entropy_SP, math.log(4), rtol=1e-6)


def test_content_ends_where_the_text_does_over_all_blocks() -> None:
    watcher = TraceWatcher(None, rows=1)
    for block in range(2):
        watcher(event([[5, 6, 7]], block=block, logits=even(1, 3)))
    assert [block.content_P.tolist() for block in watcher.trace(0, length=4).blocks] == [
        [True] * 3,
        [True, False, False],
    ]
    assert [block.content_P.any() for block in watcher.trace(0, length=0).blocks] == [False, False]


def test_growing_text_leaves_later_positions_open_and_keeps_earlier_entropies() -> None:
    watcher = TraceWatcher(None, rows=1)
    sure = torch.tensor([[[100.0, 0, 0, 0]]])
    watcher(event([[5]], step=0, logits=even(1, 1)))
    watcher(event([[5, 6]], step=1, logits=sure))
    (block,) = watcher.trace(0, length=2).blocks
    assert block.tokens_SP.tolist() == [[5, -1], [5, 6]]
    np.testing.assert_allclose(block.entropy_SP, [[math.log(4), np.nan], [math.log(4), 0]], atol=1e-6)


def test_the_likeliest_tokens_of_every_prediction_are_kept_as_halves() -> None:
    watcher = TraceWatcher(None, rows=1)
    chances = torch.tensor([0.1, 0.05, 0.3, 0.55])
    watcher(event([[5]], step=0, logits=chances.log().reshape(1, 1, 4)))
    watcher(event([[5, 6]], step=1, logits=even(1, 1)))
    (block,) = watcher.trace(0, length=2).blocks
    assert block.top_ids_SPK is not None
    assert block.top_probabilities_SPK is not None
    assert block.top_ids_SPK.tolist() == [[[3, 2, 0, 1], [-1] * 4], [[3, 2, 0, 1], [0, 1, 2, 3]]]
    assert block.top_probabilities_SPK.dtype == np.float32
    halves = np.array([0.55, 0.3, 0.1, 0.05], np.float16).astype(np.float32)
    np.testing.assert_array_equal(block.top_probabilities_SPK[1, 0], halves)
    np.testing.assert_array_equal(block.top_probabilities_SPK[:, 1], [[0.0] * 4, [0.25] * 4])


def test_no_more_than_eight_tokens_are_kept() -> None:
    watcher = TraceWatcher(None, rows=1)
    watcher(event([[5]], logits=torch.arange(20.0).reshape(1, 1, 20)))
    (block,) = watcher.trace(0, length=1).blocks
    assert block.top_ids_SPK is not None
    assert block.top_ids_SPK.tolist() == [[list(range(19, 11, -1))]]


def test_the_canvas_that_a_step_saw_is_kept_where_an_adapter_tells_it() -> None:
    watcher = TraceWatcher(None, rows=1)
    for step, canvas in enumerate([[9, 9], [5, 9]]):
        watcher(replace(event([[5, 6]], step=step, logits=even(1, 2)), canvas=torch.tensor([canvas])))
    (block,) = watcher.trace(0, length=2).blocks
    assert block.canvas_SP is not None
    assert block.canvas_SP.tolist() == [[9, 9], [5, 9]]
    bare = TraceWatcher(None, rows=1)
    bare(event([[5, 6]], logits=even(1, 2)))
    assert bare.trace(0, length=2).blocks[0].canvas_SP is None


@settings(deadline=None)
@given(st.data())
def test_rows_of_a_batch_are_told_apart_whatever_changes_and_whoever_has_finished(data: st.DataObject) -> None:
    """Held against whole arrays, a row at a time."""
    rows, steps, grows = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5)), data.draw(st.booleans())
    lives = [data.draw(st.integers(1, steps)) for _ in range(rows)]
    draw = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    watcher, seen = TraceWatcher(None, rows=rows), []
    for step in range(steps):
        width = step + 1 if grows else 3
        tokens = torch.randint(2, (rows, width), generator=draw)
        logits = torch.randn(rows, 1 if grows else 3, 4, generator=draw)
        watcher(event(tokens.tolist(), step=step, live=[step < lived for lived in lives], logits=logits))
        seen.append((tokens.numpy(), logits.argmax(-1).numpy()))
    for row, lived in enumerate(lives):
        (block,) = watcher.trace(row, length=2).blocks
        assert block.top_ids_SPK is not None
        positions = lived if grows else 3
        assert block.tokens_SP.shape == (lived, positions)
        for step in range(lived):
            tokens_P, likeliest_W = (array[row] for array in seen[step])
            open_ones = positions - tokens_P.size
            assert block.tokens_SP[step].tolist() == [*tokens_P, *[-1] * open_ones]
            newest = block.top_ids_SPK[step, tokens_P.size - likeliest_W.size : tokens_P.size, 0]
            assert newest.tolist() == likeliest_W.tolist()
            assert (block.top_ids_SPK[step, tokens_P.size :] == -1).all()
            assert np.isnan(block.entropy_SP[step]).sum() == open_ones


def test_impossible_tokens_add_no_entropy() -> None:
    watcher = TraceWatcher(None, rows=1)
    watcher(event([[5]], logits=torch.tensor([[[0.0, 0.0, float("-inf"), float("-inf")]]])))
    np.testing.assert_allclose(watcher.trace(0, length=1).blocks[0].entropy_SP, math.log(2), rtol=1e-6)


def test_filler_rows_are_not_kept() -> None:
    watcher = TraceWatcher(None, rows=1)
    watcher(event([[5], [6]], logits=even(2, 1)))
    assert len(watcher.trace(0, length=1).blocks) == 1
    with pytest.raises(IndexError):
        watcher.trace(1, length=1)


def test_the_other_hook_has_its_say() -> None:
    edit = Edit(tokens=torch.zeros(1, 1, dtype=torch.long))
    watcher = TraceWatcher(lambda _: edit, rows=1)
    assert watcher(event([[5]], logits=even(1, 1))) is edit
    assert TraceWatcher(None, rows=1)(event([[5]], logits=even(1, 1))) is None


def test_predictions_that_are_no_numbers_are_refused_in_rows_that_run() -> None:
    broken = torch.full((2, 1, 4), float("nan"))
    broken[0] = 0
    watcher = TraceWatcher(None, rows=2)
    watcher(event([[5], [5]], live=[True, False], logits=broken))
    with pytest.raises(CheckpointError) as caught:
        watcher(event([[5], [5]], block=1, step=3, logits=broken))
    assert str(caught.value) == (
        "the model predicts what is not a number at block 1, step 3; use dtype float32, or another checkpoint"
    )
