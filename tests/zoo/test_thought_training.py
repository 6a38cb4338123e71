"""Training a model that thinks: it predicts what use generates, and gradients reach back through the thoughts."""

from __future__ import annotations

import random

import pytest
import torch

from monitorbench.adapters.base import Limits
from monitorbench.adapters.thought_loop import ThoughtLoop
from monitorbench.tasks.graph_reachability import vocabulary
from monitorbench.zoo.batches_graph import graph_batches
from monitorbench.zoo.losses import OBJECTIVES, Progress
from monitorbench.zoo.losses_thought import think
from monitorbench.zoo.models import build_tokenizer
from monitorbench.zoo.models_thought import THOUGHTS, build_thinker

TOKENIZER = build_tokenizer(vocabulary())
BATCH = next(graph_batches(TOKENIZER, batch_size=6, lengths=(1, 3), seed=0))
MODES = {"superposed": "mixture", "private": "hidden", "guessing": "hidden"}


@pytest.mark.parametrize("mode", ["mixture", "hidden"])
def test_what_training_predicts_is_what_use_generates(mode: str) -> None:
    torch.manual_seed(0)
    model = build_thinker(len(TOKENIZER), mode=mode)
    with torch.no_grad():
        predicted_BV = think(model, BATCH, lambda _, own: own).logits_BCV[:, 0]
    prompts = [row[mask].tolist() for row, mask in zip(BATCH.prompts_BP, BATCH.mask_BP, strict=True)]
    output = ThoughtLoop(model=model, tokenizer=TOKENIZER).generate(
        prompts, range(len(prompts)), None, Limits(max_new_tokens=1)
    )
    assert [list(tokens) for tokens in output.tokens] == predicted_BV.argmax(-1)[:, None].tolist()


@pytest.mark.parametrize("mode", ["mixture", "hidden"])
def test_own_thoughts_are_trained_through(mode: str) -> None:
    model = build_thinker(len(TOKENIZER), mode=mode)
    first: list[torch.Tensor] = []

    def keep(_: int, own: torch.Tensor) -> torch.Tensor:
        own.retain_grad()
        first.append(own)
        return own

    think(model, BATCH, keep).logits_BCV.logsumexp(-1).sum().backward()
    assert len(first) == THOUGHTS
    assert all(value.grad is not None and bool(value.grad.abs().sum() > 0) for value in first)


@pytest.mark.parametrize("kind", MODES)
def test_a_few_steps_lower_the_loss(kind: str) -> None:
    torch.manual_seed(0)
    model = build_thinker(len(TOKENIZER), mode=MODES[kind])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    progress = Progress(passes=1, shown=1.0, rng=random.Random(0))
    totals = []
    for _ in range(6):
        losses = OBJECTIVES[kind](model, BATCH, progress)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        totals.append(losses.total.item())
    assert totals[-1] < 0.8 * totals[0]


def test_each_thought_is_taught_the_nodes_one_step_further() -> None:
    assert torch.allclose(BATCH.shares_BLV.sum(-1), torch.ones(6, THOUGHTS))
    answers_B = BATCH.targets_BC[:, 1]
    assert bool((BATCH.shares_BLV[torch.arange(6), -1, answers_B] > 0).all())
