"""What every adapter has to keep, as checks that anyone can run on their own adapter.

Each check takes an adapter and returns what it found wrong; nothing found means that the rule is kept. They hold bit
for bit on CPU, but for the rounding that independence of the other rows allows; on a device that does not replay bit
for bit, findings say how it departs.

Shape suffixes: B rows, P positions of the canvas, V vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from monitorbench.adapters.base import Absent, Adapter, Channel, Edit, Event, Hook, Limits, Output, Segment
from monitorbench.errors import MonitorbenchError

CLASS_SAYS = ("family", "summary", "channels", "settings", "left_to_right")
CLASS_DOES = ("claims", "load")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A rule that an adapter breaks.

    Attributes:
        rule: name of the check that found it.
        what: what was seen, in words.
    """

    rule: str
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What an adapter is tried on.

    Attributes:
        adapter: the adapter.
        prompts: encoded prompts of one width bucket, two or more, not all the same.
        seeds: seed of each prompt's rollout.
        limits: bounds and sampler settings; several blocks try more than one.
    """

    adapter: Adapter
    prompts: Sequence[Sequence[int]]
    seeds: Sequence[int]
    limits: Limits


def findings(trial: Trial, *, trace: Callable[[Segment], object] | None = None) -> tuple[Finding, ...]:
    """Everything that an adapter breaks.

    Args:
        trial: what it is tried on.
        trace: counts a segment, such as `monitorbench.depth.trace_segment`; None leaves segments out.
    """
    found = [finding for check in CHECKS for finding in check(trial)]
    return (*found, *(segments_trace(trial, trace) if trace else ()))


def the_class_speaks_for_itself(trial: Trial) -> tuple[Finding, ...]:
    """What a suite is checked against and how a checkpoint is recognised can be had of the class, without a model."""
    rule, adapter, family = "the class speaks for itself", trial.adapter, type(trial.adapter)
    missing = object()
    said = {name: getattr(family, name, missing) for name in CLASS_SAYS}
    found = [f"the class has no value {name}" for name, value in said.items() if value is missing]
    found += [
        f"{name} of the class and of the adapter differ"
        for name, value in said.items()
        if value is not missing and value != getattr(adapter, name)
    ]
    found += [f"the class has no method {name}" for name in CLASS_DOES if not callable(getattr(family, name, None))]
    if not isinstance(adapter.model, nn.Module):
        found.append("model is not a module")
    return tuple(Finding(rule=rule, what=what) for what in found)


def identity_is_no_hook(trial: Trial) -> tuple[Finding, ...]:
    """A hook that puts back every value changes nothing, nor does one that only looks on."""
    rule = "identity is no hook"
    plain = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)
    watched = _watched(trial)
    replaced = _watched(trial, lambda event: None if event.channel is None else Edit(value=event.value))
    found = () if plain == watched.output else (Finding(rule=rule, what="looking on changes the tokens"),)
    return (*found, *_differences(rule, "putting back the value", watched, replaced, range(len(trial.prompts))))


def seeds_repeat(trial: Trial) -> tuple[Finding, ...]:
    """The same seeds give the same rollouts, logits and all."""
    rows = range(len(trial.prompts))
    return _differences("seeds repeat", "running it again", _watched(trial), _watched(trial), rows)


def rows_are_independent(trial: Trial) -> tuple[Finding, ...]:
    """At a fixed batch shape, a rollout depends neither on the other rows nor on their order.

    Tokens must be the same; logits may differ by rounding, because some kernels round a row by its place in the batch.
    """
    rule, count = "rows are independent", len(trial.prompts)
    first = _watched(trial)
    turned = _watched(_reordered(trial, [*range(count)][::-1]))
    found = list(_differences(rule, "another order of the rows", first, turned, range(count)[::-1], same=_close))
    for row in range(count):
        alone = _watched(_reordered(trial, [row] * count))
        found += _differences(rule, f"row {row} in every row", first, alone, [row] * count, same=_close)
    return tuple(found)


def keeping_everything_is_exact(trial: Trial) -> tuple[Finding, ...]:
    """Where a channel is declared exact, writing what was read gives back the value, bit for bit.

    A state has no token reading, so that nothing can be read from it or written to it.
    """
    rule, adapter = "keeping everything is exact", trial.adapter
    exact = {channel.name for channel in _carried(trial) if channel.exact and channel.kind != "state"}
    events = [event for event in _watched(trial).events if event.channel in exact and event.value is not None]
    broken = Counter(
        event.channel
        for event in events
        if event.channel is not None
        and event.value is not None
        and not torch.equal(
            adapter.write(event.channel, adapter.read(event.channel, event.value), event.value), event.value
        )
    )
    return tuple(Finding(rule=rule, what=f"{name} differs at {count} steps") for name, count in broken.items())


def steps_are_observed_once(trial: Trial) -> tuple[Finding, ...]:
    """Every step has one observation event with logits, and one event for every channel that crosses steps."""
    rule, events = "steps are observed once", _watched(trial).events
    names = [None, *(channel.name for channel in _carried(trial) if channel.axis == "step")]
    steps = sorted({(event.index.block, event.index.step) for event in events})
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
    if steps != [(block, step) for block, last in _last_steps(steps) for step in range(last + 1)]:
        found.append(Finding(rule=rule, what="blocks and steps do not count from 0 without gaps"))
    return (*found, *(Finding(rule=rule, what=what) for event in events if (what := _wrong_shape(trial, event))))


def edits_arrive(trial: Trial) -> tuple[Finding, ...]:
    """A value that a hook puts in place of the carried one is what the next step is computed from."""
    return tuple(
        Finding(rule="edits arrive", what=f"turning the value of {channel.name} upside down changes no logits")
        for channel in _carried(trial)
        if not _differences("", "", _watched(trial), _watched(trial, _negated(channel)), range(len(trial.prompts)))
    )


def segments_trace(trial: Trial, trace: Callable[[Segment], object]) -> tuple[Finding, ...]:
    """Every segment can be counted: no operation in it is unknown."""
    found = []
    limits = trial.limits
    for segment in trial.adapter.segments(
        context_length=trial.adapter.max_length, max_new_tokens=limits.max_new_tokens, sampler=limits.sampler
    ):
        try:
            trace(segment)
        except MonitorbenchError as error:
            found.append(Finding(rule="segments trace", what=f"{segment.name}: {error}"))
    return tuple(found)


CHECKS = (
    the_class_speaks_for_itself,
    identity_is_no_hook,
    seeds_repeat,
    rows_are_independent,
    keeping_everything_is_exact,
    steps_are_observed_once,
    edits_arrive,
)
"""Every check that needs nothing but a trial."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Watched:
    output: Output
    events: tuple[Event, ...]


def _carried(trial: Trial) -> tuple[Channel, ...]:
    return trial.adapter.carries(trial.limits.sampler)


def _watched(trial: Trial, change: Hook | None = None) -> _Watched:
    events: list[Event] = []

    def hook(event: Event) -> Edit | None:
        events.append(event)
        return change(event) if change is not None else None

    return _Watched(output=trial.adapter.generate(trial.prompts, trial.seeds, hook, trial.limits), events=tuple(events))


def _reordered(trial: Trial, order: Sequence[int]) -> Trial:
    prompts, seeds = [trial.prompts[row] for row in order], [trial.seeds[row] for row in order]
    return Trial(adapter=trial.adapter, prompts=prompts, seeds=seeds, limits=trial.limits)


def _differences(
    rule: str,
    cause: str,
    first: _Watched,
    second: _Watched,
    rows: Sequence[int],
    *,
    same: Callable[[Tensor, Tensor], bool] = torch.equal,
) -> tuple[Finding, ...]:
    """Where the rows of `second` differ from the rows of `first` that `rows` says they are; `same` compares logits."""
    found = []
    for place, row in enumerate(rows):
        if first.output.tokens[row] != second.output.tokens[place]:
            found.append(Finding(rule=rule, what=f"{cause} changes the tokens of row {row}"))
        elif not _same(list(_seen(first, row)), list(_seen(second, place)), same):
            found.append(Finding(rule=rule, what=f"{cause} changes what is observed of row {row}"))
    return tuple(found)


def _seen(watched: _Watched, row: int) -> Iterator[tuple[object, Tensor, Tensor]]:
    """What was observed of one row for as long as it ran."""
    for event in watched.events:
        if event.channel is None and event.logits is not None and bool(event.live[row]):
            yield event.index, event.tokens[row], event.logits[row]


def _same(
    first: list[tuple[object, Tensor, Tensor]],
    second: list[tuple[object, Tensor, Tensor]],
    same: Callable[[Tensor, Tensor], bool],
) -> bool:
    return len(first) == len(second) and all(
        a[0] == b[0] and torch.equal(a[1], b[1]) and same(a[2], b[2]) for a, b in zip(first, second, strict=True)
    )


def _close(first: Tensor, second: Tensor) -> bool:
    """Whether logits agree but for rounding: to half the digits of their type, of the largest finite one."""
    finite = first.isfinite()
    if not torch.equal(finite, second.isfinite()) or not torch.equal(first[~finite], second[~finite]):
        return False
    scale = float(first[finite].abs().max()) if bool(finite.any()) else 0.0
    return torch.allclose(first[finite], second[finite], rtol=0.0, atol=scale * torch.finfo(first.dtype).eps ** 0.5)


def _last_steps(steps: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Every block from 0 with its last step."""
    last = dict(steps)
    return ((block, last.get(block, 0)) for block in range(max(last, default=-1) + 1))


def _wrong_shape(trial: Trial, event: Event) -> str | None:
    rows = len(trial.prompts)
    if tuple(event.seeds) != tuple(trial.seeds) or event.live.shape != (rows,) or event.tokens.shape[0] != rows:
        return f"{event.index}: seeds, live and tokens must have {rows} rows"
    if event.channel is not None:
        return None
    if event.logits is None or event.logits.shape[0] != rows or event.logits.shape[-1] != trial.adapter.vocab_size:
        return f"{event.index}: the observation needs logits of {rows} rows and {trial.adapter.vocab_size} tokens"
    return None


def _negated(channel: Channel) -> Hook:
    def hook(event: Event) -> Edit | None:
        if event.channel != channel.name or event.value is None or isinstance(event.value, Absent):
            return None
        return Edit(value=-event.value)

    return hook
