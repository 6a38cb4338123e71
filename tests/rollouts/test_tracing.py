"""From events to plain arrays: what is kept of each row, and of what length."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

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
