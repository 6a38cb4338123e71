"""Who runs the batches of a recording: this process alone, or several."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout
    from monitorbench.rollouts.batching import RowBatch
    from monitorbench.rollouts.recorder import Recording

Attempt: TypeAlias = "Callable[[RowBatch], Sequence[Rollout]]"
"""Gives what a batch came to, or raises what it raised, as `run_batch`; runs a part of it that is asked for instead."""
Running: TypeAlias = "Generator[tuple[RowBatch, Attempt | None], None, None]"


class Crew(Protocol):
    """Runs batches."""

    def run(self, group: Sequence[Recording], batches: Sequence[RowBatch]) -> Running:
        """Run batches of arms that may share them, each once, in any order.

        Yields:
            Each batch with what it came to; where it is worth telling, before that with None: it begins.
        """


class Alone:
    """This process runs every batch, one after the other, each when it is asked for."""

    def run(self, group: Sequence[Recording], batches: Sequence[RowBatch]) -> Running:
        """As `Crew`."""
        from monitorbench.rollouts.recorder import run_batch

        for batch in batches:
            yield batch, partial(run_batch, group)
