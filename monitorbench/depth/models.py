"""Counting a transformers model as a function: whole attention over the window, experts as a gather, no masks built."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from monitorbench.depth.costs import Convention
from monitorbench.depth.whole import attention
from monitorbench.errors import UnknownOperationError

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
    if options.get("position_bias") is not None:
        raise UnknownOperationError(
            "attention with a position bias", where=type(module).__name__, fix="trace the model in `implemented`"
        )
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
        query, key, value, attention_mask, keys=keys, scaling=options.get("scaling"), softcap=options.get("softcap")
    )
    return output.transpose(1, 2), None


@contextmanager
def counted_as(module: nn.Module | None, convention: Convention) -> Iterator[None]:
    """Run a transformers model in the form that a convention counts; other modules run as they are.

    In `circuit` every attention layer is one operation over the keys its window lets in, and no mask is built; in
    `implemented` attention is eager. Experts are gathered, or reached by the sorted dispatch that the program uses.
    Everything is put back on leaving.
    """
    configs = _configs(module)
    before = [(config, config._attn_implementation, config._experts_implementation) for config in configs]
    if configs and convention == "circuit":
        from transformers import AttentionInterface

        AttentionInterface.register(_NAME, _layer_attention)
    try:
        for config in configs:
            config._attn_implementation_internal = _NAME if convention == "circuit" else "eager"
            config._experts_implementation_internal = "batched_mm" if convention == "circuit" else "grouped_mm"
        yield
    finally:
        for config, attends, experts in before:
            config._attn_implementation_internal = attends
            config._experts_implementation_internal = experts


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
