"""Two rows that stand next to each other exchange what they have come to, once."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from monitorbench.adapters.base import Event, Index
from monitorbench.interventions.swap import Swap, of_donors, of_partners

CANVAS = torch.tensor([[1, 1], [2, 2], [3, 3]])


def event(step: int, loop: int = 0, block: int = 0, **given: Any) -> Event:
    live = torch.ones(3, dtype=torch.bool)
    return Event(index=Index(block=block, step=step, loop=loop), seeds=(0, 1, 2), live=live, tokens=CANVAS, **given)


def test_rows_of_a_pair_change_places_and_one_without_a_partner_stays() -> None:
    assert of_partners(CANVAS).tolist() == [[2, 2], [1, 1], [3, 3]]
    assert torch.equal(of_partners(of_partners(CANVAS)), CANVAS)


def test_the_first_of_a_pair_takes_over_from_the_second_which_keeps_its_own() -> None:
    assert of_donors(CANVAS).tolist() == [[2, 2], [2, 2], [3, 3]]


def test_the_canvas_is_exchanged_at_its_step_only() -> None:
    swap = Swap(step=1, canvas=True)
    assert [swap(event(step)) is not None for step in range(3)] == [False, True, False]
    assert swap(event(1, block=1)) is None
    masks = torch.zeros_like(CANVAS)
    edit = swap(event(1, next_canvas=masks))
    assert edit is not None
    assert edit.tokens is not None
    assert torch.equal(edit.tokens, masks), "what the next step reads, not what the model would put there"


@pytest.mark.parametrize("axis", ["step", "loop"])
def test_a_channel_is_exchanged_by_itself(axis: Any) -> None:
    swap, value = Swap(step=1, canvas=False, channel="memo", axis=axis), torch.randn(3, 2, 4)
    assert swap(event(1)) is None
    assert swap(event(1, 1, channel="other", value=value)) is None
    at = event(1, channel="memo", value=value) if axis == "step" else event(0, 1, channel="memo", value=value)
    edit = swap(at)
    assert edit is not None
    assert isinstance(edit.value, torch.Tensor)
    assert torch.equal(edit.value, of_partners(value))
