"""What tokens weigh as a vector: mixtures of a model's input embeddings.

Shape suffixes: B rows, P positions, d width of the model, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from monitorbench.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

Writer: TypeAlias = "Callable[[Any, Tensor, Tensor], Tensor]"
"""From a model, logits (B, P, V) and the vectors (B, P, d) that they stand in for, to vectors (B, P, d)."""

WRITERS = Registry("write function", "monitorbench.writers", {"mixture": "monitorbench.adapters.mixtures:mixture_like"})


def mixture(model: Any, logits_BPV: Tensor) -> Tensor:
    """(B, P, d) the average of all token embeddings, weighted by the probabilities that the logits give."""
    table: Any = model.get_input_embeddings()
    # Some families scale what they look up.
    scale = getattr(table, "embed_scale", 1.0)
    table_Vd = whole(table.weight)
    mixed_BPd: Tensor = logits_BPV.softmax(-1).to(table_Vd.dtype) @ table_Vd * scale
    return mixed_BPd


def whole(weight: Tensor) -> Tensor:
    """A weight as a plain tensor, also where ranks hold a part of it each; then all of them have to ask for it."""
    gathered: Tensor = weight.full_tensor() if hasattr(weight, "full_tensor") else weight
    return gathered


def mixture_like(model: Any, logits_BPV: Tensor, like: Tensor) -> Tensor:
    """(B, P, d) the same mixture, at each position as long as the vector in `like` (B, P, d), and of its type.

    Embeddings may be shorter than states by far: without this a loss would measure length, not information. Whatever
    a family scales its embeddings with has no effect on it.
    """
    mixed_BPd = mixture(model, logits_BPV)
    length_BP1 = like.norm(dim=-1, keepdim=True)
    scaled_BPd: Tensor = mixed_BPd * length_BP1 / mixed_BPd.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return scaled_BPd.to(like.dtype)
