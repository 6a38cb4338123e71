"""The sampler of masked diffusion: which masked positions of a block are filled at which step.

Shape suffixes: B rows, C block length, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from monitorbench.adapters.settings import require, require_number, require_one_of, require_whole

if TYPE_CHECKING:
    from torch import Tensor

Remasking: TypeAlias = Literal["confidence", "margin", "entropy", "random", "left-to-right"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Sampler settings of one generation.

    Attributes:
        block_length: positions that are filled together; blocks follow each other from left to right.
        steps: denoising steps of a block, at most one for each position; step i leaves (i + 1) / steps of it filled.
        temperature: of the tokens drawn; 0 takes the likeliest.
        remasking: what decides which positions are filled first: the probability of the token drawn, its lead over
            the second likeliest, the smallest entropy, chance, or the text order.
        revise: every step chooses anew among all positions of the block, so that a filled one may become a mask again
            or change; otherwise what is filled stays.
    """

    block_length: int
    steps: int
    temperature: float = 0.0
    remasking: Remasking = "confidence"
    revise: bool = False

    def blocks(self, max_new_tokens: int) -> int:
        """How many blocks hold so many tokens."""
        return -(-max_new_tokens // self.block_length)

    def filled(self, step: int) -> int:
        """How many positions of a block are filled after a step, counted from 0."""
        return (step + 1) * self.block_length // self.steps


def schedule(settings: Mapping[str, Any], max_new_tokens: int) -> Schedule:
    """Sampler settings as a schedule; the whole canvas is one block, and each step fills one position, unless given.

    Raises:
        UsageError: a value is not one that the sampler has.
    """
    given = {"block_length": max_new_tokens, **settings}
    require_whole("block_length", given["block_length"], 1)
    block_length = min(given["block_length"], max_new_tokens)
    chosen = Schedule(**{"steps": block_length, **given, "block_length": block_length})
    require_one_of("remasking", chosen.remasking, get_args(Remasking))
    steps = f"1 to {block_length}, the block's length"
    require_whole("steps", chosen.steps, 1, steps)
    require(chosen.steps <= block_length, "steps", chosen.steps, steps)
    require_number("temperature", chosen.temperature, 0)
    require(isinstance(chosen.revise, bool), "revise", chosen.revise, "true or false")
    return chosen


SETTINGS = tuple(field.name for field in fields(Schedule))


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What one step would fill in.

    Attributes:
        tokens_BC: token drawn for every position.
        likeliest_BC: likeliest token of every position.
        score_BC: the higher, the sooner a position is filled.
    """

    tokens_BC: Tensor
    likeliest_BC: Tensor
    score_BC: Tensor


def propose(logits_BCV: Tensor, chosen: Schedule) -> Proposal:
    """Draw a token for every position and score the positions.

    Draws go through `torch.multinomial` and `torch.randint`, so that seeded draws apply.
    """
    import torch

    B, C, V = logits_BCV.shape
    logits_BCV = logits_BCV.float()
    likeliest_BC = logits_BCV.argmax(-1)
    if chosen.temperature:
        logits_BCV = logits_BCV / chosen.temperature
        tokens_BC = torch.multinomial(logits_BCV.softmax(-1).reshape(-1, V), 1).reshape(B, C)
    else:
        tokens_BC = likeliest_BC
    if chosen.remasking == "random":
        score_BC = torch.randint(low=0, high=2**31, size=(B, C), device=logits_BCV.device).double()
    elif chosen.remasking == "left-to-right":
        score_BC = -torch.arange(C, device=logits_BCV.device).double().expand(B, C)
    else:
        score_BC = _certainty(logits_BCV.softmax(-1), tokens_BC, chosen.remasking).double()
    return Proposal(tokens_BC=tokens_BC, likeliest_BC=likeliest_BC, score_BC=score_BC)


def _certainty(probabilities_BCV: Tensor, tokens_BC: Tensor, rule: str) -> Tensor:
    import torch

    if rule == "confidence":
        chosen_BC1 = probabilities_BCV.gather(-1, tokens_BC[..., None])
        return chosen_BC1.squeeze(-1)
    if rule == "margin":
        first_BC, second_BC = probabilities_BCV.topk(2, dim=-1).values.unbind(-1)
        return first_BC - second_BC
    entropy_BC: Tensor = torch.special.entr(probabilities_BCV).sum(-1)
    return -entropy_BC


def fill(canvas_BC: Tensor, proposal: Proposal, *, mask_id: int, count: int, revise: bool, hold_BC: Tensor) -> Tensor:
    """The block with `count` positions filled, as many as may be; of equal scores the earlier position goes first.

    Args:
        canvas_BC: the block, filled or `mask_id`.
        proposal: what the step would fill in.
        mask_id: id of the mask token.
        count: positions to be filled after this step.
        revise: choose among all positions; otherwise filled ones stay.
        hold_BC: bool, masked positions that must not be filled at this step.
    """
    import torch

    masked_BC = canvas_BC == mask_id
    score_BC = proposal.score_BC if revise else proposal.score_BC.masked_fill(~masked_BC, torch.inf)
    score_BC = score_BC.masked_fill(masked_BC & hold_BC, -torch.inf)
    order_BC = torch.argsort(score_BC, dim=-1, descending=True, stable=True)
    rank_BC = torch.empty_like(order_BC).scatter_(
        -1, order_BC, torch.arange(canvas_BC.shape[-1], device=canvas_BC.device).expand_as(order_BC)
    )
    chosen_BC = (rank_BC < count) & (score_BC > -torch.inf)
    if revise:
        return torch.where(chosen_BC, proposal.tokens_BC, mask_id)
    return torch.where(chosen_BC & masked_BC, proposal.tokens_BC, canvas_BC)
