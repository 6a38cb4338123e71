"""How probable a text is to a causal language model, by one forward pass.

Shape suffixes: B rows, T positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from monitorbench.errors import UsageError

Pair = tuple[Sequence[int], Sequence[int]]
"""Ids of what comes before, at least one, and of what is scored."""


@torch.no_grad()
def log_likelihoods(model: Any, pairs: Sequence[Pair], *, batch_size: int, longest: int) -> list[tuple[float, bool]]:
    """For each pair, the log-probability in nats of the second text after the first, and whether greedy decoding
    would write it.

    Args:
        model: a causal model of transformers.
        pairs: what is scored.
        batch_size: rows of a forward pass.
        longest: positions that the model was made for.

    Raises:
        UsageError: a pair takes more positions.
    """
    scores: dict[int, tuple[float, bool]] = {}
    order = sorted(range(len(pairs)), key=lambda index: len(pairs[index][0]) + len(pairs[index][1]))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        rows = [[*pairs[index][0], *pairs[index][1]] for index in batch]
        if len(rows[-1]) > longest:
            what = f"a text to be scored takes {len(rows[-1]):,} tokens, the model holds {longest:,}"
            raise UsageError(what, fix="lower the number of examples, or leave the task out")
        logits_BTV = _logits(model, rows)
        for index, row, logits_TV in zip(batch, rows, logits_BTV, strict=True):
            scores[index] = _score(logits_TV, row, len(pairs[index][1]))
    return [scores[index] for index in range(len(pairs))]


def _logits(model: Any, rows: Sequence[Sequence[int]]) -> Tensor:
    """Filled up at the end, where a causal model does not look; what with, does not matter."""
    width = max(map(len, rows))
    ids_BT = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=model.device)
    mask_BT = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=model.device)
    logits_BTV: Tensor = model(input_ids=ids_BT, attention_mask=mask_BT, use_cache=False).logits
    return logits_BTV


def _score(logits_TV: Tensor, row: Sequence[int], scored: int) -> tuple[float, bool]:
    if not scored:
        return 0.0, True
    ahead_TV = logits_TV[len(row) - scored - 1 : len(row) - 1].float().log_softmax(-1)
    wanted_T = torch.tensor(row[len(row) - scored :], device=ahead_TV.device)
    total = ahead_TV.gather(-1, wanted_T[:, None]).sum()
    return float(total), bool((ahead_TV.argmax(-1) == wanted_T).all())
