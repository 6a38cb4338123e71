"""Entropies and likeliest tokens: exact, whatever ties, and never by a copy of all logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from monitorbench.rollouts import likeliest as module
from monitorbench.rollouts.likeliest import likeliest, predictions

INF = float("inf")


def sorted_ids(values: Sequence[float], count: int) -> list[int]:
    return sorted(range(len(values)), key=lambda token: (-values[token], token))[:count]


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, -INF]), min_size=1, max_size=12), st.data())
def test_of_equal_tokens_those_of_smaller_ids_come_first(values: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(values)))
    ids, found = likeliest(torch.tensor([values]), count)
    assert ids[0].tolist() == sorted_ids(values, count)
    assert found[0].tolist() == [values[token] for token in ids[0]]


@pytest.mark.parametrize("vocabulary", [8_192, 9_001, 33_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_large_vocabulary_is_searched_as_exactly(vocabulary: int, dtype: torch.dtype) -> None:
    logits_XV = (torch.randn(6, vocabulary, generator=torch.Generator().manual_seed(vocabulary)) * 3).to(dtype)
    logits_XV[0, -3:] = 50  # beyond the last whole lane where the lanes do not divide the vocabulary
    logits_XV[1] = 1  # all of them tie
    logits_XV[2, ::1000] = 40  # more tie than fit
    ids_XK, _ = likeliest(logits_XV.float(), 8)
    for values, ids in zip(logits_XV.tolist(), ids_XK.tolist(), strict=True):
        assert ids == sorted_ids(values, 8)


@pytest.mark.parametrize("scale", [0.1, 3, 40])
def test_entropies_and_probabilities_are_those_of_double_precision(scale: float) -> None:
    logits_BWV = torch.randn(2, 3, 500, generator=torch.Generator().manual_seed(1)) * scale
    logits_BWV[0, 0, 7:] = -INF
    logits_BWV[1, 2, 1:] = -INF
    entropy_BW, ids_BWK, probabilities_BWK = predictions(logits_BWV, 8)
    exact_BWV = logits_BWV.double().softmax(-1)
    expected_BW = torch.special.entr(exact_BWV).sum(-1)
    torch.testing.assert_close(entropy_BW.double(), expected_BW, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(probabilities_BWK.double(), exact_BWV.gather(-1, ids_BWK), rtol=1e-5, atol=1e-7)
    assert entropy_BW[1, 2] == 0, "a sure prediction has no entropy at all"
    assert (entropy_BW >= 0).all()


def test_what_is_no_distribution_has_no_entropy() -> None:
    broken = torch.zeros(1, 3, 20)
    broken[0, 0, 4], broken[0, 1], broken[0, 2, 5] = float("nan"), -INF, INF
    assert predictions(broken, 8)[0].isnan().all()


def test_parts_come_to_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    logits_BWV = torch.randn(3, 4, 50, generator=torch.Generator().manual_seed(0))
    whole = predictions(logits_BWV, 5)
    monkeypatch.setattr(module, "AT_ONCE_CPU", 100)
    for found, expected in zip(predictions(logits_BWV, 5), whole, strict=True):
        torch.testing.assert_close(found, expected)


class Largest(TorchDispatchMode):
    """The most numbers that any operation put into memory of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {each.untyped_storage().data_ptr() for each in args if isinstance(each, torch.Tensor)}
        made = func(*args, **(kwargs or {}))
        for each in made if isinstance(made, tuple | list) else (made,):
            if isinstance(each, torch.Tensor) and each.untyped_storage().data_ptr() not in given:
                self.numbers = max(self.numbers, each.untyped_storage().nbytes() // 4)
        return made


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_are_never_copied_whole(dtype: torch.dtype) -> None:
    logits_BWV = torch.zeros(1, 16, 262_144, dtype=dtype)
    with Largest() as largest:
        predictions(logits_BWV, 8)
    assert 0 < largest.numbers <= 2 * 262_144 < logits_BWV.numel() / 4
