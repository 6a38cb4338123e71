"""Key-value caches as plain tensors, so that segments can hand them on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Layers: TypeAlias = "list[tuple[Tensor, Tensor]]"
"""Keys and values of every layer, each (rows, heads, positions, head_dim)."""


def filled_cache(config: Any, layers: Sequence[tuple[Tensor, Tensor]]) -> Any:
    """A key-value cache that holds exactly these tensors.

    Args:
        config: the text configuration, which says what kind of cache each layer has.
        layers: keys and values of every layer.
    """
    from transformers import DynamicCache

    cache = DynamicCache(config=config)
    for index, (keys, values) in enumerate(layers):
        cache.update(keys, values, index)
    return cache


def layers_of(cache: Any) -> Layers:
    """What a cache holds."""
    return [(layer.keys, layer.values) for layer in cache.layers]
