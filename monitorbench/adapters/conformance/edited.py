"""A channel of a trial that is edited: which values are put in place, and where that has to show first.

Shape suffixes: B rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from monitorbench.adapters.base import Channel, Edit, Event, Hook, Index
from monitorbench.adapters.conformance.trial import Trial, Watched, watched

Change: TypeAlias = Callable[[Tensor], Tensor]
"""From a carried value to another of its shape."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edited:
    """A channel of a trial that is edited, and the run without edits."""

    trial: Trial
    channel: Channel
    plain: Watched

    @property
    def name(self) -> str:
        """Name of the channel."""
        return self.channel.name

    @property
    def rows(self) -> range:
        """Every row of the batch."""
        return range(len(self.trial.prompts))

    @property
    def places(self) -> list[int]:
        """Places of the channel's events among all of them."""
        events = enumerate(self.plain.events)
        return [place for place, event in events if event.channel == self.name and isinstance(event.value, Tensor)]

    @property
    def next_place(self) -> int | None:
        """Place of the event that shows first what was computed from the value at the first event."""
        first = self.places[0]
        after = [*enumerate(self.plain.events)][first + 1 :]
        at = self.plain.events[first].index
        inside = [(place, event) for place, event in after if event.index.block == at.block]
        later = [(place, event) for place, event in inside if event.channel == self.name and event.index != at]
        if self.channel.axis == "loop":
            later = [(place, event) for place, event in later if event.index.step == at.step]
        observations = [(place, event) for place, event in inside if event.channel is None]
        return next((place for place, _ in [*later, *observations]), None)

    def changed(self, change: Change) -> Watched:
        """The run in which the value at the first event is changed."""
        first = self.plain.events[self.places[0]].index
        return watched(self.trial, at_event(self.name, {first: lambda event: Edit(value=change(value_of(event)))}))

    def shows(self, run: Watched) -> list[bool | None]:
        """Of each row: whether the next thing computed is another; None where nothing is, as in a row that ended."""
        place = self.next_place
        if place is None:
            return [None] * len(self.rows)
        here = self.plain.events[place]
        there = run.events[place] if place < len(run.events) else None
        if there is None or (here.index, here.channel) != (there.index, there.channel):
            return [True] * len(self.rows)
        return [
            not torch.equal(held_by(here)[row], held_by(there)[row]) if here.live[row] and there.live[row] else None
            for row in self.rows
        ]


def upside_down(value: Tensor) -> Tensor:
    """Another value, as far from this one as its numbers allow: negated where finite; ones for a row of zeros."""
    negated = torch.where(value.isfinite(), -value, value)
    is_zero_B = (value == 0).flatten(1).all(1)
    return torch.where(is_zero_B.reshape(-1, *[1] * (value.dim() - 1)), torch.ones_like(value), negated)


def loud(value: Tensor) -> Tensor:
    """Upside down and so large that no decay hides it in the rounding: at least one over the precision of its type."""
    least = 1 / torch.finfo(value.dtype).eps
    turned = upside_down(value)
    return torch.where(turned.isfinite(), turned.sign() * turned.abs().clamp(min=1) * least, turned)


def turned(event: Event) -> Edit:
    """An edit that turns the event's value upside down."""
    return Edit(value=upside_down(value_of(event)))


def at_event(name: str, edits: Mapping[Index, Callable[[Event], Edit]]) -> Hook:
    """A hook that edits at these events of the channel only."""

    def hook(event: Event) -> Edit | None:
        wanted = event.channel == name and isinstance(event.value, Tensor) and event.index in edits
        return edits[event.index](event) if wanted else None

    return hook


def everywhere(name: str, change: Change) -> Hook:
    """A hook that changes every value of the channel."""

    def hook(event: Event) -> Edit | None:
        wanted = event.channel == name and isinstance(event.value, Tensor)
        return Edit(value=change(value_of(event))) if wanted else None

    return hook


def value_of(event: Event) -> Tensor:
    """The carried value of a channel event."""
    assert event.value is not None
    return event.value


def held_by(event: Event) -> Tensor:
    """What an event is about: the carried value, or the logits."""
    held = event.logits if event.channel is None else event.value
    assert held is not None
    return held
