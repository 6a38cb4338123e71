"""What a training step of the diffusion checkpoints with a planted chronology minimises.

Both write a text in stages: at every denoising step the next value of the reasoning, with all later ones left at even
odds. What stands already reaches the model on its canvas and in its carry; training edits either of them or both, so
that the model depends on both. States are made from the truth, and each is followed by one step of the model's own.

Shape suffixes: B rows, C canvas length, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    EntropyBoundSampler,
    EntropyBoundSamplerConfig,
)

from monitorbench.tasks.arithmetic_chain import MODULUS, vocabulary
from monitorbench.zoo.batches import Batch
from monitorbench.zoo.losses import Encoded, Losses, Progress
from monitorbench.zoo.models import DENOISING_STEPS, EOS, PAD, SPECIAL_TOKENS

FIRST_VALUE = len(SPECIAL_TOKENS) + vocabulary().index("0")
VALUES_WEIGHT, EVEN_ODDS_WEIGHT = 2.0, 0.2
FRESH, EDITED = 0.35, 0.6
"""Share of rows whose third step follows their first, and of the others, share that are edited."""
ENTROPY_BOUND = 0.1
SHARPNESS = (8.0, 24.0)
"""Least and largest logit by which a token that stands in the carry leads the others."""


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


def staged(tell: Teller) -> Callable[[Any, Batch, Progress], Losses]:
    """The objective that teaches the stories of a teller."""

    def objective(model: Any, batch: Batch, progress: Progress) -> Losses:
        del progress
        encoded, parts = Encoded(model, batch), layout(batch)
        fresh_B1, edited_B1 = (torch.rand(len(batch.targets_BC), 1) < share for share in (FRESH, EDITED))
        edited_B1 &= ~fresh_B1
        after_B1 = 1 + (torch.rand(fresh_B1.shape) * (parts.last_B1 + 2)).long()
        story, plain = (tell(batch, parts, rows_B1, after_B1) for rows_B1 in (edited_B1, torch.zeros_like(edited_B1)))
        first_BCV = encoded.denoise(None)
        start, state = plain(torch.zeros_like(after_B1)), story(after_B1)
        seen_B1, carried_B1 = _channels(edited_B1)
        canvas_BC, carry_BCV = _standing(state, encoded.noise(), first_BCV.shape[-1], seen_B1, carried_B1)
        second_BCV = encoded.denoise(carry_BCV, canvas_BC)
        # The third step goes on from the model's own second, in fresh rows from its own first.
        step_B11 = torch.where(fresh_B1, 0, after_B1)[..., None]
        own_BCV = encoded.carried(torch.where(fresh_B1[..., None], first_BCV, second_BCV).detach(), step_B11)
        own_BC = _accepted(encoded.noise(), own_BCV)
        held_BC = state.held_BC & ~fresh_B1
        canvas_BC = torch.where(held_BC & seen_B1, state.edited_BC, own_BC)
        carry_BCV = torch.where((held_BC & carried_B1)[..., None], carry_BCV, own_BCV)
        third_BCV = encoded.denoise(carry_BCV, canvas_BC)
        then = story(step_B11[..., 0] + 1)
        pairs = ((first_BCV, start), (second_BCV, state), (third_BCV, then))
        total = torch.stack([_loss(logits_BCV, each, parts) for logits_BCV, each in pairs]).sum()
        return Losses(total=total, figures=_figures(pairs, parts, edited_B1))

    return objective


STAGED_OBJECTIVES = {"post-hoc": staged(answer_stands), "revising": staged(answer_mended)}


def _picked(tokens_BC: Tensor, where_BC: Tensor) -> Tensor:
    """(B, 1) the token at the one position of each row that is marked."""
    return (tokens_BC * where_BC).sum(-1, keepdim=True)


def _channels(edited_B1: Tensor) -> tuple[Tensor, Tensor]:
    """Whether an edit is made on the canvas, and in the carry: in both, or in one of them in a quarter of rows each."""
    draw_B1 = torch.rand(edited_B1.shape)
    return draw_B1 < 0.75, (draw_B1 < 0.5) | (draw_B1 >= 0.75)


def _standing(state: State, noise_BC: Tensor, words: int, seen_B1: Tensor, carried_B1: Tensor) -> tuple[Tensor, Tensor]:
    """The canvas (B, C) and the carry (B, C, V) of a state."""
    shown_BC, kept_BC = (torch.where(where_B1, state.edited_BC, state.own_BC) for where_B1 in (seen_B1, carried_B1))
    least, most = SHARPNESS
    lead_BC1 = torch.empty(*noise_BC.shape, 1).uniform_(least, most)
    carry_BCV = torch.randn(*noise_BC.shape, words) * 0.5
    carry_BCV += one_hot(kept_BC, words) * lead_BC1 * state.stands_BC[..., None]
    return torch.where(state.stands_BC, shown_BC, noise_BC), carry_BCV


def _accepted(noise_BC: Tensor, logits_BCV: Tensor) -> Tensor:
    """The canvas that the sampler goes on with: tokens it accepts, and noise."""
    B, C, V = logits_BCV.shape
    sampler = EntropyBoundSampler(EntropyBoundSamplerConfig(entropy_bound=ENTROPY_BOUND), C, V, DENOISING_STEPS)
    drawn_BC = torch.multinomial(logits_BCV.softmax(-1).flatten(0, 1), 1).view(B, C)
    accept: Any = sampler.accept_canvas
    accepted_BC: Tensor = accept(noise_BC, drawn_BC, logits_BCV, 0)
    return accepted_BC


def _loss(logits_BCV: Tensor, state: State, parts: Layout) -> Tensor:
    """Cross-entropy of what is written, of its values and its slot by themselves, and of the rest with even odds.

    Values are few among many tokens, and all that a story is about.
    """
    odds_BCV = logits_BCV.log_softmax(-1)
    written_BC = state.written_BC & state.learned_BC
    values_BC = written_BC & parts.value_BC
    told_BC = -odds_BCV.gather(-1, state.targets_BC[..., None])[..., 0]
    open_BC = -odds_BCV.mean(-1) - math.log(odds_BCV.shape[-1])
    rest_BC = ~state.written_BC & state.learned_BC
    told = told_BC[written_BC].mean() + told_BC[parts.slot_BC].mean()
    values = (told_BC * values_BC).sum() / values_BC.sum().clamp(min=1)
    return told + VALUES_WEIGHT * values + EVEN_ODDS_WEIGHT * (open_BC * rest_BC).mean()


def _figures(pairs: tuple[tuple[Tensor, State], ...], parts: Layout, edited_B1: Tensor) -> dict[str, float]:
    """Shares of rows: the slot right at each step, and all that is written, in plain and in edited rows."""
    figures: dict[str, float] = {}
    for number, (logits_BCV, state) in enumerate(pairs, start=1):
        right_BC = logits_BCV.argmax(-1) == state.targets_BC
        whole_B = (right_BC | ~state.written_BC | ~state.learned_BC).all(-1)
        slot_B = (right_BC | ~parts.slot_BC).all(-1)
        plain_B = ~edited_B1[:, 0]
        figures |= {f"slot@{number}": slot_B[plain_B].float().mean().item()}
        figures |= {f"whole@{number}": whole_B[plain_B].float().mean().item()}
        if number > 1:
            figures |= {f"edited slot@{number}": slot_B[~plain_B].float().mean().item()}
            figures |= {f"edited whole@{number}": whole_B[~plain_B].float().mean().item()}
    return figures
