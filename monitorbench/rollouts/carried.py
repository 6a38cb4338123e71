"""What is carried from step to step, as the few tokens that it says most of.

Shape suffixes: B rows, P positions, V vocabulary, S steps, K most probable tokens, L thoughts, X flattened positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monitorbench.adapters.base import Absent, Adapter, Channel, Edit, Event
from monitorbench.adapters.thought_carry import THOUGHT
from monitorbench.errors import UsageError
from monitorbench.rollouts.likeliest import likeliest

MOST_AT_ONCE = 2**24
"""Numbers worked on in double precision at a time, 128 MB."""
Tokens = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Ids and probabilities, both (P, K)."""


def watchable(channels: Sequence[Channel]) -> Channel | None:
    """The channel whose values can be held against the text: the one that crosses steps and can be read as tokens.

    None where there is none, or several of which a trace could hold one only.
    """
    found = [channel for channel in channels if channel.axis == "step" and channel.kind != "state"]
    return found[0] if len(found) == 1 else None


def thoughts(channels: Sequence[Channel]) -> Channel | None:
    """The channel whose values come before the text, one after the other; None for a model that does not think."""
    return THOUGHT if THOUGHT in channels else None


def most_probable(logits_V: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` most probable tokens, in falling order, of equal ones those of smaller ids first.

    Args:
        logits_V: (..., V).
        count: at least 1 and at most V.

    Returns:
        (..., count) int64 ids and float64 probabilities among all V tokens. No copy of all logits is made.
    """
    V = logits_V.shape[-1]
    parts = torch.split(logits_V.reshape(-1, V), max(1, MOST_AT_ONCE // V))
    found = [_most_probable(part_XV, count) for part_XV in parts]
    shape = (*logits_V.shape[:-1], count)
    ids, probabilities = (torch.cat(list(each)).reshape(shape) for each in zip(*found, strict=True))
    return ids, probabilities


def _most_probable(logits_XV: Tensor, count: int) -> tuple[Tensor, Tensor]:
    ids_XK, values_XK = likeliest(logits_XV, count)
    total_X = logits_XV.double().logsumexp(-1, keepdim=True)
    return ids_XK, (values_XK.double() - total_X).exp()


class Watcher(Protocol):
    """What keeps the readings of a channel and gives them as arrays of a trace."""

    def see(self, event: Event, edit: Edit | None) -> None:
        """Keep what is carried on."""

    def arrays(self, row: int, block: int, steps: int, positions: int) -> Mapping[str, NDArray[np.generic]]:
        """The arrays of one block of a trace, by their names there."""


class ThoughtWatcher:
    """Keeps, of every thought as it is fed, the most probable tokens of its reading.

    Args:
        adapter: reads the thoughts.
        counts: tokens kept of every thought, for each row that is kept; 0 for one of which nothing is.
    """

    def __init__(self, adapter: Adapter, *, counts: Sequence[int]) -> None:
        self._adapter = adapter
        self._counts = [min(count, adapter.vocab_size) for count in counts]
        self._kept: list[Tokens] = []

    def see(self, event: Event, edit: Edit | None) -> None:
        """Keep a thought: what the hook put in its place, where it did; -1 for none."""
        if event.channel != THOUGHT.name or event.value is None:
            return
        rows, value = len(self._counts), event.value if edit is None or edit.value is None else edit.value
        shape = (rows, max(self._counts))
        ids_BK, probabilities_BK = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
        if not isinstance(value, Absent):
            read = most_probable(self._adapter.read(THOUGHT.name, value[:rows]), max(self._counts))
            live_B = event.live[:rows].cpu().numpy()
            ids_BK[live_B], probabilities_BK[live_B] = (each[:, 0].cpu().numpy()[live_B] for each in read)
        self._kept.append((ids_BK, probabilities_BK))

    def arrays(self, row: int, block: int, steps: int, positions: int) -> Mapping[str, NDArray[np.generic]]:
        """The arrays of the first block; none of a row that is not watched."""
        del steps, positions
        if block or not self._counts[row] or not self._kept:
            return {}
        ids_LK, probabilities_LK = (
            np.stack([array_BK[row, : self._counts[row]] for array_BK in each])
            for each in zip(*self._kept, strict=True)
        )
        return {"thought_ids_LK": ids_LK, "thought_probabilities_LK": probabilities_LK}


class CarriedWatcher:
    """Keeps, of every value that is carried on from a step, the most probable tokens of its reading.

    Args:
        adapter: reads the channel.
        channel: what is watched.
        counts: tokens kept of every position, for each row that is kept; 0 for one of which nothing is.
    """

    def __init__(self, adapter: Adapter, channel: Channel, *, counts: Sequence[int]) -> None:
        self._adapter, self._channel = adapter, channel.name
        self._counts = [min(count, adapter.vocab_size) for count in counts]
        self._kept: dict[tuple[int, int, int], Tokens] = {}

    def see(self, event: Event, edit: Edit | None) -> None:
        """Keep what is carried on: what the hook put in place of the value, where it did.

        Raises:
            UsageError: the reading does not have one value for each position of the canvas.
        """
        if event.channel != self._channel:
            return
        value = event.value if edit is None or edit.value is None else edit.value
        if value is None or isinstance(value, Absent):
            return
        logits_BPV = self._adapter.read(self._channel, value)
        if logits_BPV.shape[:2] != event.tokens.shape:
            raise UsageError(
                f"the channel {self._channel} is read as {tuple(logits_BPV.shape[:2])} values for a canvas of "
                f"{tuple(event.tokens.shape)} positions",
                fix="watch a channel that has one value for each position",
            )
        live = event.live.tolist()
        rows = [row for row, count in enumerate(self._counts) if count and live[row]]
        if not rows:
            return
        ids_BPK, probabilities_BPK = most_probable(logits_BPV[rows], max(self._counts))
        ids, probabilities = ids_BPK.cpu().numpy().astype(np.int32), probabilities_BPK.cpu().numpy().astype(np.float32)
        for index, row in enumerate(rows):
            count, at = self._counts[row], (row, event.index.block, event.index.step)
            self._kept[at] = (ids[index, :, :count], probabilities[index, :, :count])

    def arrays(self, row: int, block: int, steps: int, positions: int) -> Mapping[str, NDArray[np.generic]]:
        """The arrays of one block of a trace, by their names there, (S, P, K); none of a row that is not watched."""
        if not self._counts[row]:
            return {}
        shape = (steps, positions, self._counts[row])
        ids_SPK, probabilities_SPK = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
        for step in range(steps):
            if (row, block, step) in self._kept:
                ids_PK, probabilities_PK = self._kept[row, block, step]
                ids_SPK[step, : len(ids_PK)], probabilities_SPK[step, : len(ids_PK)] = ids_PK, probabilities_PK
        return {"carried_ids_SPK": ids_SPK, "carried_probabilities_SPK": probabilities_SPK}


def carried_watcher(
    counts: Sequence[int], adapter: Adapter, sampler: Mapping[str, float | int | bool | str]
) -> Watcher | None:
    """What keeps so many tokens of the carried values of each row; None where no row or no channel is watched."""
    channels = adapter.carries(sampler) if any(counts) else ()
    if thoughts(channels) is not None:
        return ThoughtWatcher(adapter.under(sampler), counts=counts)
    channel = watchable(channels)
    return None if channel is None else CarriedWatcher(adapter.under(sampler), channel, counts=counts)
