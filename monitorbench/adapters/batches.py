"""What adapters share about one batch: left padding to a bucketed width, and what they refuse.

Shape suffixes: B rows, W prompt width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from monitorbench.adapters.base import Adapter, Channel, Edit
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

BUCKET = 16
"""Prompt widths are multiples of this, so that the width a prompt runs at depends on its own length only."""


def bucket_width(length: int) -> int:
    """The width at which a prompt of this many tokens runs."""
    return max(1, -(-length // BUCKET)) * BUCKET


def left_pad(prompts: Sequence[Sequence[int]], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids and mask, both (B, W), of prompts that share one bucket."""
    import torch

    width = max(bucket_width(len(prompt)) for prompt in prompts)
    ids_BW = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    mask_BW = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return ids_BW.to(device), mask_BW.to(device)


def end_ids(value: int | Sequence[int] | None) -> tuple[int, ...]:
    """End-of-sequence ids, however a generation configuration gives them."""
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(value)


def require_honoured(edit: Edit | None, honoured: frozenset[str], family: str) -> None:
    """Refuse an edit that the adapter would otherwise silently drop.

    Raises:
        UsageError: the edit changes something that this family cannot change.
    """
    if edit is None:
        return
    asked = {name for name in ("value", "tokens", "hold", "seeds") if getattr(edit, name) is not None}
    if extra := sorted(asked - honoured):
        raise UsageError(
            f"the adapter family {family} does not honour an edit of {extra[0]}", fix="use another intervention"
        )


def own_settings(
    adapter: Adapter, sampler: Mapping[str, float | int | bool | str]
) -> dict[str, float | int | bool | str]:
    """Those of a suite's sampler settings that the adapter has.

    A suite may hold settings of several families, so that one suite can compare them.
    """
    return {name: value for name, value in sampler.items() if name in adapter.settings}


def carried_channels(adapter: Adapter, sampler: Mapping[str, float | int | bool | str]) -> tuple[Channel, ...]:
    """Every channel that the adapter's model carries under a suite's sampler settings."""
    return adapter.carries(own_settings(adapter, sampler))


def check_settings(sampler: Sequence[str], known: Sequence[str], family: str) -> None:
    """Refuse sampler settings that the family does not have.

    Raises:
        UsageError: naming the first such setting and those that exist.
    """
    if extra := sorted(set(sampler) - set(known)):
        raise UsageError(
            f"the adapter family {family} has no sampler setting {extra[0]!r}", fix=f"use {', '.join(known)}"
        )
