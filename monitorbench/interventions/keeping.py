"""Which tokens are kept when only a few may carry information.

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560): top-k and an absolute threshold for each token.
Nucleus: "The Curious Case of Neural Text Degeneration" (arXiv 1904.09751, section 3.1).

Shape suffixes: V vocabulary; `...` stands for any leading dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from monitorbench.errors import UsageError

TRUNCATIONS = ("top_k", "min_p", "top_p")


@dataclass(frozen=True, slots=True)
class Keep:
    """From logits (..., V) to bool (..., V): which tokens are kept, always at least the likeliest one.

    Tokens of logit -inf have probability 0 and are never said to be kept, even by a top-k with room for them: they
    carry nothing, and truncation leaves them as they are wherever nothing else is dropped. A row that is -inf
    throughout is no distribution; of it the first token is kept.

    Attributes:
        reached: (..., V) bool, which tokens the truncation asks for; may be none.
    """

    reached: Callable[[Tensor], Tensor]

    def __call__(self, logits_V: Tensor) -> Tensor:
        """(..., V) bool, True for the tokens that are kept."""
        return self.marked(logits_V)[0]

    def marked(self, logits_V: Tensor) -> tuple[Tensor, Tensor]:
        """The tokens (..., V) that are kept, and bool (...): where none was asked for and the argmax is kept alone."""
        kept_V = self.reached(logits_V) & (logits_V > float("-inf"))
        short = ~kept_V.any(-1, keepdim=True)
        # The first among equals: argmax gives the smallest id.
        likeliest = logits_V.argmax(-1, keepdim=True)
        return kept_V.scatter_(-1, likeliest, kept_V.gather(-1, likeliest) | short), short.squeeze(-1)


def keep_top_k(k: int) -> Keep:
    """Keep exactly the `k` largest logits, of equal ones those of smaller ids, 1 <= k; k >= V keeps everything."""

    def reached(logits_V: Tensor) -> Tensor:
        if k >= logits_V.shape[-1]:
            return torch.ones_like(logits_V, dtype=torch.bool)
        return _largest(logits_V, logits_V.topk(k, dim=-1).values[..., -1:], k)

    return Keep(reached)


def keep_min_p(p: float) -> Keep:
    """Keep tokens whose probability is at least `p`, 0 < p <= 1: an absolute threshold for each token by itself.

    Where no token has so much, the likeliest is kept, of equal ones that of the smallest id.
    """

    def reached(logits_V: Tensor) -> Tensor:
        return logits_V.double().softmax(-1) >= p

    return Keep(reached)


def keep_top_p(p: float) -> Keep:
    """Keep the nucleus: the fewest of the most probable tokens that together have probability `p`, 0 < p.

    Of equal tokens those of smaller ids; at least one token; p >= 1 keeps everything. Probabilities are added up in
    double precision: closer to `p` than about 1e-15 times the number of tokens, rounding decides.
    """

    def reached(logits_V: Tensor) -> Tensor:
        if p >= 1:
            return torch.ones_like(logits_V, dtype=torch.bool)
        sorted_V = logits_V.sort(-1, descending=True).values
        mass_V = sorted_V.double().softmax(-1).cumsum(-1)
        k = ((mass_V < p).sum(-1, keepdim=True) + 1).clamp_max(logits_V.shape[-1])
        return _largest(logits_V, sorted_V.gather(-1, k - 1), k)

    return Keep(reached)


def _largest(logits_V: Tensor, least: Tensor, k: int | Tensor) -> Tensor:
    """The `k` largest logits of each row, the smallest of which are `least` (..., 1); ties broken by token id."""
    above_V, tied_V = logits_V > least, logits_V == least
    room = k - above_V.sum(-1, keepdim=True)
    return above_V | (tied_V & (tied_V.cumsum(-1, dtype=torch.int32) <= room))


def keep_from(name: str, value: float) -> Keep:
    """The truncation that a suite declares as `{top_k: K}`, `{min_p: P}` or `{top_p: P}`.

    Raises:
        UsageError: there is no such truncation.
    """
    if name not in TRUNCATIONS:
        raise UsageError(f"no truncation is called {name!r}", fix="use top_k, min_p or top_p")
    if name == "top_k":
        return keep_top_k(int(value))
    return keep_min_p(value) if name == "min_p" else keep_top_p(value)
