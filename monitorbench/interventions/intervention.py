"""Declared interventions on a channel, each built as one hook.

Shape suffixes: B rows, P positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from monitorbench.adapters.base import ABSENT, Adapter, Channel, Edit, Event, Hook
from monitorbench.errors import UsageError
from monitorbench.interventions.keeping import keep_from, keep_top_k
from monitorbench.interventions.other_rows import EveryStep, Mean, Once, row_before
from monitorbench.interventions.random_tokens import random_identities
from monitorbench.interventions.swap import Swap, of_donors
from monitorbench.interventions.tally import ARGMAX_ONLY, POSITIONS, Tally
from monitorbench.interventions.truncation import truncated

KINDS = (
    "none",
    "identity",
    "keep",
    "keep-everything",
    "zero",
    "batch-shuffled",
    "mean",
    "random-tokens",
    "swap",
    "interchange",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Intervention:
    """What is done to a channel at every step.

    Attributes:
        kind: `none` (no hook), `identity` (a hook that puts back the very value), `keep` (read, truncate, write),
            `keep-everything` (read and write, nothing dropped), `zero` (nothing is carried), `batch-shuffled`
            (another prompt's value at the same step; of a state, another prompt's from the first token on), `mean`
            (what the other prompts of the batch carry on average, likewise), `random-tokens` (the same
            probabilities, of random tokens), `swap` (what the other
            prompt of a pair has come to, once), or `interchange` (what the second of a pair carries, at every step, in
            the first; the second runs as it is).
        channel: the channel; empty for `none`, and for a `swap` of the canvas alone.
        keep: `("top_k", K)`, `("min_p", P)` or `("top_p", P)`, for `keep`.
        fill: what the truncated tokens get, for `keep`: `haze`, `renorm` or `onehot`.
        step: after which step, or loop of a step, for `swap`.
        canvas: whether the canvas is swapped, for `swap`.
    """

    kind: str = "none"
    channel: str = ""
    keep: tuple[str, float] | None = None
    fill: str = "haze"
    step: int = 0
    canvas: bool = False

    @property
    def label(self) -> str:
        """A short name that tells interventions apart."""
        if self.kind == "swap":
            return (
                f"swap of {' and '.join(['canvas'] * self.canvas + [self.channel] * bool(self.channel))} at {self.step}"
            )
        what = self.kind if self.keep is None else f"{self.keep[0]}={self.keep[1]:g}"
        return f"{self.channel} {what}".strip() + ("" if self.fill == "haze" else f" {self.fill}")

    @property
    def mixes_rows(self) -> bool:
        """Whether rows of a batch see each other's values, so that neighbours have to be different prompts."""
        return self.kind in ("batch-shuffled", "mean", "swap", "interchange")

    @property
    def pairs_rows(self) -> bool:
        """Whether rows are read in pairs that stand next to each other."""
        return self.kind in ("swap", "interchange")

    @property
    def rowwise(self) -> bool:
        """Whether each row's value is changed by itself, into a value: rows of several such arms may share a batch."""
        return self.kind in ("identity", "keep", "keep-everything", "random-tokens")


def build_hook(
    intervention: Intervention, adapter: Adapter, *, prompts: Sequence[str] | None = None, tally: Tally | None = None
) -> Hook | None:
    """The hook that carries the intervention out.

    Args:
        intervention: what is done.
        adapter: reads and writes the channel.
        prompts: id of the prompt of each row, for `mean`; without, every row is of a prompt of its own.
        tally: takes what is counted on the way, for `keep`.

    Raises:
        UsageError: the adapter has no such channel, or the channel cannot be read as tokens.
    """
    if intervention.kind == "none":
        return None
    channel = next((c for c in adapter.channels if c.name == intervention.channel), None)
    if intervention.kind == "swap" and (channel is not None or not intervention.channel):
        axis = channel.axis if channel is not None else "step"
        step, canvas = intervention.step, intervention.canvas
        return Swap(step=step, canvas=canvas, channel=intervention.channel, axis=axis)
    if channel is None:
        raise UsageError(f"the adapter family {adapter.family} has no channel {intervention.channel!r}")
    if channel.kind == "state" and intervention.kind in ("keep", "keep-everything", "random-tokens"):
        raise UsageError(f"the channel {channel.name!r} has no token reading", fix="use zero, batch-shuffled or mean")
    change = _change(intervention, adapter, channel, prompts, tally)

    def hook(event: Event) -> Edit | None:
        return change(event) if event.channel == intervention.channel else None

    return hook


def _change(
    intervention: Intervention, adapter: Adapter, channel: Channel, prompts: Sequence[str] | None, tally: Tally | None
) -> Hook:
    if intervention.kind == "identity":
        return lambda event: Edit(value=event.value)
    if intervention.kind == "zero":
        return lambda _: Edit(value=ABSENT)
    if intervention.mixes_rows:
        plain = {"batch-shuffled": row_before, "interchange": of_donors}
        exchange = plain.get(intervention.kind) or Mean(_logits_test(adapter, channel), prompts)
        return Once(exchange) if channel.kind == "state" else EveryStep(exchange)
    if not intervention.rowwise:
        raise UsageError(f"no intervention is called {intervention.kind!r}", fix=f"use {', '.join(KINDS)}")
    change = _random_tokens if intervention.kind == "random-tokens" else _truncation(intervention, adapter, tally)

    def rewritten(event: Event) -> Edit | None:
        if event.value is None:
            return None
        logits_BPV = change(adapter.read(channel.name, event.value), event)
        return Edit(value=adapter.write(channel.name, logits_BPV, event.value))

    return rewritten


def _logits_test(adapter: Adapter, channel: Channel) -> Callable[[Tensor], bool]:
    """Whether a value is logits: vectors of a channel may be, such as thoughts that are mixtures of tokens."""
    if channel.kind != "vector":
        return lambda _: channel.kind == "logits"
    # Only one row is read: a reading may take a pass through the model's head.
    return lambda value: _same_storage(adapter.read(channel.name, value[:1]), value)


def _same_storage(one: Tensor, other: Tensor) -> bool:
    return one.data_ptr() == other.data_ptr()


def _random_tokens(logits_BPV: Tensor, event: Event) -> Tensor:
    return random_identities(logits_BPV, event.seeds, event.index)


def _truncation(intervention: Intervention, adapter: Adapter, tally: Tally | None) -> Callable[[Tensor, Event], Tensor]:
    keep = keep_from(*intervention.keep) if intervention.keep else keep_top_k(adapter.vocab_size)
    may_fall_short = intervention.keep is not None and intervention.keep[0] == "min_p"

    def change(logits_BPV: Tensor, event: Event) -> Tensor:
        cut_BPV, short_BP = truncated(logits_BPV, keep, fill=intervention.fill)
        if tally is not None and intervention.kind == "keep":
            tally.add(POSITIONS, torch.full_like(short_BP[:, 0], short_BP.shape[1], dtype=torch.long), event.live)
            if may_fall_short:
                tally.add(ARGMAX_ONLY, short_BP.sum(-1), event.live)
        return cut_BPV

    return change
