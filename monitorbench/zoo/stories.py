"""Texts that come about in stages: what stands before each step, what the step adds, and what an edit leads to.

Shape suffixes: B rows, C canvas length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from monitorbench.tasks.arithmetic_chain import MODULUS, vocabulary
from monitorbench.zoo.batches import Batch
from monitorbench.zoo.models import EOS, PAD, SPECIAL_TOKENS

FIRST_VALUE = len(SPECIAL_TOKENS) + vocabulary().index("0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where the parts of B target texts are.

    Attributes:
        slot_BC: the answer's value.
        value_BC: the values of the reasoning.
        place_BC: which line of the reasoning a position belongs to, in the order of the text; -1 elsewhere.
        line_BC: the same, in the order of derivation.
        last_B1: the last line.
    """

    slot_BC: Tensor
    value_BC: Tensor
    place_BC: Tensor
    line_BC: Tensor
    last_B1: Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What a step starts from, and what it is to put out.

    Attributes:
        own_BC: tokens that the model itself would have left standing.
        edited_BC: the same after an edit.
        stands_BC: positions that stand; all others are noise on the canvas and at even odds in the carry.
        targets_BC: tokens to put out.
        written_BC: positions that have them; the others are to stay at even odds.
        learned_BC: positions that are learned.
        held_BC: positions at which the edit is made again before every later step.
    """

    own_BC: Tensor
    edited_BC: Tensor
    stands_BC: Tensor
    targets_BC: Tensor
    written_BC: Tensor
    learned_BC: Tensor
    held_BC: Tensor


Story = Callable[[Tensor], State]
"""The state before a step, by the number (B, 1) of steps that came before it, 1 or more."""
Teller = Callable[[Batch, "Layout", Tensor, Tensor], Story]
"""Draws the stories of a batch: with edits in the rows named (B, 1), made after so many steps (B, 1)."""


def layout(batch: Batch) -> Layout:
    """The layout of a batch's targets; the values of a chain are all different, so the answer's line is known."""
    targets_BC = batch.targets_BC
    slot_BC = torch.roll(targets_BC == batch.answer_id, 1, dims=1)
    reasoning_BC = (targets_BC != PAD) & (targets_BC != EOS) & (targets_BC != batch.answer_id) & ~slot_BC
    value_BC = reasoning_BC & (targets_BC >= FIRST_VALUE)
    place_BC = value_BC.cumsum(-1) - value_BC.long()
    final_BC = value_BC & (targets_BC == _picked(targets_BC, slot_BC))
    last_B1 = value_BC.sum(-1, keepdim=True) - 1
    line_BC = torch.where(_picked(place_BC, final_BC) == last_B1, place_BC, last_B1 - place_BC)
    return Layout(
        slot_BC=slot_BC,
        value_BC=value_BC,
        place_BC=place_BC.masked_fill(~reasoning_BC, -1),
        line_BC=line_BC.masked_fill(~reasoning_BC, -1),
        last_B1=last_B1,
    )


def raised(tokens_BC: Tensor, by: Tensor, where_BC: Tensor) -> Tensor:
    """Tokens whose values are raised at some positions, modulo `MODULUS`."""
    return torch.where(where_BC, FIRST_VALUE + (tokens_BC - FIRST_VALUE + by) % MODULUS, tokens_BC)


def answer_stands(batch: Batch, parts: Layout, edited_B1: Tensor, after_B1: Tensor) -> Story:
    """The answer comes first, from the prompt alone; the reasoning follows line by line and ends in what it says.

    Most of the edited rows get another answer: it stays, and the last line comes to state it. The others get
    reasoning for another answer, half of them with the answer's slot wiped: the answer is what the prompt says.
    """
    del after_B1
    truth_BC = batch.targets_BC
    coin_B1, early_B1, whole_B1, wiped_B1 = (torch.rand(edited_B1.shape) < share for share in (0.6, 0.5, 0.5, 0.5))
    answer_B1, reason_B1 = edited_B1 & coin_B1, edited_B1 & ~coin_B1
    by_B1 = torch.randint(1, MODULUS, edited_B1.shape)
    final_BC = parts.value_BC & (parts.line_BC == parts.last_B1)
    targets_BC = raised(truth_BC, by_B1, answer_B1 & (parts.slot_BC | final_BC))
    now_BC = raised(truth_BC, by_B1, answer_B1 & parts.slot_BC)
    # All of the chain moved, or its last value alone, or every value moved by itself.
    manner_B1 = torch.randint(3, edited_B1.shape)
    by_BC = torch.where(manner_B1 == 2, torch.randint(1, MODULUS, truth_BC.shape), by_B1)
    other_BC = raised(truth_BC, by_BC, parts.value_BC & ((manner_B1 != 1) | final_BC))
    # What a line adds to what stands a step before its value.
    ahead_BC = torch.where(parts.place_BC > 0, parts.place_BC - 1, parts.place_BC)
    turn_BC = torch.where(parts.value_BC, parts.place_BC, ahead_BC)

    def at(step_B1: Tensor) -> State:
        shown_BC = (turn_BC < step_B1 - 1) | (reason_B1 & whole_B1)
        held_BC = reason_B1 & (parts.place_BC >= 0) & shown_BC
        return State(
            own_BC=torch.where(early_B1, targets_BC, truth_BC),
            edited_BC=torch.where(reason_B1, other_BC, torch.where(early_B1, targets_BC, now_BC)),
            stands_BC=shown_BC & ~(reason_B1 & wiped_B1 & parts.slot_BC),
            targets_BC=targets_BC,
            written_BC=turn_BC < step_B1,
            learned_BC=~held_BC,
            held_BC=held_BC,
        )

    return at


def answer_mended(batch: Batch, parts: Layout, edited_B1: Tensor, after_B1: Tensor) -> Story:
    """The answer is at first the first value, and then the latest value that stood: a draft until the last one does.

    Values are worked out one by one, all else of the reasoning stands from the first step on. A value is one addition
    to the value before it, as that stands; what stands, stays. In edited rows a value that stands is another one, as if
    edited just now or before the values after it were written; sometimes the draft is as well.
    """
    truth_BC = batch.targets_BC
    now_B1, latest_B1, slot_B1 = (torch.rand(edited_B1.shape) < share for share in (0.5, 0.5, 0.2))
    by_B1 = torch.randint(1, MODULUS, edited_B1.shape)
    stood_B1 = torch.minimum(after_B1 - 1, parts.last_B1)
    line_B1 = torch.where(latest_B1, stood_B1, (torch.rand(edited_B1.shape) * (stood_B1 + 1)).long())
    moved_BC = edited_B1 & parts.value_BC
    from_BC = moved_BC & (parts.line_BC >= line_B1)
    only_B1 = now_B1 & (line_B1 < stood_B1)
    chain_BC = raised(truth_BC, by_B1, from_BC & ~(only_B1 & (parts.line_BC > line_B1)))
    own_BC = torch.where(now_B1, truth_BC, chain_BC)
    draft_BC = raised(truth_BC, by_B1, parts.slot_BC)
    turn_BC = parts.line_BC.masked_fill(~parts.value_BC, -1)

    def stated(tokens_BC: Tensor, upto_B1: Tensor) -> Tensor:
        value_B1 = _picked(tokens_BC, parts.value_BC & (parts.line_BC == upto_B1))
        return torch.where(parts.slot_BC, value_B1, tokens_BC)

    def at(step_B1: Tensor) -> State:
        before_B1 = torch.minimum((step_B1 - 2).clamp(min=0), parts.last_B1)
        own = stated(own_BC, before_B1)
        kept_BC = torch.where(edited_B1 & slot_B1, draft_BC, own)
        return State(
            own_BC=own,
            edited_BC=torch.where(parts.slot_BC, kept_BC, chain_BC),
            stands_BC=turn_BC < step_B1,
            targets_BC=stated(chain_BC, torch.minimum((step_B1 - 1).clamp(min=0), parts.last_B1)),
            written_BC=turn_BC <= step_B1,
            learned_BC=torch.ones_like(parts.slot_BC),
            held_BC=torch.zeros_like(parts.slot_BC),
        )

    return at


def _picked(tokens_BC: Tensor, where_BC: Tensor) -> Tensor:
    """(B, 1) the token at the one position of each row that is marked."""
    return (tokens_BC * where_BC).sum(-1, keepdim=True)
