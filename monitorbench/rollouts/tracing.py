"""From events to the plain arrays that scores look at.

Shape suffixes: B rows that are kept, P positions, W predicted positions, V vocabulary, K most probable tokens.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monitorbench.adapters.base import Edit, Event, Hook
from monitorbench.errors import CheckpointError
from monitorbench.rollouts.block_steps import BlockSteps, Step
from monitorbench.rollouts.carried import Watcher
from monitorbench.rollouts.likeliest import predictions
from monitorbench.rollouts.packing import PackedTrace, packed_trace

TOP = 8
"""Tokens kept of every prediction."""


class TraceWatcher:
    """A hook that keeps every observation event of the rows that still run, and hands all events on to another hook.

    Args:
        inner: the other hook.
        rows: rows that are kept.
        carried: keeps what is carried on after the other hook had its say; None where nothing is to be kept of it.
    """

    def __init__(self, inner: Hook | None, rows: int, carried: Watcher | None = None) -> None:
        self._inner, self._rows, self._carried = inner, rows, carried
        self._blocks: dict[int, BlockSteps] = defaultdict(BlockSteps)

    def __call__(self, event: Event) -> Edit | None:
        """Keep what is observed; the edit is the other hook's."""
        if event.channel is None and event.logits is not None:
            self._keep(event, event.logits)
        edit = self._inner(event) if self._inner is not None else None
        if self._carried is not None:
            self._carried.see(event, edit)
        return edit

    def _keep(self, event: Event, logits_BWV: Tensor) -> None:
        step = _step(event, logits_BWV, self._rows)
        if np.isnan(step.predictions["entropy_SP"][step.live_B]).any():
            raise CheckpointError(
                f"the model predicts what is not a number at block {event.index.block}, step {event.index.step}",
                fix="use dtype float32, or another checkpoint",
            )
        self._blocks[event.index.block].add(step)

    def trace(self, row: int, length: int) -> PackedTrace:
        """The trace of one row whose text is `length` tokens long.

        Raises:
            IndexError: the row is not kept.
        """
        blocks, start = [], 0
        for number, steps in sorted(self._blocks.items()):
            packed = steps.packed(row, length - start)
            if packed is None:
                continue
            positions = packed["content_P"].size
            if self._carried is not None:
                shape = (packed["tokens.counts_S"].size, positions)
                packed = {**packed, **self._carried.arrays(row, number, *shape)}
            blocks.append(packed)
            start += positions
        return packed_trace(blocks)


def _step(event: Event, logits_BWV: Tensor, rows: int) -> Step:
    """What is kept of an event, brought to the host in one go."""
    entropy_BW, ids_BWK, probabilities_BWK = predictions(logits_BWV[:rows], min(TOP, logits_BWV.shape[-1]))
    tokens_BP = event.tokens[:rows]
    wanted = {
        "live": event.live[:rows],
        "tokens_SP": tokens_BP,
        "committed_SP": torch.ones_like(tokens_BP) if event.committed is None else event.committed[:rows],
        **({} if event.canvas is None else {"canvas_SP": event.canvas[:rows]}),
        "top_ids_SPK": ids_BWK,
        "entropy_SP": entropy_BW,
        "top_probabilities_SPK": probabilities_BWK,
    }
    found = _on_host(wanted)
    predicted: dict[str, NDArray[Any]] = {
        "entropy_SP": found["entropy_SP"],
        "top_ids_SPK": found["top_ids_SPK"],
        "top_probabilities_SPK": found["top_probabilities_SPK"].astype(np.float16),
    }
    canvases: dict[str, NDArray[Any]] = {
        name: found[name] for name in ("tokens_SP", "committed_SP", "canvas_SP") if name in found
    }
    canvases["committed_SP"] = canvases["committed_SP"].astype(bool)
    return Step(live_B=found["live"].astype(bool), canvases=canvases, predictions=predicted)


def _on_host(tensors: dict[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Tensors as arrays, int32 or float32, by a single copy to the host: each copy waits for the device."""
    device = tensors["entropy_SP"].device
    words = {
        name: tensor.view(torch.int32) if tensor.is_floating_point() else tensor.to(device, torch.int32)
        for name, tensor in tensors.items()
    }
    flat = torch.cat([each.reshape(-1) for each in words.values()]).cpu().numpy()
    parts = np.split(flat, np.cumsum([each.numel() for each in words.values()])[:-1])
    return {
        name: (part.view(np.float32) if tensor.is_floating_point() else part).reshape(tuple(tensor.shape))
        for (name, tensor), part in zip(tensors.items(), parts, strict=True)
    }
