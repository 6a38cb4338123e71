"""The code behind a published table, where it differs from transformers: how experts are chosen and reached.

The depths of arXiv 2606.20560 belong to the public JAX code of Gemma 4 (gemma/gm/nn/gemma4/_moe.py). There, too, a
token goes to the experts of the largest probability. But they are chosen before the softmax, which keeps the order,
and tokens are sorted by expert and put back with two chained argsorts over all choices.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from torch import Tensor
from transformers.models.diffusion_gemma.modeling_diffusion_gemma import DiffusionGemmaTextRouter
from transformers.models.gemma4.modeling_gemma4 import Gemma4TextRouter

from monitorbench.depth.dispatch import two_sort_dispatch


def choose(self: Any, x_ND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities (N, E), weights and indices (N, k) of the experts chosen."""
    x_ND = self.norm(x_ND) * self.scale * self.scalar_root_size
    scores_NE = self.proj(x_ND).float()
    chosen_Nk = scores_NE.topk(self.config.top_k_experts).indices
    probabilities_NE = scores_NE.softmax(-1)
    weights_Nk = probabilities_NE.gather(-1, chosen_Nk)
    weights_Nk = weights_Nk / weights_Nk.sum(-1, keepdim=True) * self.per_expert_scale[chosen_Nk]
    return probabilities_NE, weights_Nk, chosen_Nk


@contextmanager
def published_experts() -> Iterator[None]:
    """While entered, experts are chosen and reached as in the published code."""
    with (
        two_sort_dispatch(),
        patch.object(Gemma4TextRouter, "forward", choose),
        patch.object(DiffusionGemmaTextRouter, "forward", choose),
    ):
        yield
