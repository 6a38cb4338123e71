"""Rules about what a hook returns: that it is what the model goes on with, at once, whole, and nothing else.

Shape suffixes: B rows, P positions of the canvas, V vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import torch
from torch import Tensor

from monitorbench.adapters.base import Edit, Event, Index
from monitorbench.adapters.conformance.edited import (
    Change,
    Edited,
    at_event,
    everywhere,
    held_by,
    loud,
    turned,
    upside_down,
    value_of,
)
from monitorbench.adapters.conformance.trial import (
    Finding,
    Trial,
    Watched,
    carried,
    close,
    differences,
    observed,
    watched,
)
from monitorbench.errors import UsageError

Part: TypeAlias = tuple[slice, ...]
"""Where in a value something is changed."""


def keeping_everything_is_exact(trial: Trial) -> tuple[Finding, ...]:
    """Where a channel is declared exact, writing what was read gives back the value, bit for bit.

    A state has no token reading, so that nothing can be read from it or written to it.
    """
    rule, adapter = "keeping everything is exact", trial.adapter
    exact = {channel.name for channel in carried(trial) if channel.exact and channel.kind != "state"}
    broken = Counter(
        event.channel
        for event in observed(trial).events
        if event.channel in exact
        and event.channel is not None
        and event.value is not None
        and not torch.equal(
            adapter.write(event.channel, adapter.read(event.channel, event.value), event.value), event.value
        )
    )
    return tuple(Finding(rule=rule, what=f"{name} differs at {count} steps") for name, count in broken.items())


def edits_arrive(trial: Trial) -> tuple[Finding, ...]:
    """A value that a hook puts in place of the carried one is what the next step is computed from.

    It shows in what is computed next, not later: in the channel's next event of the same block (of the same step, for
    a channel that crosses loops), or where none follows in the next observation. It shows in every row, only there,
    and for either half of the value; and what it took the place of is forgotten. The last is tried where it can be:
    two runs with different pasts are given the same value and the same canvas, and have to go on the same, bit for bit.
    """
    plain = observed(trial)
    lost = (_lost(Edited(trial=trial, channel=channel, plain=plain)) for channel in carried(trial))
    return tuple(Finding(rule="edits arrive", what=what) for what in lost if what)


def _lost(edited: Edited) -> str | None:
    """The first way in which edits of a channel are lost, if there is one."""
    if not edited.places:
        return None
    runs = (watched(edited.trial, everywhere(edited.name, change)) for change in (upside_down, loud))
    if not any(differences("", "", edited.plain, run, edited.rows) for run in runs):
        return f"turning the value of {edited.name} upside down changes no logits"
    clauses: tuple[Callable[[Edited], Iterator[str]], ...] = (_by_row, _partly, _remembered)
    return next((what for clause in clauses for what in clause(edited)), None)


def _by_row(edited: Edited) -> Iterator[str]:
    for row in edited.rows:
        run, hidden = _edit_of(edited, _part(0, slice(row, row + 1)))
        if row in hidden:
            yield f"an edit of {edited.name} in row {row} does not show at once"
        others = [other for other in edited.rows if other != row]
        if differences("", "", _of(edited.plain, others), _of(run, others), range(len(others)), same=close):
            yield f"an edit of {edited.name} in row {row} shows in other rows"


def _partly(edited: Edited) -> Iterator[str]:
    value = value_of(edited.plain.events[edited.places[0]])
    axes = {value.dim() - 1: "width", **({1: "positions"} if edited.channel.kind == "logits" else {})}
    for axis, name in axes.items():
        middle = value.shape[axis] // 2
        for half in (slice(None, middle), slice(middle, None)):
            if _edit_of(edited, _part(axis, half))[1]:
                yield f"an edit of half the {name} of {edited.name} does not show"


def _edit_of(edited: Edited, part: Part) -> tuple[Watched, list[int]]:
    """The run in which part of the value is turned upside down, and the rows in which no edit of it shows.

    Where it does not show, a louder one is tried: a model may forget so fast that rounding hides the first.
    """
    value = value_of(edited.plain.events[edited.places[0]])
    run = edited.changed(_in(part, upside_down))
    touched = [row for row in edited.rows if not torch.equal(_in(part, upside_down)(value)[row], value[row])]
    hidden = [row for row in touched if edited.shows(run)[row] is False]
    if hidden:
        louder = edited.shows(edited.changed(_in(part, loud)))
        hidden = [row for row in hidden if louder[row] is False]
    return run, hidden


def _remembered(edited: Edited) -> Iterator[str]:
    """Two pasts, then one value and one canvas."""
    first, *others = (edited.plain.events[place] for place in edited.places)
    given = next((event for event in others if event.index != first.index), None)
    if edited.channel.axis != "step" or given is None or given.index.block != first.index.block:
        return
    same = Edit(value=upside_down(value_of(given)), tokens=given.tokens)
    put: dict[Index, Callable[[Event], Edit]] = {given.index: lambda _: same}
    try:
        short = watched(edited.trial, at_event(edited.name, put))
        long = watched(edited.trial, at_event(edited.name, {first.index: turned, **put}))
    except UsageError:
        return  # the family cannot be given a canvas, so that there is no telling what else differs
    here, there = _following(short, given), _following(long, given)
    if here is None or there is None or here.index != there.index:
        return
    for row in edited.rows:
        if here.live[row] and there.live[row] and not torch.equal(held_by(here)[row], held_by(there)[row]):
            yield f"what an edit of {edited.name} took the place of is still felt in row {row}"


def _following(run: Watched, event: Event) -> Event | None:
    """The first observation of the same block after this event."""
    named = [(other.index, other.channel) for other in run.events]
    if (event.index, event.channel) not in named:
        return None
    after = run.events[named.index((event.index, event.channel)) + 1 :]
    return next((o for o in after if o.channel is None and o.index.block == event.index.block), None)


def _part(axis: int, where: slice) -> Part:
    return (*[slice(None)] * axis, where)


def _in(part: Part, change: Change) -> Change:
    """A change of one part of a value."""

    def changed(value: Tensor) -> Tensor:
        mixed = value.clone()
        mixed[part] = change(value)[part]
        return mixed

    return changed


def _of(run: Watched, rows: Sequence[int]) -> Watched:
    """Some rows of a run."""
    tokens, finished = run.output.tokens, run.output.finished
    output = replace(
        run.output, tokens=tuple(tokens[row] for row in rows), finished=tuple(finished[row] for row in rows)
    )
    return Watched(output=output, events=tuple(_rows_of(event, rows) for event in run.events))


def _rows_of(event: Event, rows: Sequence[int]) -> Event:
    places = list(rows)
    logits = event.logits[places] if event.logits is not None else None
    return replace(event, live=event.live[places], tokens=event.tokens[places], logits=logits)
