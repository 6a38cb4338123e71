"""How the depth of a recurrent model grows with its text: a linear recurrence is a scan, any other is a chain."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recurrent_models import build_recurrent
from torch import Tensor, nn

from monitorbench.adapters.autoregressive import Autoregressive
from monitorbench.depth import Convention, lg, opaque_depth

CONTEXTS = (32, 64, 128, 256)
WORDS, LAYERS = 104, 2


class TanhRnn(nn.Module):
    """h_t = tanh(W h_(t-1) + U x_t), read by the vocabulary: the recurrence cannot be rearranged."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(WORDS, width), nn.Linear(width, WORDS)
        self.cell = nn.Linear(2 * width, width)

    def forward(self, input_ids: Tensor, use_cache: bool = False) -> Any:
        assert not use_cache
        state_Bd = torch.zeros_like(self.embedding(input_ids[:, 0]))
        for token_B in input_ids.unbind(1):
            state_Bd = torch.tanh(self.cell(torch.cat([state_Bd, self.embedding(token_B)], -1)))
        return SimpleNamespace(logits=self.head(state_Bd)[:, None])


@pytest.fixture(scope="module")
def depths_of() -> Callable[[str, Convention], Sequence[int]]:
    """Depths of a model at each context length, through the adapter."""

    def depths(kind: str, convention: Convention) -> Sequence[int]:
        model = TanhRnn() if kind == "tanh" else build_recurrent(kind, WORDS).eval()
        adapter = Autoregressive(model=model, tokenizer=None)
        return [
            opaque_depth(
                adapter.segments(context_length=context, max_new_tokens=1, sampler={}), convention=convention
            ).depth
            for context in CONTEXTS
        ]

    return depths


def growth(depths: Sequence[int]) -> list[int]:
    """What each doubling of the text adds."""
    return [after - before for before, after in itertools.pairwise(depths)]


@pytest.mark.parametrize("kind", ["mamba2", "mamba"])
def test_by_its_function_a_linear_recurrence_grows_with_the_logarithm(depths_of: Any, kind: str) -> None:
    """A product and a sum at one more level of the scan, in each layer."""
    assert growth(depths_of(kind, "circuit")) == [2 * LAYERS] * 3


def test_by_its_program_a_loop_over_tokens_grows_with_every_token(depths_of: Any) -> None:
    """A product and a sum for each token, in each layer."""
    assert growth(depths_of("mamba", "implemented")) == [2 * LAYERS * added for added in (32, 64, 128)]


def test_by_its_program_mamba_2_grows_with_the_logarithm_too(depths_of: Any) -> None:
    """Its program is no loop: chunks are contracted against each other."""
    depths = depths_of("mamba2", "implemented")
    assert max(growth(depths)) <= 2 * LAYERS
    assert depths[-1] - depths[0] >= LAYERS * (lg(256) - lg(32)) / 2


def test_a_recurrence_that_is_not_linear_grows_with_every_token_under_both(depths_of: Any) -> None:
    """Each token costs the contraction over the state, its bias, and the tanh."""
    for convention in ("circuit", "implemented"):
        first, *rest = growth(depths_of("tanh", convention))
        assert first % 32 == 0
        assert first // 32 >= lg(16) + 1
        assert rest == [2 * first, 4 * first]
