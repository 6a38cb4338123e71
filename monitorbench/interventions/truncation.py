"""Truncations of logits: what remains readable when only a few tokens may carry information.

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560), the maps f_k and f_p.

Shape suffixes: V vocabulary; `...` stands for any leading dimensions.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from monitorbench.errors import UsageError

Keep = Callable[[Tensor], Tensor]
"""From logits (..., V) to bool (..., V): which tokens are kept."""
FILLS = ("haze", "renorm")
MOST_AT_ONCE = 2**24
"""Numbers worked on in double precision at a time, 128 MB: a vocabulary times all positions can be far more."""


def keep_top_k(k: int) -> Keep:
    """Keep exactly the `k` largest logits, of equal ones those of smaller ids, 1 <= k; k >= V keeps everything."""

    def kept(logits_V: Tensor) -> Tensor:
        if k >= logits_V.shape[-1]:
            return torch.ones_like(logits_V, dtype=torch.bool)
        least = logits_V.topk(k, dim=-1).values[..., -1:]
        above_V, tied_V = logits_V > least, logits_V == least
        room = k - above_V.sum(-1, keepdim=True)
        return above_V | (tied_V & (tied_V.cumsum(-1, dtype=torch.int32) <= room))

    return kept


def keep_min_p(p: float) -> Keep:
    """Keep tokens whose probability is at least `p`, 0 < p <= 1: an absolute threshold for each token by itself."""

    def kept(logits_V: Tensor) -> Tensor:
        return logits_V.double().softmax(-1) >= p

    return kept


def truncate(logits_V: Tensor, keep: Keep, *, fill: str = "haze") -> Tensor:
    """Logits (..., V) that say of the tokens not kept only how much probability they have together.

    `haze` gives all of them one constant c with exp(c) = (sum over them of exp l_j) / (number of them): kept tokens
    keep exactly their probability, and where everything is kept the logits come back as they are, bit for bit.
    `renorm` gives them -inf: the kept tokens share their probability. Where nothing is kept, both say nothing: every
    token is as probable as the next.

    Raises:
        UsageError: there is no such filling.
    """
    if fill not in FILLS:
        raise UsageError(f"no filling is called {fill!r}", fix=f"use {' or '.join(FILLS)}")
    V = logits_V.shape[-1]
    at_once = max(1, MOST_AT_ONCE // V)
    if logits_V.numel() <= at_once * V:
        return _truncated(logits_V, keep, fill)
    parts = (_truncated(part_NV, keep, fill) for part_NV in torch.split(logits_V.reshape(-1, V), at_once))
    return torch.cat(list(parts)).reshape(logits_V.shape)


def _truncated(logits_V: Tensor, keep: Keep, fill: str) -> Tensor:
    kept_V = keep(logits_V)
    rest_V = logits_V.double().masked_fill(kept_V, float("-inf"))
    count = (~kept_V).sum(-1, keepdim=True)
    constant = rest_V.logsumexp(-1, keepdim=True) - count.double().log()
    if fill == "renorm":
        constant = constant.masked_fill(count < logits_V.shape[-1], float("-inf"))
    return torch.where(kept_V, logits_V, constant.to(logits_V.dtype))


def keep_from(name: str, value: float) -> Keep:
    """The truncation that a suite declares as `{top_k: K}` or `{min_p: P}`."""
    if name not in ("top_k", "min_p"):
        raise UsageError(f"no truncation is called {name!r}", fix="use top_k or min_p")
    return keep_top_k(int(value)) if name == "top_k" else keep_min_p(value)
