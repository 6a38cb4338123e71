"""What one training step of the masked, the recurrent and the looped reference checkpoint minimises.

Shape suffixes: B rows, C canvas length, P prompt width, T = P + C, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from monitorbench.zoo.batches import Batch
from monitorbench.zoo.losses import Losses, Progress
from monitorbench.zoo.models import PAD

FROM_THE_LEFT = 0.5
"""Share of rows that are masked from some place on; in the others any positions are."""
PADDING_WEIGHT = 0.1


def masked(model: Any, batch: Batch, progress: Progress) -> Losses:
    """Loss at the masked positions of a canvas of which any number, drawn evenly, is masked.

    Each row weighs the same, whatever the number: the bound of masked diffusion (LLaDA, arXiv 2502.09992, eq. 3), with
    the number drawn instead of the rate, and with half of the rows masked as they are when filled in from the left.
    At most `progress.passes` positions of a row's text are learned.
    """
    prompts_BP = _without_padding(batch)
    hidden_BC, learned_BC = _maskings(batch.targets_BC, most=progress.passes)
    canvas_BC = torch.where(hidden_BC, model.config.mask_token_id, batch.targets_BC)
    mask_BT = torch.cat([prompts_BP != PAD, torch.ones_like(hidden_BC)], 1).long()
    logits_BCV = model(
        input_ids=torch.cat([prompts_BP, canvas_BC], 1),
        attention_mask=mask_BT,
        position_ids=(mask_BT.cumsum(-1) - 1).clamp(min=0),
    ).logits[:, prompts_BP.shape[1] :]
    weight_BC = learned_BC * torch.where(batch.targets_BC == PAD, PADDING_WEIGHT, 1.0)
    weight_BC = weight_BC / weight_BC.sum(-1, keepdim=True)
    loss_BC = cross_entropy(logits_BCV.transpose(1, 2), batch.targets_BC, reduction="none")
    loss = (loss_BC * weight_BC).sum(-1).mean()
    right_BC = logits_BCV.argmax(-1) == batch.targets_BC
    text_BC = learned_BC & (batch.targets_BC != PAD)
    next_BC = hidden_BC & (hidden_BC.cumsum(-1) == 1) & text_BC
    figures = {
        "loss": loss.item(),
        "right": right_BC[text_BC].float().mean().item(),
        "right, next": right_BC[next_BC].float().mean().item(),
    }
    return Losses(total=loss, figures=figures)


def next_mask(model: Any, batch: Batch, progress: Progress) -> Losses:
    """Loss at every position of the canvas, each masked and seeing the prompt and the truth before it.

    One forward pass over prompt, truth and masks learns what filling in from the left would take C passes for. The
    other masks, which a sampler's canvas holds too, are left to `masked`.
    """
    del progress
    prompts_BP = _without_padding(batch)
    (_, P), (B, C) = prompts_BP.shape, batch.targets_BC.shape
    ids_BT = torch.cat([prompts_BP, batch.targets_BC, torch.full((B, C), model.config.mask_token_id)], 1)
    seen_BT = torch.cat([prompts_BP != PAD, torch.ones(B, 2 * C, dtype=torch.bool)], 1)
    position_BP = (seen_BT[:, :P].cumsum(-1) - 1).clamp(min=0)
    position_BC = position_BP[:, -1:] + 1 + torch.arange(C)
    logits_BCV = model(
        input_ids=ids_BT,
        attention_mask=(_sight(P, C) & seen_BT[:, None])[:, None],
        position_ids=torch.cat([position_BP, position_BC, position_BC], 1),
    ).logits[:, P + C :]
    weight_BC = torch.where(batch.targets_BC == PAD, PADDING_WEIGHT, 1.0)
    loss_BC = cross_entropy(logits_BCV.transpose(1, 2), batch.targets_BC, reduction="none")
    loss = (loss_BC * weight_BC).sum() / weight_BC.sum()
    right_BC = logits_BCV.argmax(-1) == batch.targets_BC
    figures = {"loss": loss.item(), "right, next": right_BC[batch.targets_BC != PAD].float().mean().item()}
    return Losses(total=loss, figures={**figures, "whole": right_BC.all(-1).float().mean().item()})


def answering(model: Any, batch: Batch, progress: Progress) -> Losses:
    """Next-token loss on the response, and that on the answer's value by itself: what the task grades is one token."""
    del progress
    prompts_BP = _without_padding(batch)
    targets_BC = batch.targets_BC[:, : int((batch.targets_BC != PAD).sum(-1).max())]
    ids_BT = torch.cat([prompts_BP, targets_BC], 1)
    logits_BTV = model(input_ids=ids_BT, attention_mask=(ids_BT != PAD).long(), use_cache=False).logits
    logits_BCV = logits_BTV[:, prompts_BP.shape[1] - 1 : -1]
    loss_BC = cross_entropy(logits_BCV.transpose(1, 2), targets_BC, reduction="none")
    answer_BC = torch.roll(targets_BC == batch.answer_id, 1, dims=1)
    loss, answer = loss_BC[targets_BC != PAD].mean(), loss_BC[answer_BC].mean()
    right_BC = logits_BCV.argmax(-1) == targets_BC
    first_B = targets_BC[:, 0] == batch.answer_id
    figures = {"loss": loss.item(), "whole": (right_BC | (targets_BC == PAD)).all(-1).float().mean().item()}
    for place, rows_B in (("first", first_B), ("last", ~first_B)):
        if bool(rows_B.any()):
            figures[f"answer {place}"] = right_BC[answer_BC & rows_B[:, None]].float().mean().item()
    return Losses(total=loss + answer, figures=figures)


def _without_padding(batch: Batch) -> Tensor:
    """Prompts (B, P) without the columns in which every row is padding."""
    return batch.prompts_BP[:, int(batch.mask_BP.any(0).int().argmax()) :]


def _sight(P: int, C: int) -> Tensor:
    """Which positions see which (T, T), of prompt, truth and masks: the prompt itself, the truth what stands before."""
    T = P + 2 * C
    before_CC = torch.ones(C, C, dtype=torch.bool).tril(-1)
    itself_CC = torch.eye(C, dtype=torch.bool)
    sight_TT = torch.zeros(T, T, dtype=torch.bool)
    sight_TT[:, :P] = True
    sight_TT[P : P + C, P : P + C] = before_CC | itself_CC
    sight_TT[P + C :, P : P + C], sight_TT[P + C :, P + C :] = before_CC, itself_CC
    return sight_TT


def _maskings(targets_BC: Tensor, *, most: int) -> tuple[Tensor, Tensor]:
    """Which positions are masked, and which of these are learned, both (B, C); at least one in each row.

    What follows the end of the text is masked as often as the text is, and always where that is masked from the left.
    """
    text_BC = targets_BC != PAD
    length_B1 = text_BC.sum(-1, keepdim=True)
    count_B1 = (torch.rand(len(targets_BC), 1) * length_B1.clamp(max=most)).long() + 1
    rank_BC = torch.rand(targets_BC.shape).masked_fill(~text_BC, 2.0).argsort(-1).argsort(-1)
    padding_BC = ~text_BC & (torch.rand(targets_BC.shape) < count_B1 / length_B1)
    anywhere_BC = (rank_BC < count_B1) | padding_BC
    start_B1 = (torch.rand(len(targets_BC), 1) * length_B1).long()
    after_BC = torch.arange(targets_BC.shape[1]) - start_B1
    left_B1 = torch.rand(len(targets_BC), 1) < FROM_THE_LEFT
    hidden_BC = torch.where(left_B1, after_BC >= 0, anywhere_BC)
    return hidden_BC, hidden_BC & (~left_B1 | (after_BC < most) | ~text_BC)
