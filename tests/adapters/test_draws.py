"""Seeded draws: the right distribution, and nothing of the other rows in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from monitorbench.adapters.draws import SeededDraws

SEEDS = range(4000)


def test_multinomial_follows_the_probabilities() -> None:
    probabilities_V = torch.tensor([0.5, 0.25, 0.0, 0.2, 0.05])
    with SeededDraws(SEEDS):
        drawn_N1 = torch.multinomial(probabilities_V.expand(len(SEEDS), -1), num_samples=1)
    counts_V = np.bincount(drawn_N1.flatten().numpy(), minlength=5)
    assert drawn_N1.shape == (len(SEEDS), 1)
    assert counts_V[2] == 0
    possible_V = probabilities_V.numpy() > 0
    assert (
        chisquare(counts_V[possible_V], len(SEEDS) * probabilities_V.numpy()[possible_V].astype(float)).pvalue > 0.001
    )


def test_randint_is_uniform_over_its_range() -> None:
    with SeededDraws(SEEDS):
        drawn_BP = torch.randint(low=3, high=10, size=(len(SEEDS), 2))
    counts = np.bincount(drawn_BP.flatten().numpy(), minlength=10)
    assert counts[:3].sum() == 0
    assert chisquare(counts[3:]).pvalue > 0.001


def test_positions_steps_and_blocks_are_drawn_apart() -> None:
    draws = SeededDraws(SEEDS)
    with draws:
        first_BP, second_BP = (torch.randint(low=0, high=2, size=(len(SEEDS), 2)).numpy() for _ in range(2))
        draws.start(1)
        next_block_BP = torch.randint(low=0, high=2, size=(len(SEEDS), 2)).numpy()
    columns = np.stack([first_BP[:, 0], first_BP[:, 1], second_BP[:, 0], next_block_BP[:, 0]])
    correlations = np.corrcoef(columns)[np.triu_indices(4, k=1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(len(SEEDS))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5),
    st.lists(st.integers(0, 2**63 - 1), min_size=0, max_size=5),
    st.integers(0, 3),
)
def test_a_row_draws_the_same_in_any_batch(seeds: list[int], others: list[int], block: int) -> None:
    def drawn(batch: list[int], row: int) -> list[list[int]]:
        draws = SeededDraws(batch)
        draws.start(block)
        with draws:
            canvas_BC = torch.randint(low=0, high=101, size=(len(batch), 3))
            tokens_N1 = torch.multinomial(torch.linspace(0, 1, 7).expand(3 * len(batch), -1), num_samples=1)
        return [canvas_BC[row].tolist(), tokens_N1.view(len(batch), 3)[row].tolist()]

    for row, seed in enumerate(seeds):
        assert drawn([*others, *seeds], len(others) + row) == drawn([seed], 0)


def test_a_block_draws_the_same_however_many_draws_came_before() -> None:
    def second_block(steps_before: int) -> list[int]:
        draws = SeededDraws([7])
        with draws:
            for _ in range(steps_before):
                torch.randint(low=0, high=100, size=(1, 4))
            draws.start(1)
            return torch.randint(low=0, high=100, size=(1, 4)).flatten().tolist()

    assert second_block(1) == second_block(9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20).filter(any), st.integers(0, 2**32))
def test_what_has_no_probability_is_never_drawn(probabilities: list[float], seed: int) -> None:
    with SeededDraws([seed]):
        drawn = torch.multinomial(torch.tensor([probabilities]), num_samples=1).item()
    assert probabilities[int(drawn)] > 0


def test_the_global_generator_is_left_alone_and_comes_back() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2).tolist()
    torch.manual_seed(3)
    with SeededDraws([1]):
        torch.randint(low=0, high=9, size=(1, 4))
    assert torch.rand(2).tolist() == expected
    assert torch.randint(0, 2, (4,)).shape == (4,)


def test_several_samples_a_row_are_refused() -> None:
    with SeededDraws([1]), pytest.raises(RuntimeError, match="one sample a row, 2 were asked for"):
        torch.multinomial(torch.ones(1, 3), num_samples=2)
