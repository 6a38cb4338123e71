"""From events to the plain arrays that scores look at.

Shape suffixes: B rows, P positions, S steps.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from monitorbench.adapters.base import Edit, Event, Hook
from monitorbench.errors import CheckpointError
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.carried import CarriedWatcher

Step = tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.float32]]


class TraceWatcher:
    """A hook that keeps every observation event of the rows that still run, and hands all events on to another hook.

    Args:
        inner: the other hook.
        rows: rows that are kept.
        carried: keeps what is carried on after the other hook had its say; None where nothing is to be kept of it.
    """

    def __init__(self, inner: Hook | None, rows: int, carried: CarriedWatcher | None = None) -> None:
        self._inner, self._carried = inner, carried
        self._steps: list[dict[int, list[Step]]] = [defaultdict(list) for _ in range(rows)]

    def __call__(self, event: Event) -> Edit | None:
        """Keep what is observed; the edit is the other hook's."""
        if event.channel is None and event.logits is not None:
            self._keep(event)
        edit = self._inner(event) if self._inner is not None else None
        if self._carried is not None:
            self._carried.see(event, edit)
        return edit

    def _keep(self, event: Event) -> None:
        assert event.logits is not None  # an observation event always has them
        tokens_BP = event.tokens.to("cpu").numpy().astype(np.int32)
        committed_BP = np.ones_like(tokens_BP, dtype=bool) if event.committed is None else event.committed.cpu().numpy()
        entropy_BP = _entropy(event.logits).cpu().numpy().astype(np.float32)
        if np.isnan(entropy_BP[event.live.cpu().numpy()]).any():
            raise CheckpointError(
                f"the model predicts what is not a number at block {event.index.block}, step {event.index.step}",
                fix="use dtype float32, or another checkpoint",
            )
        for row, live in enumerate(event.live.tolist()[: len(self._steps)]):
            if live:
                self._steps[row][event.index.block].append((tokens_BP[row], committed_BP[row], entropy_BP[row]))

    def trace(self, row: int, length: int) -> Trace:
        """The trace of one row whose text is `length` tokens long."""
        blocks, start = [], 0
        for number, steps in sorted(self._steps[row].items()):
            block = _block(steps, length - start)
            if self._carried is not None:
                carried: Any = self._carried.arrays(row, number, *block.tokens_SP.shape)
                block = replace(block, **carried)
            blocks.append(block)
            start += block.content_P.size
        return Trace(blocks=tuple(blocks))


def _block(steps: list[Step], content: int) -> BlockTrace:
    """Stack the steps of one block. A step that saw fewer positions leaves the later ones open; one that predicted only
    the newest position keeps the entropies of the earlier ones.
    """
    width = max(tokens_P.size for tokens_P, _, _ in steps)
    shape = (len(steps), width)
    tokens_SP, committed_SP = np.full(shape, -1, np.int32), np.zeros(shape, bool)
    entropy_SP = np.full(shape, np.nan, np.float32)
    for step, (tokens_P, committed_P, entropy_P) in enumerate(steps):
        seen = tokens_P.size
        tokens_SP[step, :seen], committed_SP[step, :seen] = tokens_P, committed_P
        if step and entropy_P.size < seen:
            entropy_SP[step] = entropy_SP[step - 1]
        entropy_SP[step, seen - entropy_P.size : seen] = entropy_P
    content_P = np.arange(width) < content
    return BlockTrace(tokens_SP=tokens_SP, committed_SP=committed_SP, entropy_SP=entropy_SP, content_P=content_P)


def _entropy(logits_BPV: Tensor) -> Tensor:
    """(B, P) entropies in nats; tokens of probability 0 add nothing."""
    log_probability_BPV = logits_BPV.float().log_softmax(-1)
    return -(log_probability_BPV.exp() * log_probability_BPV.clamp_min(-1e4)).sum(-1)
