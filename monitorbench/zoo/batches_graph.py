"""Training batches of reachability problems, with what each thought is taught: the nodes that many steps on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from monitorbench.tasks.graph_reachability import GraphReachability, frontier, parsed
from monitorbench.zoo.models import EOS, PAD
from monitorbench.zoo.models_thought import THOUGHTS


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphBatch:
    """B rows. Shapes: prompts and mask (B, P), left-padded; targets (B, 3): `answer`, the node, end of sequence.

    `shares_BLV` holds, for each of the L thoughts, the same share for every node one step from the root, two steps from
    it, and so on, to the last level.
    """

    prompts_BP: Tensor
    mask_BP: Tensor
    targets_BC: Tensor
    shares_BLV: Tensor


def graph_batches(
    tokenizer: PreTrainedTokenizerFast, *, batch_size: int, lengths: tuple[int, ...], seed: int
) -> Iterator[GraphBatch]:
    """Batches of training problems without end; `lengths` are the numbers of steps to the answer."""
    problems = GraphReachability(hops=lengths, split="train", seed=seed).stream()
    vocabulary = tokenizer.get_vocab()
    while True:
        rows = list(itertools.islice(problems, batch_size))
        prompts = [[vocabulary[word] for word in row.prompt.split()] for row in rows]
        width = max(map(len, prompts))
        prompts_BP = torch.tensor([[PAD] * (width - len(ids)) + ids for ids in prompts])
        reached_BLV = torch.zeros(batch_size, THOUGHTS, len(vocabulary))
        for row, problem in enumerate(rows):
            arrows, root, _ = parsed(problem.prompt)
            for thought in range(THOUGHTS):
                nodes = frontier(arrows, root, min(thought + 1, int(problem.form["hops"])))
                reached_BLV[row, thought, [vocabulary[node] for node in nodes]] = 1.0
        yield GraphBatch(
            prompts_BP=prompts_BP,
            mask_BP=prompts_BP != PAD,
            targets_BC=torch.tensor([[vocabulary["answer"], vocabulary[row.answer], EOS] for row in rows]),
            shares_BLV=reached_BLV / reached_BLV.sum(-1, keepdim=True),
        )
