"""Counting a transformers model as a function: whole attention over the window, experts as a gather, no masks built."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from monitorbench.depth.costs import Convention, counts_function
from monitorbench.depth.dispatch import experts_implementation
from monitorbench.depth.module_rules import module_rules_applied
from monitorbench.depth.whole import attention

_NAME = "monitorbench_depth"


def visible_keys(*, keys: int, queries: int, window: int | None, causal: bool) -> int:
    """Number of keys that enter the softmax of one query.

    Without causality a window is counted as reaching back from every query and over all queries: an upper bound.
    """
    if not window:
        return keys
    return min(keys, window if causal else window + queries)


def _layer_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """What transformers calls instead of an attention kernel. Returns (B, P, heads, head_dim), as kernels do."""
    window = options.get("sliding_window") or getattr(module, "sliding_window", None)
    causal = options.get("is_causal")
    keys = visible_keys(
        keys=key.shape[-2],
        queries=query.shape[-2],
        window=window if isinstance(window, int) else None,
        causal=bool(getattr(module, "is_causal", True) if causal is None else causal),
    )
    keys += options.get("s_aux") is not None  # a sink takes part in the sum as one more key
    output = attention(
        query,
        key,
        value,
        attention_mask,
        keys=keys,
        scaling=options.get("scaling"),
        softcap=options.get("softcap"),
        position_bias=options.get("position_bias"),
    )
    return output.transpose(1, 2).contiguous(), None


def _fixed_mask(
    *,
    batch_size: int,
    q_length: int,
    kv_length: int,
    attention_mask: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    **_: Any,
) -> Tensor:
    """What transformers calls to build a mask (B, 1, Q, K): a shape for layers that slice it or add it themselves."""
    if attention_mask is None:
        return torch.zeros(batch_size, 1, q_length, kv_length, dtype=dtype)
    return attention_mask[:, None, None, -kv_length:].to(dtype).expand(-1, -1, q_length, -1)


@contextmanager
def counted_as(module: nn.Module | None, convention: Convention) -> Iterator[None]:
    """Run a transformers model in the form that a convention counts; other modules run as they are.

    As a function every attention layer is one operation over the keys its window lets in, and no mask is built; as
    a program attention is eager. Experts are gathered, or reached by the sorted dispatch that the program uses.
    Everything is put back on leaving.
    """
    configs, experts = _configs(module), experts_implementation(convention)
    before = [(config, config._attn_implementation, config._experts_implementation) for config in configs]
    if configs and counts_function(convention):
        from transformers import AttentionInterface, AttentionMaskInterface

        AttentionInterface.register(_NAME, _layer_attention)
        AttentionMaskInterface.register(_NAME, _fixed_mask)
    try:
        for config in configs:
            config._attn_implementation_internal = _NAME if counts_function(convention) else "eager"
            config._experts_implementation_internal = experts
        with module_rules_applied(convention):
            yield
    finally:
        for config, attention_before, experts_before in before:
            config._attn_implementation_internal = attention_before
            config._experts_implementation_internal = experts_before


def _configs(module: nn.Module | None) -> list[Any]:
    transformers = sys.modules.get("transformers")
    if module is None or transformers is None:
        return []
    found: dict[int, Any] = {}
    pending = [part.config for part in module.modules() if isinstance(part, transformers.PreTrainedModel)]
    while pending:
        config = pending.pop()
        if config is not None and id(config) not in found:
            found[id(config)] = config
            pending += [getattr(config, name, None) for name in config.sub_configs]
    return list(found.values())
