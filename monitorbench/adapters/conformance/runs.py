"""Rules about whole runs: what a rollout may depend on, and what a run may leave behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from monitorbench.adapters.base import ABSENT, Absent, Edit, Event, Hook
from monitorbench.adapters.batches import bucket_width
from monitorbench.adapters.conformance.trial import (
    Finding,
    Trial,
    Watched,
    close,
    differences,
    observed,
    reordered,
    watched,
)

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def texts_are_in_bounds(trial: Trial) -> tuple[Finding, ...]:
    """A run without a hook gives one text for each prompt, of known tokens and no longer than asked."""
    rule, adapter, limits = "texts are in bounds", trial.adapter, trial.limits
    output = adapter.generate(trial.prompts, trial.seeds, None, limits)
    count = len(trial.prompts)
    if (len(output.tokens), len(output.finished)) != (count, count):
        return (Finding(rule=rule, what=f"{count} prompts come to {len(output.tokens)} texts"),)
    found = []
    for row, tokens in enumerate(output.tokens):
        if len(tokens) > limits.max_new_tokens:
            found.append(f"row {row} has {len(tokens)} tokens, at most {limits.max_new_tokens} were asked for")
        if alien := [token for token in tokens if not 0 <= token < adapter.vocab_size]:
            found.append(f"row {row} holds token {alien[0]}, the vocabulary has {adapter.vocab_size}")
    return tuple(Finding(rule=rule, what=what) for what in found)


def identity_is_no_hook(trial: Trial) -> tuple[Finding, ...]:
    """A hook that puts back every value changes nothing, nor does one that only looks on."""
    rule = "identity is no hook"
    plain = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)
    seen = observed(trial)
    replaced = watched(trial, lambda event: None if event.channel is None else Edit(value=event.value))
    found = () if plain == seen.output else (Finding(rule=rule, what="looking on changes the tokens"),)
    return (*found, *differences(rule, "putting back the value", seen, replaced, range(len(trial.prompts))))


def seeds_repeat(trial: Trial) -> tuple[Finding, ...]:
    """The same seeds give the same rollouts, logits and all."""
    rows = range(len(trial.prompts))
    return differences("seeds repeat", "running it again", observed(trial), watched(trial), rows)


def rows_are_independent(trial: Trial) -> tuple[Finding, ...]:
    """At a fixed batch shape, a rollout depends neither on the other rows nor on their order.

    Tokens must be the same; logits may differ by rounding, because some kernels round a row by its place in the batch.
    """
    rule, count = "rows are independent", len(trial.prompts)
    first = observed(trial)
    turned = watched(reordered(trial, [*range(count)][::-1]))
    found = list(differences(rule, "another order of the rows", first, turned, range(count)[::-1], same=close))
    for row in range(count):
        alone = watched(reordered(trial, [row] * count))
        found += differences(rule, f"row {row} in every row", first, alone, [row] * count, same=close)
    return tuple(found)


def padding_is_not_seen(trial: Trial) -> tuple[Finding, ...]:
    """A prompt that is padded to the width of a longer one gives the same tokens, and logits but for rounding.

    The last prompt is replaced by one of the next width bucket; nothing is tried where the model holds none.
    """
    longer = _longer(trial.prompts[-1])
    if bucket_width(len(longer)) + trial.limits.max_new_tokens > trial.adapter.max_length:
        return ()
    wide = replace(trial, prompts=[*trial.prompts[:-1], longer])
    rows, cause = range(len(trial.prompts) - 1), "a longer prompt beside it"
    return differences("padding is not seen", cause, observed(trial), watched(wide), rows, same=close)


def nothing_is_left_behind(trial: Trial) -> tuple[Finding, ...]:
    """A run with edits, or one that its hook broke off, changes no later run and leaves nothing on the model."""
    rule, rows = "nothing is left behind", range(len(trial.prompts))
    before = observed(trial)
    attached = _attached(trial.adapter.model)
    watched(trial, _wiping())
    found = list(differences(rule, "an earlier run with edits", before, watched(trial), rows))
    for place in _places_to_break(before):
        if not _broken_off(trial, place):
            found.append(Finding(rule=rule, what=f"an error raised by the hook at event {place} does not come through"))
    found += differences(rule, "an earlier run that broke off", before, watched(trial), rows)
    after = _attached(trial.adapter.model)
    found += [
        Finding(rule=rule, what=f"attributes or hooks of the module {name or 'itself'} are not as they were")
        for name in attached
        if after.get(name) != attached[name]
    ]
    return tuple(found)


class _BrokenOffError(Exception):
    """What a hook raises to break a run off."""


def _broken_off(trial: Trial, place: int) -> bool:
    """Whether the run ended in the error that its hook raised at this event."""
    passed = -1

    def hook(_: Event) -> Edit | None:
        nonlocal passed
        passed += 1
        if passed == place:
            raise _BrokenOffError
        return None

    try:
        watched(trial, hook)
    except _BrokenOffError:
        return True
    return False


def _places_to_break(run: Watched) -> tuple[int, ...]:
    """The first event, and one in the middle."""
    return tuple(sorted({0, len(run.events) // 2})) if run.events else ()


def _wiping() -> Hook:
    """A hook that takes every carried value away, by zeros and by nothing in turn."""
    takes: tuple[Callable[[Tensor], Tensor | Absent], ...] = (torch.zeros_like, lambda _: ABSENT)
    turns = itertools.cycle(takes)
    return lambda event: None if event.value is None else Edit(value=next(turns)(event.value))


def _longer(prompt: Sequence[int]) -> list[int]:
    """A prompt of the next width bucket, made of the same tokens."""
    length = bucket_width(len(prompt)) + 1
    return (list(prompt) * length)[:length]


def _attached(model: nn.Module) -> dict[str, object]:
    """What stands on each module beside its code: names of attributes, and how many hooks."""
    return {
        name: (frozenset(vars(module)), module.training, *(len(getattr(module, hooks, ())) for hooks in _HOOKS))
        for name, module in model.named_modules()
    }
