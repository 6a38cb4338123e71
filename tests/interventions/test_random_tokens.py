"""Random tokens: every position keeps its numbers and with them its entropy, and loses which tokens they are of."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from toy_events import VALUE_BPV, carried, event, hook_of

from monitorbench.adapters.base import Index
from monitorbench.adapters.draws import SeededDraws
from monitorbench.interventions.random_tokens import random_identities

START = Index(block=0, step=0)


def random_logits(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 12),
    st.integers(0, 2**63 - 1),
    st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_every_position_keeps_its_numbers_to_the_last_bit(
    B: int, P: int, V: int, seed: int, dtype: torch.dtype
) -> None:
    logits_BPV = random_logits(B, P, V).to(dtype)
    mixed_BPV = random_identities(logits_BPV, [seed] * B, START)
    assert mixed_BPV.dtype == dtype
    assert torch.equal(mixed_BPV.sort(-1).values, logits_BPV.sort(-1).values)


def test_rows_depend_on_their_own_seed_only() -> None:
    logits_BPV = random_logits(3, 4, 50)
    together_BPV = random_identities(logits_BPV, [5, 6, 7], START)
    for row, seed in enumerate((5, 6, 7)):
        assert torch.equal(random_identities(logits_BPV[[row]], [seed], START)[0], together_BPV[row])


def test_identities_are_others_for_every_seed_block_step_loop_and_position() -> None:
    logits_BPV = random_logits(1, 1, 1000).expand(1, 6, 1000)
    indices = (START, Index(block=1, step=0), Index(block=0, step=1), Index(block=0, step=0, loop=1))
    mixed = [random_identities(logits_BPV, [seed], index)[0] for seed in (0, 1) for index in indices]
    assert len(torch.cat(mixed).unique(dim=0)) == 2 * 4 * 6


def test_tokens_land_anywhere_equally_often() -> None:
    one_BPV = torch.nn.functional.one_hot(torch.tensor([[3]]), 5).float().expand(1, 4000, 5)
    counts_V = random_identities(one_BPV, [0], START)[0].sum(0)
    # 4,000 shifts over 5 places: 800 each, with a standard deviation of 25.
    assert counts_V.sub(800).abs().max() < 125


def test_what_is_worked_on_at_once_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    logits_BPV = random_logits(2, 7, 10)
    whole_BPV = random_identities(logits_BPV, [1, 2], START)
    monkeypatch.setattr("monitorbench.interventions.random_tokens.MOST_AT_ONCE", 20)
    assert torch.equal(random_identities(logits_BPV, [1, 2], START), whole_BPV)


def test_the_sampler_draws_what_it_would_have_drawn() -> None:
    draws = SeededDraws([1, 2])
    drawn = []
    for mixes in (False, True):
        with draws:
            draws.start(0)
            if mixes:
                random_identities(random_logits(2, 3, 4), [1, 2], START)
            drawn.append(torch.randint(high=1000, size=(2, 8)))
    assert torch.equal(*drawn)


def test_the_hook_takes_the_seeds_and_the_index_of_the_event() -> None:
    seen = event(VALUE_BPV, step=2, block=1, loop=3)
    expected_BPV = random_identities(VALUE_BPV, seen.seeds, seen.index)
    assert torch.equal(carried(hook_of("random-tokens"), seen), expected_BPV)
