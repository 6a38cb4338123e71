"""Tensors of a batch, kept row by row under the prompt that each row holds, so that other batches can be made of them.

Shape suffixes: B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

MOST = 2**29
"""Bytes that are kept at most, beside the model and on its device; further prompts are read anew every time."""
Name: TypeAlias = "tuple[int, int, tuple[int, ...]]"
"""Rows and width of the batch, and the prompt: what is kept is that of one batch shape, bit for bit."""


class KeptRows:
    """What was kept of each prompt: as many tensors, in the same order, for every prompt of one batch shape."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._bytes = most, 0
        self._kept: dict[Name, list[Tensor]] = {}

    def keep(self, names: Sequence[Name], tensors: Sequence[Tensor]) -> None:
        """Keep the rows of these tensors (B, ...) as long as there is room; those that are kept already stay."""
        for row, name in enumerate(names):
            parts = [tensor[row] for tensor in tensors]
            size = sum(part.nbytes for part in parts)
            if name not in self._kept and self._bytes + size <= self._most:
                self._bytes += size
                self._kept[name] = [part.clone() for part in parts]

    def together(self, names: Sequence[Name]) -> list[Tensor] | None:
        """The tensors (B, ...) of a batch of these prompts; None where one of them is not kept."""
        import torch

        if any(name not in self._kept for name in names):
            return None
        return [torch.stack(parts) for parts in zip(*(self._kept[name] for name in names), strict=True)]

    def forget(self) -> None:
        """Keep nothing of what was kept so far."""
        self._bytes = 0
        self._kept.clear()
