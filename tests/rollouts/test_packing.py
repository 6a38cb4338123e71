"""Traces in little space: equal in every number, made whole only where they are looked at, and small."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitorbench.adapters.base import Event, Index
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.packing import PackedBlock, pack, packed_blocks, packed_trace
from monitorbench.rollouts.shards import Shards
from monitorbench.rollouts.tracing import TraceWatcher


def assert_equal(one: BlockTrace, other: BlockTrace) -> None:
    for field in fields(BlockTrace):
        array, copy = getattr(one, field.name), getattr(other, field.name)
        assert (array is None) == (copy is None), field.name
        if array is not None:
            assert (array.dtype, array.shape) == (copy.dtype, copy.shape), field.name
            np.testing.assert_array_equal(array, copy)


@st.composite
def blocks(draw: st.DrawFn) -> BlockTrace:
    S, P, K = (draw(st.integers(0, 4)) for _ in "SPK")

    def drawn(shape: tuple[int, ...], dtype: type, values: Any) -> Any:
        return draw(arrays(dtype, shape, elements=values))

    optional = draw(st.booleans())
    ids, share = st.integers(-1, 70_000), st.sampled_from([0.0, 0.25, 1 / 3, 1.0]).map(np.float32)
    return BlockTrace(
        tokens_SP=drawn((S, P), np.int32, ids),
        committed_SP=drawn((S, P), np.bool_, st.booleans()),
        entropy_SP=drawn((S, P), np.float32, st.sampled_from([np.nan, 0.0, 0.5]).map(np.float32)),
        content_P=drawn((P,), np.bool_, st.booleans()),
        canvas_SP=drawn((S, P), np.int32, ids) if optional else None,
        top_ids_SPK=drawn((S, P, K), np.int32, ids) if optional else None,
        top_probabilities_SPK=drawn((S, P, K), np.float32, share) if optional else None,
        carried_ids_SPK=drawn((S, P, K), np.int32, ids) if optional else None,
        thought_ids_LK=drawn((S, K), np.int32, ids) if optional else None,
        thought_probabilities_LK=drawn((S, K), np.float32, share) if optional else None,
        neighbours_PN=drawn((P, K), np.int32, ids) if optional else None,
    )


@settings(deadline=None)
@given(blocks())
def test_what_is_packed_comes_back_equal(block: BlockTrace) -> None:
    assert_equal(PackedBlock.of(pack(block)), block)


def small() -> BlockTrace:
    return BlockTrace(
        tokens_SP=np.array([[5, -1], [5, 6]], np.int32),
        committed_SP=np.array([[True, False], [True, True]]),
        entropy_SP=np.array([[0.5, np.nan], [0.5, 0.25]], np.float32),
        content_P=np.ones(2, bool),
    )


def test_only_what_changes_is_kept() -> None:
    packed = pack(small())
    assert packed["tokens_X"].tolist() == [5, 6]
    assert packed["predictions.counts_S"].tolist() == [1, 1]
    assert packed["predictions.positions_X"].tolist() == [0, 1]
    assert packed["tokens_X"].dtype == np.uint8


def test_a_packed_block_is_packed_already_and_can_be_changed_like_any_other() -> None:
    packed = pack(small())
    block = PackedBlock.of(packed)
    assert pack(block) is packed
    assert block.top_ids_SPK is None
    assert block.tokens_SP is block.tokens_SP, "made once"
    changed = replace(block, content_P=np.zeros(2, bool))
    assert_equal(changed, replace(small(), content_P=np.zeros(2, bool)))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = getattr(block, "nonsense")  # noqa: B009  # the type checker knows that there is no such attribute


def test_any_trace_has_packed_blocks() -> None:
    plain = Trace(blocks=(small(), small()))
    again = packed_trace(packed_blocks(plain))
    for one, other in zip(again.blocks, plain.blocks, strict=True):
        assert_equal(one, other)
    assert again.blocks[0] is not again.blocks[0], "none stays in memory"
    assert packed_blocks(again) is again.packed


def size(folder: Path, trace: Trace) -> int:
    return (folder / Shards(folder).write([trace])).stat().st_size


def test_a_random_canvas_of_256_positions_and_48_steps_costs_less_than_a_megabyte(tmp_path: Path) -> None:
    """Nothing repeats, and ids need three bytes: no canvas costs more."""
    draw = torch.Generator().manual_seed(0)
    V = 2**16 + 1_000
    logits_BPV = torch.randn(1, 256, V, generator=draw)
    watcher = TraceWatcher(None, rows=1)
    for step in range(48):
        logits_BPV = logits_BPV.roll((5, 1_009), (1, 2))
        watcher(
            Event(
                index=Index(block=0, step=step),
                seeds=[0],
                live=torch.tensor([True]),
                tokens=torch.randint(V, (1, 256), generator=draw),
                committed=torch.rand(1, 256, generator=draw) < 0.5,
                logits=logits_BPV,
                canvas=torch.randint(V, (1, 256), generator=draw),
            )
        )
    trace = watcher.trace(0, length=256)
    assert trace.blocks[0].top_ids_SPK.max() >= 2**16
    assert size(tmp_path, trace) < 1_000_000


def test_a_text_of_a_thousand_tokens_costs_less_than_100_kilobytes(tmp_path: Path) -> None:
    draw = torch.Generator().manual_seed(0)
    tokens_BT = torch.randint(70_000, (1, 1_000), generator=draw)
    watcher = TraceWatcher(None, rows=1)
    for step in range(1_000):
        tokens = tokens_BT[:, : step + 1]
        watcher(
            Event(
                index=Index(block=0, step=step),
                seeds=[0],
                live=torch.tensor([True]),
                tokens=tokens,
                committed=torch.ones_like(tokens, dtype=torch.bool),
                logits=torch.randn(1, 1, 70_000, generator=draw),
            )
        )
    trace = watcher.trace(0, length=1_000)
    np.testing.assert_array_equal(trace.blocks[0].tokens_SP[-1], tokens_BT[0])
    assert size(tmp_path, trace) < 100_000
