"""Declared interventions on a channel, each built as one hook.

Shape suffixes: B rows, P positions, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from monitorbench.adapters.base import ABSENT, Adapter, Channel, Edit, Event, Hook
from monitorbench.errors import UsageError
from monitorbench.interventions.truncation import keep_from, keep_top_k, truncate

KINDS = ("none", "identity", "keep", "keep-everything", "zero", "batch-shuffled")


@dataclass(frozen=True, kw_only=True, slots=True)
class Intervention:
    """What is done to a channel at every step.

    Attributes:
        kind: `none` (no hook), `identity` (a hook that puts back the very value), `keep` (read, truncate, write),
            `keep-everything` (read and write, nothing dropped), `zero` (nothing is carried), or `batch-shuffled`
            (another prompt's value at the same step; of a state, another prompt's from the first token on).
        channel: the channel; empty for `none`.
        keep: `("top_k", K)` or `("min_p", P)`, for `keep`.
        fill: what the truncated tokens get, for `keep`: `haze` or `renorm`.
    """

    kind: str = "none"
    channel: str = ""
    keep: tuple[str, float] | None = None
    fill: str = "haze"

    @property
    def label(self) -> str:
        """A short name that tells interventions apart."""
        if self.keep is None:
            return f"{self.channel} {self.kind}".strip()
        name, value = self.keep
        return f"{self.channel} {name}={value:g}" + ("" if self.fill == "haze" else f" {self.fill}")

    @property
    def mixes_rows(self) -> bool:
        """Whether rows of a batch see each other's values, so that neighbours have to be different prompts."""
        return self.kind == "batch-shuffled"

    @property
    def rowwise(self) -> bool:
        """Whether each row's value is changed by itself, into a value: rows of several such arms may share a batch."""
        return self.kind in ("identity", "keep", "keep-everything", "random-tokens")


def build_hook(intervention: Intervention, adapter: Adapter) -> Hook | None:
    """The hook that carries the intervention out.

    Raises:
        UsageError: the adapter has no such channel, or the channel cannot be read as tokens.
    """
    if intervention.kind == "none":
        return None
    channel = next((c for c in adapter.channels if c.name == intervention.channel), None)
    if channel is None:
        raise UsageError(f"the adapter family {adapter.family} has no channel {intervention.channel!r}")
    if channel.kind == "state" and intervention.kind.startswith("keep"):
        raise UsageError(f"the channel {channel.name!r} has no token reading", fix="use zero or batch-shuffled")
    change = _change(intervention, adapter, channel)

    def hook(event: Event) -> Edit | None:
        return change(event) if event.channel == intervention.channel else None

    return hook


def _change(intervention: Intervention, adapter: Adapter, channel: Channel) -> Hook:
    if intervention.kind == "identity":
        return lambda event: Edit(value=event.value)
    if intervention.kind == "zero":
        return lambda _: Edit(value=ABSENT)
    if intervention.kind == "batch-shuffled":
        return _swapped_once if channel.kind == "state" else _Shuffle()
    if intervention.kind not in ("keep", "keep-everything"):
        raise UsageError(f"no intervention is called {intervention.kind!r}", fix=f"use {', '.join(KINDS)}")
    keep = keep_from(*intervention.keep) if intervention.keep else keep_top_k(adapter.vocab_size)

    def truncated(event: Event) -> Edit | None:
        if event.value is None:
            return None
        logits_BPV = truncate(adapter.read(intervention.channel, event.value), keep, fill=intervention.fill)
        return Edit(value=adapter.write(intervention.channel, logits_BPV, event.value))

    return truncated


def _swapped_once(event: Event) -> Edit | None:
    """Row b goes on from the state of row b - 1, once it has read its prompt.

    A state holds all that came before, what it was exchanged for as well: a second exchange would hand some rows back
    their own.
    """
    return Edit(value=torch.roll(event.value, 1, dims=0)) if event.value is not None and event.index.step == 0 else None


class _Shuffle:
    """Row b carries what row b - 1 would have carried by itself.

    A row that has finished hands on its last value unchanged; what it was given in exchange must not travel further.
    Values are kept for each loop of a step by itself, where there are several steps; a row may also finish between the
    loops of the first. They are kept only from one to the next of the same shape: a step that reads a prompt has more
    positions than those after it. Where a prompt is padded, so is what another row gets of it.
    """

    def __init__(self) -> None:
        self._own: dict[int, Tensor] = {}

    def __call__(self, event: Event) -> Edit | None:
        if event.value is None:
            return None
        own, index = event.value, event.index
        before = self._own.get(index.loop if index.step > 0 else index.loop - 1)
        if before is not None and before.shape == own.shape:
            live = event.live.reshape(-1, *[1] * (own.ndim - 1))
            own = torch.where(live, own, before)
        self._own[event.index.loop] = own
        return Edit(value=torch.roll(own, 1, dims=0))
