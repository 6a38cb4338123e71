"""Rules about events: which there are, how they are counted, and what they hold.

Shape suffixes: B rows, P positions of the canvas, V vocabulary, d width of a vector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

from torch import Tensor

from monitorbench.adapters.base import Channel, Event, Index
from monitorbench.adapters.conformance.trial import Finding, Trial, carried, observed

G = TypeVar("G", bound=Hashable)


def steps_are_observed_once(trial: Trial) -> tuple[Finding, ...]:
    """Every step has one observation event with logits, and one event for every channel that crosses steps.

    When the first step is observed, every row is live: what is not live no rule looks at.
    """
    rule, events = "steps are observed once", observed(trial).events
    with_events = {event.channel for event in events}
    crossing = [channel.name for channel in carried(trial) if channel.axis == "step"]
    names = [None, *(name for name in crossing if name in with_events)]
    steps = sorted({(event.index.block, event.index.step) for event in events if event.channel in names})
    counts = Counter((event.index.block, event.index.step, event.channel) for event in events)
    found = [
        Finding(
            rule=rule, what=f"block {block}, step {step} has {counts[block, step, name]} events of {name or 'tokens'}"
        )
        for block, step in steps
        for name in names
        if counts[block, step, name] != 1
    ]
    if not steps:
        found.append(Finding(rule=rule, what="nothing was observed"))
    first = next((event for event in events if event.channel is None), None)
    idle = [] if first is None else [row for row, live in enumerate(first.live.tolist()) if not live]
    found += [Finding(rule=rule, what=f"row {row} is not live when the first step is observed") for row in idle]
    if steps != [(block, step) for block, last in _last_steps(steps) for step in range(last + 1)]:
        found.append(Finding(rule=rule, what="blocks and steps do not count from 0 without gaps"))
    return tuple(found)


def channel_events_count_up(trial: Trial) -> tuple[Finding, ...]:
    """A channel that crosses loops or positions has one event for each, in order, counted from 0 without gaps.

    Loops are counted inside a step, over all channels that cross loops: a model that turns to one state and then to
    another may count on. Positions are the steps of a block.
    """
    rule, events = "channel events count up", observed(trial).events
    channels = {channel.name: channel for channel in carried(trial)}
    found = []
    for name, channel in channels.items():
        indices = [event.index for event in events if event.channel == name]
        if channel.axis == "step" or not indices:
            continue
        found += [f"{_at(index)} has {n} events of {name}" for index, n in Counter(indices).items() if n > 1]
        if indices != sorted(indices, key=_order):
            found.append(f"events of {name} do not come in the order of their indices")
        if channel.axis == "position" and (block := _gap((i.block, i.step) for i in indices)) is not None:
            found.append(f"positions of {name} do not count from 0 without gaps in block {block}")
    looped = [e.index for e in events if e.channel in channels and channels[e.channel].axis == "loop"]
    if step := _gap(((i.block, i.step), i.loop) for i in looped):
        found.append(f"loops do not count from 0 without gaps in block {step[0]}, step {step[1]}")
    return tuple(Finding(rule=rule, what=what) for what in found)


def values_have_their_shape(trial: Trial) -> tuple[Finding, ...]:
    """Rows, logits and carried values have the shapes that `Event` and the kind of each channel promise.

    A value is (B, P, V) beside (B, P) tokens for `logits`, (B, P, d) for `vector`, and (B, ...) for `state`. Reading
    gives (B, P, V) logits, and writing gives a value of the shape and type of the one it stands in for.
    """
    kinds = {channel.name: channel for channel in carried(trial)}
    found: dict[str | None, str] = {}
    for event in observed(trial).events:
        channel = kinds.get(event.channel) if event.channel is not None else None
        what = _wrong_rows(trial, event) or (_wrong_value(trial, event, channel) if channel else None)
        if what and event.channel not in found:
            found[event.channel] = f"{_at(event.index)}: {what}"
    return tuple(Finding(rule="values have their shape", what=what) for what in found.values())


def _wrong_rows(trial: Trial, event: Event) -> str | None:
    rows, vocab_size = len(trial.prompts), trial.adapter.vocab_size
    if tuple(event.seeds) != tuple(trial.seeds) or event.live.shape != (rows,):
        return f"seeds and live must have {rows} rows, in the order of the prompts"
    if event.tokens.dim() != 2 or event.tokens.shape[0] != rows:
        return f"tokens must have {rows} rows of positions, they have the shape {_shape(event.tokens)}"
    if event.committed is not None and event.committed.shape != event.tokens.shape:
        return f"committed has the shape {_shape(event.committed)}, the tokens have {_shape(event.tokens)}"
    if event.channel is None and not _are_logits(event.logits, rows, vocab_size):
        return f"the observation needs logits of {rows} rows and {vocab_size} tokens"
    return None


def _wrong_value(trial: Trial, event: Event, channel: Channel) -> str | None:
    value, name, rows = event.value, channel.name, len(trial.prompts)
    if not isinstance(value, Tensor):
        return f"the event of {name} has no value"
    if value.dim() < 2 or value.shape[0] != rows:
        return f"the value of {name} must have {rows} rows, it has the shape {_shape(value)}"
    if channel.kind == "state":
        return None
    if value.dim() != 3:
        return f"the value of {name} must be (rows, positions, width), it has the shape {_shape(value)}"
    wanted = (*event.tokens.shape, trial.adapter.vocab_size)
    if channel.kind == "logits" and tuple(value.shape) != wanted:
        return f"{name} is declared as logits, which are {wanted} here, its value has the shape {_shape(value)}"
    return _wrong_reading(trial, value, name)


def _wrong_reading(trial: Trial, value: Tensor, name: str) -> str | None:
    logits = trial.adapter.read(name, value)
    if not _are_logits(logits, value.shape[0], trial.adapter.vocab_size):
        return f"reading {name} gives the shape {_shape(logits)} instead of logits"
    written = trial.adapter.write(name, logits, value)
    if written.shape != value.shape or written.dtype != value.dtype:
        return f"writing {name} gives {_shape(written)} of {written.dtype} for {_shape(value)} of {value.dtype}"
    return None


def _are_logits(logits: Tensor | None, rows: int, vocab_size: int) -> bool:
    return logits is not None and logits.dim() == 3 and (logits.shape[0], logits.shape[-1]) == (rows, vocab_size)


def _last_steps(steps: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Every block from 0 with its last step."""
    last = dict(steps)
    return ((block, last.get(block, 0)) for block in range(max(last, default=-1) + 1))


def _gap(counted: Iterable[tuple[G, int]]) -> G | None:
    """The first group whose numbers are not 0, 1, 2, ... in all, if there is one."""
    groups: dict[G, set[int]] = {}
    for group, number in counted:
        groups.setdefault(group, set()).add(number)
    return next((group for group, found in groups.items() if max(found) != len(found) - 1), None)


def _order(index: Index) -> tuple[int, int, int]:
    return index.block, index.step, index.loop


def _at(index: Index) -> str:
    return f"block {index.block}, step {index.step}, loop {index.loop}"


def _shape(value: Tensor) -> tuple[int, ...]:
    return tuple(value.shape)
