"""What a training step of the diffusion checkpoints with a planted chronology minimises.

Both write a text in stages: at every denoising step the next value of the reasoning, with all later ones left at even
odds. What stands already reaches the model on its canvas and in its carry; training edits either of them or both, so
that the model depends on both. States are made from the truth, and each is followed by one step of the model's own.

Shape suffixes: B rows, C canvas length, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    EntropyBoundSampler,
    EntropyBoundSamplerConfig,
)

from monitorbench.zoo.batches import Batch
from monitorbench.zoo.losses import Encoded, Losses, Progress
from monitorbench.zoo.models import DENOISING_STEPS
from monitorbench.zoo.stories import Layout, State, Teller, answer_mended, answer_stands, layout

VALUES_WEIGHT, EVEN_ODDS_WEIGHT = 2.0, 0.2
FRESH, EDITED = 0.35, 0.6
"""Share of rows whose third step follows their first, and of the others, share that are edited."""
ENTROPY_BOUND = 0.1
SHARPNESS = (8.0, 24.0)
"""Least and largest logit by which a token that stands in the carry leads the others."""


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
