"""A prompt that was read is not read again, and what is put back is what reading it would give, bit for bit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from transformers import DynamicCache

from monitorbench.adapters.prefills import Prefills


class Reader(torch.nn.Module):
    """Fills a cache of two layers with something that depends on the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, *, ids: torch.Tensor, past_key_values: Any) -> Any:
        self.calls += 1
        for layer in range(2):
            keys_BHWd = torch.sin(ids.double())[:, None, :, None].expand(-1, 2, -1, 3) + layer
            past_key_values.update(keys_BHWd, -keys_BHWd, layer)
        return SimpleNamespace(past_key_values=past_key_values)


def read(prefills: Prefills, reader: Reader, prompts: list[list[int]]) -> Any:
    with prefills.shared(reader, prompts, width=2):
        cache = reader(ids=torch.tensor(prompts), past_key_values=DynamicCache()).past_key_values
        reader(ids=torch.tensor([[9]] * len(prompts)), past_key_values=cache)
    assert "forward" not in vars(reader)
    return cache


def assert_equal(one: Any, other: Any) -> None:
    for a, b in zip(one.layers, other.layers, strict=True):
        assert torch.equal(a.keys, b.keys)
        assert torch.equal(a.values, b.values)


def test_prompts_that_were_read_come_back_in_any_order_and_the_next_positions_are_read() -> None:
    reader, prefills = Reader(), Prefills()
    for prompts in ([[1, 2], [3, 4]], [[5, 6], [1, 2]]):
        assert_equal(read(prefills, reader, prompts), read(Prefills(), Reader(), prompts))
    assert reader.calls == 4
    for prompts in ([[3, 4], [5, 6]], [[1, 2], [1, 2]]):
        assert_equal(read(prefills, reader, prompts), read(Prefills(), Reader(), prompts))
    assert reader.calls == 6, "the second call of each generation only"


def test_what_was_read_at_another_batch_shape_is_read_again() -> None:
    reader, prefills = Reader(), Prefills()
    read(prefills, reader, [[1, 2], [3, 4]])
    read(prefills, reader, [[1, 2], [3, 4], [1, 2]])
    assert reader.calls == 4


def test_no_more_is_kept_than_there_is_room_for() -> None:
    one_prompt = 2 * 2 * (2 * 2 * 3) * 8
    reader, prefills = Reader(), Prefills(most=one_prompt)
    for _ in range(2):
        read(prefills, reader, [[1, 2], [3, 4]])
    assert reader.calls == 4
    read(prefills, reader, [[1, 2], [1, 2]])
    assert reader.calls == 5
