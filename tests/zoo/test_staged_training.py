"""Training on stories: what stands, what is to be written, and what an edit comes to."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monitorbench.tasks.arithmetic_chain import vocabulary
from monitorbench.zoo.batches import Batch, training_batches
from monitorbench.zoo.losses import Progress
from monitorbench.zoo.losses_staged import STAGED_OBJECTIVES
from monitorbench.zoo.models import build_diffusion, build_tokenizer
from monitorbench.zoo.stories import Layout, answer_mended, answer_stands, layout, raised

TOKENIZER = build_tokenizer(vocabulary())
SEEDS = st.integers(min_value=0, max_value=10_000)
TELLERS = {"post-hoc": answer_stands, "revising": answer_mended}


def batch(seed: int, rows: int = 16) -> Batch:
    return next(training_batches(TOKENIZER, batch_size=rows, lengths=(1, 2, 3), seed=seed))


def rows(found: Batch, edited: bool, after: int) -> tuple[Tensor, Tensor]:
    shape = (len(found.targets_BC), 1)
    return torch.full(shape, edited), torch.full(shape, after)


def value_of_line(tokens_BC: Tensor, parts: Layout, line_B1: Tensor) -> Tensor:
    where_BC = parts.value_BC & (parts.line_BC == line_B1)
    value_B1: Tensor = (tokens_BC * where_BC).sum(-1, keepdim=True)
    return value_B1


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_layout_finds_every_line_in_both_orders_of_the_text(seed: int) -> None:
    found = batch(seed)
    parts = layout(found)
    answer_B1 = (found.targets_BC * parts.slot_BC).sum(-1, keepdim=True)
    assert bool((parts.slot_BC.sum(-1) == 1).all())
    assert torch.equal(value_of_line(found.targets_BC, parts, parts.last_B1), answer_B1)
    assert torch.equal(parts.line_BC >= 0, parts.place_BC >= 0)
    assert torch.equal(parts.value_BC.sum(-1, keepdim=True), parts.last_B1 + 1)


@given(seed=SEEDS, by=st.integers(min_value=1, max_value=70))
@settings(max_examples=20, deadline=None)
def test_raising_values_is_undone_by_raising_them_round_the_modulus(seed: int, by: int) -> None:
    found = batch(seed)
    values_BC = layout(found).value_BC
    there = raised(found.targets_BC, torch.tensor(by), values_BC)
    assert bool(((there != found.targets_BC) == values_BC).all())
    assert torch.equal(raised(there, torch.tensor(71 - by), values_BC), found.targets_BC)


@given(seed=SEEDS, kind=st.sampled_from(sorted(TELLERS)), step=st.integers(min_value=1, max_value=5))
@settings(max_examples=30, deadline=None)
def test_without_an_edit_a_text_grows_line_by_line_into_the_truth(seed: int, kind: str, step: int) -> None:
    found = batch(seed)
    parts = layout(found)
    story = TELLERS[kind](found, parts, *rows(found, edited=False, after=1))
    now, then = (story(torch.full((len(found.targets_BC), 1), at)) for at in (step, step + 1))
    assert torch.equal(now.own_BC, now.edited_BC)
    assert torch.equal(then.stands_BC, now.written_BC)
    assert torch.equal(now.targets_BC[~parts.slot_BC], found.targets_BC[~parts.slot_BC])
    assert torch.equal(story(torch.full((len(found.targets_BC), 1), 6)).targets_BC, found.targets_BC)


@given(seed=SEEDS, step=st.integers(min_value=1, max_value=5))
@settings(max_examples=30, deadline=None)
def test_post_hoc_the_last_line_states_the_answer_and_other_reasoning_leaves_it_alone(seed: int, step: int) -> None:
    found = batch(seed)
    parts = layout(found)
    torch.manual_seed(seed)
    state = answer_stands(found, parts, *rows(found, edited=True, after=1))(torch.full((16, 1), step))
    stated_B1 = (state.targets_BC * parts.slot_BC).sum(-1, keepdim=True)
    truth_B1 = (found.targets_BC * parts.slot_BC).sum(-1, keepdim=True)
    edited_B1 = ((state.edited_BC != found.targets_BC) & parts.slot_BC).any(-1, keepdim=True)
    assert torch.equal(value_of_line(state.targets_BC, parts, parts.last_B1), stated_B1)
    assert torch.equal(stated_B1 != truth_B1, edited_B1)
    assert bool((state.learned_BC | parts.value_BC | (parts.place_BC >= 0)).all())
    assert bool((state.learned_BC | ~parts.slot_BC).all())


@given(seed=SEEDS, after=st.integers(min_value=1, max_value=5))
@settings(max_examples=30, deadline=None)
def test_revising_the_answer_is_the_latest_value_that_stands_whatever_it_is(seed: int, after: int) -> None:
    found = batch(seed)
    parts = layout(found)
    torch.manual_seed(seed)
    state = answer_mended(found, parts, *rows(found, edited=True, after=after))(torch.full((16, 1), after))
    latest_B1 = torch.minimum(torch.tensor(after - 1), parts.last_B1)
    stated_B1 = (state.targets_BC * parts.slot_BC).sum(-1, keepdim=True)
    assert torch.equal(stated_B1, value_of_line(state.edited_BC, parts, latest_B1))
    kept_BC = state.stands_BC & ~parts.slot_BC
    assert torch.equal(state.targets_BC[kept_BC], state.edited_BC[kept_BC])
    assert bool((state.edited_BC != found.targets_BC).any())


@pytest.mark.parametrize("kind", sorted(TELLERS))
def test_a_few_steps_lower_the_loss(kind: str) -> None:
    torch.manual_seed(0)
    model = build_diffusion(len(TOKENIZER), layers=1, hidden=32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    progress = Progress(passes=1, shown=0.0, rng=random.Random(0))
    totals = []
    for _ in range(12):
        losses = STAGED_OBJECTIVES[kind](model, batch(0), progress)
        optimizer.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        optimizer.step()
        totals.append(losses.total.item())
    assert totals[-1] < 0.75 * totals[0]
    assert all(0.0 <= share <= 1.0 for share in losses.figures.values())
