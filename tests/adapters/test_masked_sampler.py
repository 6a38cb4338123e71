"""Which positions are filled when: every rule by hand, and what holds under all of them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.adapters.draws import SeededDraws
from monitorbench.adapters.masked_sampler import Proposal, Schedule, fill, propose, schedule
from monitorbench.errors import UsageError

MASK = 3
LOGITS_BCV = torch.tensor([[[4.0, 3.5, -9.0], [2.0, 0.0, 0.0], [1.5, -9.0, -9.0]]])
"""Position 0 has the likeliest token with a close second; position 2 the surest one."""


def order_of(rule: Any) -> list[int]:
    """Positions in the order in which they are filled, one a step."""
    proposal = propose(LOGITS_BCV, Schedule(block_length=3, steps=3, remasking=rule))
    canvas_BC = torch.full((1, 3), MASK)
    order = []
    for count in (1, 2, 3):
        before_BC = canvas_BC
        hold_BC = torch.zeros((1, 3), dtype=torch.bool)
        canvas_BC = fill(before_BC, proposal, mask_id=MASK, count=count, revise=False, hold_BC=hold_BC)
        order += (canvas_BC != before_BC)[0].nonzero()[:, 0].tolist()
    return order


def test_the_order_of_every_rule() -> None:
    assert order_of("left-to-right") == [0, 1, 2]
    assert order_of("confidence") == [2, 1, 0]  # 1.00, 0.79, 0.62
    assert order_of("margin") == [2, 1, 0]  # 1.00, 0.68, 0.24
    assert order_of("entropy") == [2, 1, 0] or order_of("entropy") == [2, 0, 1]
    with SeededDraws([7]):
        assert sorted(order_of("random")) == [0, 1, 2]


@given(st.integers(1, 40), st.data())
def test_every_step_fills_something_and_the_last_one_everything(block_length: int, data: st.DataObject) -> None:
    steps = data.draw(st.integers(1, block_length))
    chosen = Schedule(block_length=block_length, steps=steps)
    counts = [0, *(chosen.filled(step) for step in range(steps))]
    assert all(before < after for before, after in itertools.pairwise(counts))
    assert counts[-1] == block_length


@given(st.integers(0, 2**31), st.booleans(), st.integers(1, 6))
def test_a_held_position_stays_a_mask_and_filled_ones_stay_unless_revised(seed: int, revise: bool, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    canvas_BC = torch.randint(0, MASK + 1, (2, 6), generator=generator)
    hold_BC = torch.rand((2, 6), generator=generator) < 0.3
    tokens_BC = torch.randint(0, MASK, (2, 6), generator=generator)
    score_BC = torch.rand((2, 6), generator=generator, dtype=torch.float64)
    proposal = Proposal(tokens_BC=tokens_BC, likeliest_BC=tokens_BC, score_BC=score_BC)
    after_BC = fill(canvas_BC, proposal, mask_id=MASK, count=count, revise=revise, hold_BC=hold_BC)
    masked_BC = canvas_BC == MASK
    assert bool((after_BC[masked_BC & hold_BC] == MASK).all())
    if not revise:
        assert torch.equal(after_BC[~masked_BC], canvas_BC[~masked_BC])
    else:
        assert int((after_BC != MASK).sum(-1).max()) <= count


def test_equal_scores_are_filled_from_the_left() -> None:
    tokens_BC, score_BC = torch.zeros((1, 4), dtype=torch.long), torch.zeros((1, 4), dtype=torch.float64)
    proposal = Proposal(tokens_BC=tokens_BC, likeliest_BC=tokens_BC, score_BC=score_BC)
    hold_BC = torch.zeros((1, 4), dtype=torch.bool)
    after_BC = fill(torch.full((1, 4), MASK), proposal, mask_id=MASK, count=2, revise=False, hold_BC=hold_BC)
    assert after_BC.tolist() == [[0, 0, MASK, MASK]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"remasking": "best"}, "the sampler setting remasking cannot be best; use confidence, margin, entropy, "),
        ({"steps": 0}, "the sampler setting steps cannot be 0; use 1 to 18, the block's length"),
        ({"steps": 19}, "the sampler setting steps cannot be 19; use 1 to 18"),
        ({"block_length": 0}, "the sampler setting block_length cannot be 0; use a whole number, 1 or more"),
        ({"block_length": 2.5}, "the sampler setting block_length cannot be 2.5; use a whole number, 1 or more"),
        ({"steps": 2.5}, "the sampler setting steps cannot be 2.5; use 1 to 18, the block's length"),
        ({"steps": True}, "the sampler setting steps cannot be True; use 1 to 18, the block's length"),
        ({"revise": 1}, "the sampler setting revise cannot be 1; use true or false"),
        ({"temperature": -1.0}, "the sampler setting temperature cannot be -1.0; use 0 or more"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        schedule(settings, 18)
    assert str(refused.value).startswith(message)


def test_a_schedule_left_alone_fills_one_position_a_step() -> None:
    assert schedule({}, 18) == Schedule(block_length=18, steps=18)
    assert schedule({"block_length": 6}, 18) == Schedule(block_length=6, steps=6)
