"""Tokens put into the canvas of a rollout while it is being generated, and into what is carried beside it.

The schedule runs on as it was: no step is added, none taken back, and nothing is drawn anew unless that is asked for.

Shape suffixes: B rows, P positions of the canvas, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from monitorbench.adapters.base import Absent, Adapter, Edit, Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Clamp:
    """What is put where in one rollout.

    Attributes:
        step: first step after which it happens; the next step reads what was put in.
        positions: of the block's canvas. Left to right, one that was generated before `step` stays as it is, and any
            other is changed when it is generated.
        tokens: the token of each position.
        block: the block.
        canvas: whether the canvas is changed.
        channel: name of the channel whose value is made to say these tokens for certain; empty for none.
        persistent: after every step from there on, or only once.
        reseed: what the rollout draws from from there on; None goes on as it was.
    """

    step: int
    positions: tuple[int, ...] = ()
    tokens: tuple[int, ...] = ()
    block: int = 0
    canvas: bool = True
    channel: str = ""
    persistent: bool = True
    reseed: int | None = None

    def is_due(self, event: Event) -> bool:
        """Whether something is put in after this event."""
        if event.index.block != self.block:
            return False
        return event.index.step >= self.step if self.persistent else event.index.step == self.step


def clamped(event: Event, edit: Edit | None, clamps: Mapping[int, Clamp], adapter: Adapter) -> Edit | None:
    """What becomes of a hook's edit when rows are clamped besides.

    Args:
        event: the event.
        edit: what another hook makes of it.
        clamps: by row.
        adapter: writes the channel; says whether text comes left to right.
    """
    live = event.live.tolist()
    due = {row: clamp for row, clamp in clamps.items() if live[row] and clamp.block == event.index.block}
    if event.channel is not None:
        return _carried(event, edit, {row: one for row, one in due.items() if one.channel == event.channel}, adapter)
    return _reseeded(event, _canvas(event, edit, due, newest_only=adapter.left_to_right), clamps)


def _canvas(event: Event, edit: Edit | None, due: Mapping[int, Clamp], *, newest_only: bool) -> Edit | None:
    P = event.tokens.shape[1]
    puts = [
        (row, position, token)
        for row, clamp in due.items()
        if clamp.canvas and (event.index.step >= clamp.step if newest_only else clamp.is_due(event))
        for position, token in zip(clamp.positions, clamp.tokens, strict=True)
        if (position == P - 1 if newest_only else position < P)
    ]
    if not puts:
        return edit
    given = edit.tokens if edit is not None else None
    there = event.next_canvas if event.next_canvas is not None else event.tokens
    canvas_BP = (there if given is None else given).clone()
    for row, position, token in puts:
        canvas_BP[row, position] = token
    return replace(edit or Edit(), tokens=canvas_BP)


def _reseeded(event: Event, edit: Edit | None, clamps: Mapping[int, Clamp]) -> Edit | None:
    """Rows whose step has come draw from other seeds; what was said at the step of another row is said again."""
    now = event.index.block, event.index.step
    new = {
        row: clamp.reseed
        for row, clamp in clamps.items()
        if clamp.reseed is not None and (clamp.block, clamp.step) <= now
    }
    if not any((clamps[row].block, clamps[row].step) == now for row in new):
        return edit
    return replace(edit or Edit(), seeds=[new.get(row, own) for row, own in enumerate(event.seeds)])


def _carried(event: Event, edit: Edit | None, due: Mapping[int, Clamp], adapter: Adapter) -> Edit | None:
    value = edit.value if edit is not None and edit.value is not None else event.value
    rows = {row: clamp for row, clamp in due.items() if clamp.is_due(event)}
    if value is None or isinstance(value, Absent) or not rows:
        return edit
    value = value.clone()
    for row, clamp in rows.items():
        own = value[row : row + 1]
        places = list(clamp.positions)
        said_1PV = certain(clamp.tokens, places, own.shape[1], adapter.vocab_size).to(own.device)
        own[:, places] = adapter.write(clamp.channel, said_1PV, own)[:, places]
    return replace(edit or Edit(), value=value)


def certain(tokens: Sequence[int], positions: Sequence[int], width: int, vocabulary: int) -> Tensor:
    """(1, P, V) logits that say each token with probability 1 at its position, and nothing in particular elsewhere."""
    logits_1PV = torch.zeros(1, width, vocabulary)
    logits_1PV[:, list(positions)] = float("-inf")
    logits_1PV[:, list(positions), list(tokens)] = 0.0
    return logits_1PV
