"""The nearest tokens of a token: exact, in bounded memory, and looked up once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monitorbench.errors import UsageError
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts import neighbours
from monitorbench.rollouts.neighbours import Neighbours, content_hash, nearest, with_neighbours

PLANE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.1], [1.0, 1.0], [0.0, 1.0], [-1.0, 0.0], [3.0, 3.0]])
"""Seven tokens in a plane: the first is padding, 3 and 6 point the same way."""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_KNOWN", {})


def test_nearest_first_and_of_equal_ones_the_smaller_id() -> None:
    assert Neighbours(PLANE, 3).of([1, 4]).tolist() == [[2, 3, 6], [3, 6, 2]]
    assert Neighbours(PLANE, 1).of([3, 6]).tolist() == [[6], [3]], "never itself"


def test_padding_is_like_nothing() -> None:
    found = Neighbours(PLANE, 99).of([0, 1])
    assert found.shape == (2, 6)
    assert (found[0] == -1).all()
    assert found[1].tolist() == [2, 3, 6, 4, 5, -1]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = torch.randn(501, 16, generator=torch.Generator().manual_seed(0))
    whole = nearest(matrix, range(40), 20)
    unit = torch.nn.functional.normalize(matrix, dim=-1)
    cosine = (unit[:40] @ unit.T).fill_diagonal_(-9)
    assert torch.equal(whole, cosine.topk(20).indices), "no two of them are equal"
    monkeypatch.setattr(neighbours, "MOST_AT_ONCE", 40 * 7)
    assert torch.equal(nearest(matrix, range(40), 20), whole)


def test_equal_embeddings_are_equally_near_in_whichever_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MOST_AT_ONCE", 16 * 7)
    matrix = torch.randn(1, 16, generator=torch.Generator().manual_seed(0)).repeat(100, 1)
    assert nearest(matrix, [50], 5).tolist() == [[0, 1, 2, 3, 4]]


def test_a_vocabulary_of_fifty_thousand_takes_a_block_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 262,144 tokens of width 2,816 a block holds 5,957 of them: 64 MB, whatever the vocabulary."""
    matrix = torch.randn(50_000, 64, generator=torch.Generator().manual_seed(0))
    sizes = []
    product = torch.Tensor.__matmul__
    monkeypatch.setattr(torch.Tensor, "__matmul__", lambda a, b: sizes.append(b.numel()) or product(a, b))
    monkeypatch.setattr(neighbours, "MOST_AT_ONCE", 2**18)
    found = nearest(matrix, range(100), 50)
    assert len(sizes) == -(-50_000 // (2**18 // 100))
    assert max(sizes) <= 2**18
    assert all(len(set(row)) == 50 for row in found.tolist())


def test_each_token_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    search = nearest
    monkeypatch.setattr(
        neighbours, "nearest", lambda matrix, ids, count: asked.extend(ids) or search(matrix, ids, count)
    )
    Neighbours(PLANE, 2).of([1, 2, 1])
    Neighbours(PLANE.clone(), 2).of([2, 3])
    assert asked == [1, 2, 3], "another copy of the same matrix is the same matrix"
    Neighbours(PLANE * 2, 2).of([1])
    assert asked == [1, 2, 3, 1], "another matrix is not"


def test_what_was_looked_up_outlives_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Neighbours(PLANE, 2, cache=tmp_path).of([1, 2])
    (file,) = tmp_path.iterdir()
    assert file.name == f"neighbours-{content_hash(PLANE)}-2-{neighbours.own_code()[:12]}.safetensors"
    monkeypatch.setattr(neighbours, "_KNOWN", {})
    monkeypatch.setattr(neighbours, "nearest", None)
    np.testing.assert_array_equal(Neighbours(PLANE, 2, cache=tmp_path).of([1, 2]), first)


def test_what_other_code_looked_up_is_looked_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rollouts are recorded anew then, and must not get the old code's neighbours."""
    Neighbours(PLANE, 2, cache=tmp_path).of([1])
    monkeypatch.setattr(neighbours, "_KNOWN", {})
    monkeypatch.setattr(neighbours, "own_code", lambda: "0" * 64)
    asked: list[int] = []
    search = nearest
    monkeypatch.setattr(
        neighbours, "nearest", lambda matrix, ids, count: asked.extend(ids) or search(matrix, ids, count)
    )
    Neighbours(PLANE, 2, cache=tmp_path).of([1])
    assert asked == [1]


def test_a_broken_file_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Neighbours(PLANE, 2, cache=tmp_path).of([1])
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"no tensors")
    monkeypatch.setattr(neighbours, "_KNOWN", {})
    np.testing.assert_array_equal(Neighbours(PLANE, 2, cache=tmp_path).of([1]), first)
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_number_formats_are_told_apart() -> None:
    assert len({content_hash(PLANE), content_hash(PLANE.bfloat16()), content_hash(PLANE.T.contiguous())}) == 3
    assert Neighbours(PLANE.bfloat16(), 1).of([4]).tolist() == [[3]]


def test_embeddings_that_are_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match="the input embeddings are not in memory; do not offload them to disk"):
        Neighbours(torch.empty(4, 2, device="meta"), 1)


def test_a_trace_holds_the_neighbours_of_its_final_tokens() -> None:
    def block(*content: bool) -> BlockTrace:
        shape = (1, len(content))
        return BlockTrace(
            tokens_SP=np.zeros(shape, np.int32),
            committed_SP=np.ones(shape, bool),
            entropy_SP=np.zeros(shape, np.float32),
            content_P=np.array(content),
        )

    trace = with_neighbours(Trace(blocks=(block(True, True), block(True, False))), [1, 3, 4], Neighbours(PLANE, 1))
    first, second = (each.neighbours_PN for each in trace.blocks)
    assert first is not None
    assert second is not None
    assert (first.tolist(), second.tolist()) == ([[2], [6]], [[3], [-1]])
