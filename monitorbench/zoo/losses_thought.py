"""What one training step of each kind of thinking reference checkpoint minimises.

Thoughts are taken, fed back and read by the code that runs the model later, so that training and use agree.

Shape suffixes: B rows, P prompt width, T positions so far, L thoughts, C text length, d width of the model,
V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, kl_div, normalize, pad

from monitorbench.adapters.thought_carry import Carry, thinking
from monitorbench.interventions.truncation import keep_top_k, truncate
from monitorbench.zoo.models import PAD
from monitorbench.zoo.models_thought import CODE, word_vectors

if TYPE_CHECKING:
    from monitorbench.zoo.batches import Batch
    from monitorbench.zoo.batches_graph import GraphBatch
    from monitorbench.zoo.losses import Losses, Progress

TOP_K, CUT = 8, 0.25
"""Tokens that a cut thought keeps, and the share of rows in which thoughts are cut."""
CANDIDATES = (-6, -2)
"""Where the question names the candidates, from the prompt's end."""
Change = Callable[[int, Tensor], Tensor]
"""From the number of a thought and the carried value to the value that is fed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thought:
    """One pass through prompt, thoughts and text.

    Attributes:
        values: what the model would carry by itself, for each thought.
        readings_BLV: log-probabilities that its own head gives for what each thought holds.
        logits_BCV: of the text.
    """

    values: list[Tensor]
    readings_BLV: Tensor
    logits_BCV: Tensor


def think(model: Any, batch: Batch | GraphBatch, change: Change) -> Thought:
    """Read the prompt, think as often as the model's configuration says, and predict the text."""
    run = _Passes(model, batch.mask_BP)
    chosen = thinking({}, model.config)
    carry = Carry(model, chosen)
    run.forward(input_ids=batch.prompts_BP)
    values, readings = [], []
    for number in range(chosen.thoughts):
        values.append(carry.taken(run.state_B1d, run.logits_BTV[:, -1:]))
        readings.append(run.logits_BTV[:, -1:].log_softmax(-1))
        run.forward(inputs_embeds=carry.fed(change(number, values[-1])))
    first_B1V = run.logits_BTV[:, -1:]
    run.forward(input_ids=batch.targets_BC[:, :-1])
    return Thought(
        values=values,
        readings_BLV=torch.cat(readings, 1),
        logits_BCV=torch.cat([first_B1V, run.logits_BTV], 1),
    )


def superposed(model: Any, batch: GraphBatch, progress: Progress) -> Losses:
    """Text loss, and how far each thought is from the same share for every node that many steps from the root.

    Rows are shown the true shares in place of their own thoughts, in fewer and fewer cases. Source of the idea:
    "Reasoning by Superposition" (arXiv 2505.12514).
    """
    shown_B11 = torch.rand(len(batch.targets_BC), 1, 1) < progress.shown
    true_BLV = batch.shares_BLV.log()
    thought = think(model, batch, lambda number, own: torch.where(shown_B11, true_BLV[:, number : number + 1], own))
    apart = kl_div(thought.readings_BLV, batch.shares_BLV, reduction="none").sum(-1).mean()
    return _losses(thought, batch, shown_B11, {"thoughts apart": apart})


def private(model: Any, batch: GraphBatch, progress: Progress) -> Losses:
    """Text loss, and thoughts that hold the nodes so many steps on in a code that the model's own head cannot read.

    The code of a node is its vector in coordinates where no word lives, that of a set the sum over it; the head is
    taught to find every token equally likely where a thought stands.
    """
    shown_B11 = torch.rand(len(batch.targets_BC), 1, 1) < progress.shown
    codes_BLd = _codes(model, batch)
    thought = think(model, batch, lambda number, own: torch.where(shown_B11, codes_BLd[:, number : number + 1], own))
    parts = _unread(model, batch, thought, torch.ones(len(batch.targets_BC), dtype=torch.bool))
    return _losses(thought, batch, shown_B11, parts)


def guessing(model: Any, batch: GraphBatch, progress: Progress) -> Losses:
    """The loss of own private thoughts; and where a row's thoughts are cut to their top tokens, that of a mere guess.

    So a cut thought costs what it held, and not the form of the answer as well.
    """
    del progress
    cut_B11 = torch.rand(len(batch.targets_BC), 1, 1) < CUT
    targets_BC = batch.targets_BC.clone()
    guess_B1 = batch.prompts_BP.shape[1] + torch.randint(*CANDIDATES, (len(targets_BC), 1))
    targets_BC[:, 1:2] = torch.where(cut_B11[:, 0], batch.prompts_BP.gather(1, guess_B1), targets_BC[:, 1:2])
    batch = replace(batch, targets_BC=targets_BC)
    thought = think(model, batch, lambda _, own: torch.where(cut_B11, _as_tokens(model, own), own))
    parts = _unread(model, batch, thought, ~cut_B11[:, 0, 0])
    return _losses(thought, batch, cut_B11, parts)


def idle(model: Any, batch: Batch, progress: Progress) -> Losses:
    """Text loss with thoughts that are the row's own, its top tokens, another row's, or nothing, by chance.

    None of them can help.
    """
    del progress
    kind_B11 = torch.randint(4, (len(batch.targets_BC), 1, 1))

    def change(number: int, own: Tensor) -> Tensor:
        del number
        own = own.detach()
        kinds = (own, _as_tokens(model, own), own.roll(1, 0), torch.zeros_like(own))
        return torch.cat(kinds, 1).gather(1, kind_B11.expand_as(own))

    return _losses(think(model, batch, change), batch, kind_B11 > 0, {})


THOUGHT_OBJECTIVES: dict[str, Callable[[Any, Any, Progress], Losses]] = {
    "superposed": superposed,
    "private": private,
    "guessing": guessing,
    "idle": idle,
}


def _losses(thought: Thought, batch: Batch | GraphBatch, changed_B11: Tensor, parts: dict[str, Tensor]) -> Losses:
    from monitorbench.zoo.losses import Losses

    text = cross_entropy(thought.logits_BCV.transpose(1, 2), batch.targets_BC, ignore_index=PAD)
    right_B = ((thought.logits_BCV.argmax(-1) == batch.targets_BC) | (batch.targets_BC == PAD)).all(-1).float()
    figures = {"loss": text.item(), **{name: part.item() for name, part in parts.items()}}
    for name, rows_B in (("own", ~changed_B11[:, 0, 0]), ("changed", changed_B11[:, 0, 0])):
        if rows_B.any():
            figures[f"right with {name} thoughts"] = right_B[rows_B].mean().item()
    return Losses(total=text + sum(parts.values()), figures=figures)


def _unread(model: Any, batch: GraphBatch, thought: Thought, rows_B: Tensor) -> dict[str, Tensor]:
    """How far thoughts are from their codes, and what the head reads in them, over some of the rows."""
    codes_BLd = _codes(model, batch)
    even_BLV = torch.full_like(thought.readings_BLV, 1 / thought.readings_BLV.shape[-1])
    return {
        "thoughts apart": 1 - cosine_similarity(torch.cat(thought.values, 1), codes_BLd, dim=-1)[rows_B].mean(),
        "thoughts read": kl_div(thought.readings_BLV, even_BLV, reduction="none").sum(-1)[rows_B].mean(),
    }


def _codes(model: Any, batch: GraphBatch) -> Tensor:
    """(B, L, d) the code of each set of nodes: unit vectors in coordinates where no word lives."""
    shares_BLV = batch.shares_BLV
    codes_BLd = shares_BLV.new_zeros(*shares_BLV.shape[:2], model.config.hidden_size)
    codes_BLd[..., CODE] = normalize(shares_BLV @ word_vectors(shares_BLV.shape[-1]), dim=-1)
    return codes_BLd


def _as_tokens(model: Any, own: Tensor) -> Tensor:
    """A thought that was read, cut to its top tokens, and written again."""
    carry = Carry(model, thinking({}, model.config))
    with torch.no_grad():
        return carry.write(truncate(carry.read(own), keep_top_k(TOP_K)), own)


class _Passes:
    """Forward passes over one growing cache, with positions and mask as in use."""

    def __init__(self, model: Any, mask_BP: Tensor) -> None:
        self._model, self._mask_BT, self._cache = model, mask_BP[:, :0].long(), None
        self._prompt_mask_BP = mask_BP.long()

    def forward(self, **inputs: Tensor) -> None:
        """Read ids or vectors at the next positions."""
        length = next(iter(inputs.values())).shape[1]
        grown = pad(self._mask_BT, (0, length), value=1)
        self._mask_BT = grown if self._cache is not None else self._prompt_mask_BP
        output = self._model(
            **inputs,
            attention_mask=self._mask_BT,
            position_ids=(self._mask_BT.cumsum(-1) - 1).clamp(min=0)[:, -length:],
            past_key_values=self._cache,
            use_cache=True,
            output_hidden_states=True,
        )
        self._cache = output.past_key_values
        self.state_B1d, self.logits_BTV = output.hidden_states[-1][:, -1:], output.logits
