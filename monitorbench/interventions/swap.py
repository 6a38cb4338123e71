"""Two runs exchange what they have come to, once: what is on the canvas, what is carried beside it, or both.

The two stand next to each other in the batch: rows 0 and 1, rows 2 and 3, and so on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from monitorbench.adapters.base import Axis, Edit, Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Swap:
    """A hook under which every row goes on from what the other one of its pair has come to.

    Attributes:
        step: the step, or the loop for a channel that crosses loops, after which it happens; in the first block.
        canvas: whether the canvas is taken over.
        channel: name of the channel that is taken over; empty for none.
        axis: what that channel crosses.
    """

    step: int
    canvas: bool
    channel: str = ""
    axis: Axis = "step"

    def __call__(self, event: Event) -> Edit | None:
        """The other row's canvas or value, at the one moment."""
        index = event.index
        if index.block > 0:
            return None
        if event.channel is None:
            there = event.next_canvas if event.next_canvas is not None else event.tokens
            return Edit(tokens=of_partners(there)) if self.canvas and index.step == self.step else None
        now = index.loop if self.axis == "loop" else index.step
        taken = event.channel == self.channel and now == self.step and event.value is not None
        return Edit(value=of_partners(event.value)) if taken and event.value is not None else None


def of_partners(value: Tensor) -> Tensor:
    """Every row gets what its partner has; a last row without one keeps its own."""
    rows = len(value)
    partners = [row ^ 1 if row ^ 1 < rows else row for row in range(rows)]
    return value[torch.tensor(partners, device=value.device)]


def of_donors(value: Tensor) -> Tensor:
    """The first row of every pair gets what the second has; all others keep their own."""
    rows = torch.arange(len(value), device=value.device)
    return value[torch.where((rows % 2 == 0) & (rows + 1 < len(value)), rows + 1, rows)]
