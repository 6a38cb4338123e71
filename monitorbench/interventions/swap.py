"""Two runs exchange what they have come to, once: what is on the canvas, what is carried beside it, or both."""

from __future__ import annotations

from dataclasses import dataclass

from monitorbench.adapters.base import Axis, Edit, Event
from monitorbench.interventions.other_rows import row_before


@dataclass(frozen=True, kw_only=True, slots=True)
class Swap:
    """A hook under which every row goes on from what the row before it has come to.

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
            there = event.canvas if event.canvas is not None else event.tokens
            return Edit(tokens=row_before(there)) if self.canvas and index.step == self.step else None
        now = index.loop if self.axis == "loop" else index.step
        taken = event.channel == self.channel and now == self.step and event.value is not None
        return Edit(value=row_before(event.value)) if taken and event.value is not None else None
