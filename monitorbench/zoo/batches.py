"""Training batches of arithmetic chains, in all four text forms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from monitorbench.tasks.arithmetic_chain import ANSWER_PLACES, ORDERS, ArithmeticChain
from monitorbench.zoo.models import CANVAS_LENGTH, EOS, PAD

PROMPT_WIDTH = 26
FORM_WEIGHTS = {("topological", "answer-last"): 3}
"""Forms not named here have weight 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """B rows. Shapes: prompts and mask (B, PROMPT_WIDTH), left-padded; targets (B, CANVAS_LENGTH), end-padded.

    `answer_id` is the token that stands before the answer in every target.
    """

    prompts_BP: Tensor
    mask_BP: Tensor
    targets_BC: Tensor
    answer_id: int


def training_batches(
    tokenizer: PreTrainedTokenizerFast,
    *,
    batch_size: int,
    lengths: tuple[int, ...],
    seed: int,
    forms: Sequence[tuple[str, str]] = (),
) -> Iterator[Batch]:
    """Batches of training problems without end.

    The forms (text order, place of the answer) take turns, each with problems of its own, and one named twice has two
    turns. Without any, all four take turns by their weights, with the same problems in each.
    """
    turns = [(*form, seed + turn) for turn, form in enumerate(forms)] or [
        (order, answer, seed)
        for order in ORDERS
        for answer in ANSWER_PLACES
        for _ in range(FORM_WEIGHTS.get((order, answer), 1))
    ]
    streams = [
        ArithmeticChain(lengths=lengths, order=order, answer=answer, split="train", seed=own).stream()
        for order, answer, own in turns
    ]
    problems = itertools.chain.from_iterable(zip(*streams, strict=True))
    vocabulary = tokenizer.get_vocab()
    while True:
        rows = list(itertools.islice(problems, batch_size))
        prompts = [[vocabulary[word] for word in row.prompt.split()] for row in rows]
        targets = [[*(vocabulary[word] for word in row.target.split()), EOS] for row in rows]
        prompts_BP = torch.tensor([[PAD] * (PROMPT_WIDTH - len(ids)) + ids for ids in prompts])
        targets_BC = torch.tensor([ids + [PAD] * (CANVAS_LENGTH - len(ids)) for ids in targets])
        yield Batch(
            prompts_BP=prompts_BP, mask_BP=prompts_BP != PAD, targets_BC=targets_BC, answer_id=vocabulary["answer"]
        )
