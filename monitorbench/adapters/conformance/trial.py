"""What an adapter is tried on, what was seen of a run, and where two runs differ.

Shape suffixes: B rows, P positions of the canvas, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from monitorbench.adapters.base import Adapter, Channel, Edit, Event, Hook, Limits, Output


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A rule that an adapter breaks.

    Attributes:
        rule: name of the rule.
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
        texts: texts that have to survive encoding and decoding; none takes those that the prompts decode to.
        plain: the first run without edits, once there was one.
    """

    adapter: Adapter
    prompts: Sequence[Sequence[int]]
    seeds: Sequence[int]
    limits: Limits
    texts: Sequence[str] = ()
    plain: list[Watched] = field(default_factory=list, init=False, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A run, and copies of the events that it came with."""

    output: Output
    events: tuple[Event, ...]


def carried(trial: Trial) -> tuple[Channel, ...]:
    """The channels that the model carries under the trial's settings."""
    return trial.adapter.carries(trial.limits.sampler)


def watched(trial: Trial, change: Hook | None = None) -> Watched:
    """Run the trial with a hook that looks on, and does what `change` says."""
    events: list[Event] = []

    def hook(event: Event) -> Edit | None:
        events.append(_copy(event))
        return change(event) if change is not None else None

    return Watched(output=trial.adapter.generate(trial.prompts, trial.seeds, hook, trial.limits), events=tuple(events))


def observed(trial: Trial) -> Watched:
    """The trial's first run without edits, which rules share."""
    if not trial.plain:
        trial.plain.append(watched(trial))
    return trial.plain[0]


def reordered(trial: Trial, order: Sequence[int]) -> Trial:
    """The trial with these rows, in this order."""
    prompts, seeds = [trial.prompts[row] for row in order], [trial.seeds[row] for row in order]
    return replace(trial, prompts=prompts, seeds=seeds)


def differences(
    rule: str,
    cause: str,
    first: Watched,
    second: Watched,
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


def close(first: Tensor, second: Tensor) -> bool:
    """Whether logits agree but for rounding: to half the digits of their type, of the largest finite one."""
    finite = first.isfinite()
    if not torch.equal(finite, second.isfinite()) or not torch.equal(first[~finite], second[~finite]):
        return False
    scale = float(first[finite].abs().max()) if bool(finite.any()) else 0.0
    return torch.allclose(first[finite], second[finite], rtol=0.0, atol=scale * torch.finfo(first.dtype).eps ** 0.5)


def _copy(event: Event) -> Event:
    """An adapter may go on to write where an event points."""

    def copied(tensor: Tensor | None) -> Tensor | None:
        return tensor.clone() if isinstance(tensor, Tensor) else tensor

    return replace(
        event,
        live=event.live.clone(),
        tokens=event.tokens.clone(),
        committed=copied(event.committed),
        logits=copied(event.logits),
        value=copied(event.value),
    )


def _seen(run: Watched, row: int) -> Iterator[tuple[object, Tensor, Tensor]]:
    """What was observed of one row for as long as it ran."""
    for event in run.events:
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
