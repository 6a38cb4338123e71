"""Truncations of logits: what remains readable when only a few tokens may carry information.

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560), the maps f_k and f_p.

Shape suffixes: N rows worked on at once, V vocabulary; `...` stands for any leading dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from monitorbench.errors import UsageError
from monitorbench.interventions.keeping import Keep, keep_from, keep_min_p, keep_top_k, keep_top_p

__all__ = ["FILLS", "Keep", "keep_from", "keep_min_p", "keep_top_k", "keep_top_p", "truncate", "truncated"]

FILLS = ("haze", "renorm", "onehot")
MOST_AT_ONCE = 2**22
"""Numbers worked on in double precision at a time, 32 MB: a vocabulary times all positions can be far more."""


def truncate(logits_V: Tensor, keep: Keep, *, fill: str = "haze") -> Tensor:
    """Logits (..., V) that say of the tokens not kept only how much probability they have together.

    `haze` gives all of them one constant c with exp(c) = (sum over them of exp l_j) / (number of them): kept tokens
    keep exactly their probability. `renorm` gives them -inf: the kept tokens share their probability. `onehot` keeps
    nothing but the likeliest token (of equal ones that of the smallest id), whatever `keep` says, with probability 1.
    Under `haze` and `renorm`, where everything is kept the logits come back as they are, bit for bit.

    c is worked out in double precision and rounded to the type of the logits, which moves it by at most |c| * eps / 2.
    That changes the mass of the tokens not kept, as a share of it, by at most |c| * eps, and the probability of each
    kept token, as a share of it, by at most that mass times |c| * eps. For c = -8 the factor |c| * eps is 1e-6 in
    float32, 0.8 % in float16 and 6 % in bfloat16. c lies between the smallest and the largest of the logits that it
    replaces, so it is finite wherever they are; where all are -inf it is -inf too. No NaN comes out where none went in.

    Memory: the result, and pieces of at most `MOST_AT_ONCE` numbers; logits that are not contiguous are copied once.

    Raises:
        UsageError: there is no such filling.
    """
    return truncated(logits_V, keep, fill=fill)[0]


def truncated(logits_V: Tensor, keep: Keep, *, fill: str = "haze") -> tuple[Tensor, Tensor]:
    """The same logits, and bool (...): where no token was reached, so that the likeliest was kept by itself."""
    if fill not in FILLS:
        raise UsageError(f"no filling is called {fill!r}", fix=f"use {', '.join(FILLS[:-1])} or {FILLS[-1]}")
    V = logits_V.shape[-1]
    at_once = max(1, MOST_AT_ONCE // V)
    if logits_V.numel() <= at_once * V:
        return _truncated(logits_V, keep, fill)
    rows_NV = logits_V.reshape(-1, V)
    cut_NV = torch.empty_like(rows_NV)
    short_N = torch.empty(len(rows_NV), dtype=torch.bool, device=rows_NV.device)
    for start in range(0, len(rows_NV), at_once):
        part = slice(start, start + at_once)
        cut_NV[part], short_N[part] = _truncated(rows_NV[part], keep, fill)
    return cut_NV.reshape(logits_V.shape), short_N.reshape(logits_V.shape[:-1])


def _truncated(logits_V: Tensor, keep: Keep, fill: str) -> tuple[Tensor, Tensor]:
    kept_V, short = keep.marked(logits_V)
    if fill == "onehot":
        kept_V = torch.zeros_like(kept_V).scatter_(-1, logits_V.argmax(-1, keepdim=True), value=True)
    if fill != "haze":
        return logits_V.masked_fill(~kept_V, float("-inf")), short
    count = (~kept_V).sum(-1, keepdim=True)
    rest_V = logits_V.masked_fill(kept_V, float("-inf")).double()
    # Where everything is kept there is no rest: the least count keeps a NaN out of what is not used.
    constant = rest_V.logsumexp(-1, keepdim=True) - count.clamp_min(1).double().log()
    return torch.where(kept_V, logits_V, constant.to(logits_V.dtype)), short
