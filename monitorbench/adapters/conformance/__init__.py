"""What every adapter has to keep, as rules that anyone can try on their own adapter.

Each rule takes a trial and returns what it found wrong; nothing found means that the rule is kept. They hold bit for
bit on CPU, but for the rounding that independence of the other rows and of padding allows; on a device that does not
replay bit for bit, findings say how it departs. What is observed is kept in memory, so generations should be short.

    findings(Trial(adapter=adapter, prompts=prompts, seeds=[0, 1, 2], limits=Limits(max_new_tokens=8)))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch

from monitorbench.adapters.base import Segment
from monitorbench.adapters.batches import bucket_width
from monitorbench.adapters.conformance.declared import (
    channels_are_as_declared,
    segments_name_the_channels,
    segments_trace,
    text_comes_back,
    the_class_speaks_for_itself,
)
from monitorbench.adapters.conformance.edits import edits_arrive, keeping_everything_is_exact
from monitorbench.adapters.conformance.events import (
    channel_events_count_up,
    steps_are_observed_once,
    values_have_their_shape,
)
from monitorbench.adapters.conformance.runs import (
    identity_is_no_hook,
    nothing_is_left_behind,
    padding_is_not_seen,
    rows_are_independent,
    seeds_repeat,
    texts_are_in_bounds,
)
from monitorbench.adapters.conformance.trial import Finding, Trial
from monitorbench.errors import UsageError, described
from monitorbench.notices import Working, tell

__all__ = [
    "CHECKS",
    "Finding",
    "Outcome",
    "Trial",
    "channel_events_count_up",
    "channels_are_as_declared",
    "edits_arrive",
    "findings",
    "identity_is_no_hook",
    "keeping_everything_is_exact",
    "nothing_is_left_behind",
    "outcomes",
    "padding_is_not_seen",
    "rows_are_independent",
    "seeds_repeat",
    "segments_name_the_channels",
    "segments_trace",
    "steps_are_observed_once",
    "text_comes_back",
    "texts_are_in_bounds",
    "the_class_speaks_for_itself",
    "values_have_their_shape",
]

Check: TypeAlias = Callable[[Trial], tuple[Finding, ...]]
"""Tries one rule; its name is that of the function."""

CHECKS: tuple[Check, ...] = (
    the_class_speaks_for_itself,
    text_comes_back,
    texts_are_in_bounds,
    identity_is_no_hook,
    seeds_repeat,
    rows_are_independent,
    padding_is_not_seen,
    nothing_is_left_behind,
    channels_are_as_declared,
    steps_are_observed_once,
    channel_events_count_up,
    values_have_their_shape,
    keeping_everything_is_exact,
    edits_arrive,
    segments_name_the_channels,
)
"""Every rule that needs nothing but a trial."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of one rule.

    Attributes:
        rule: name of the rule.
        findings: what was found wrong; none if the rule is kept.
    """

    rule: str
    findings: tuple[Finding, ...]


def findings(trial: Trial, *, trace: Callable[[Segment], object] | None = None) -> tuple[Finding, ...]:
    """Everything that an adapter breaks.

    Args:
        trial: what it is tried on.
        trace: counts a segment, such as `monitorbench.depth.trace_segment`; None leaves that rule out.
    """
    return tuple(finding for outcome in outcomes(trial, trace=trace) for finding in outcome.findings)


def outcomes(
    trial: Trial,
    *,
    trace: Callable[[Segment], object] | None = None,
) -> Iterator[Outcome]:
    """Try one rule after the other.

    An error that a rule runs into is a finding of that rule, with the line that raised it.

    Args:
        trial: what the adapter is tried on.
        trace: counts a segment; None leaves that rule out.

    Raises:
        UsageError: the trial's prompts are fewer than two different ones or of several buckets, or there is not a seed
            for each: rules about other rows would be kept whatever the adapter does.
    """
    _require_fit(trial)
    checks: dict[str, Check] = {check.__name__: check for check in CHECKS}
    if trace is not None:
        checks[segments_trace.__name__] = partial(segments_trace, trace=trace)
    for number, (name, check) in enumerate(checks.items()):
        rule = name.replace("_", " ")
        tell(Working(what=f"trying: {rule}", done=number, total=len(checks), unit="rules"))
        yield Outcome(rule=rule, findings=_tried(rule, check, trial))


def _require_fit(trial: Trial) -> None:
    prompts, seeds = trial.prompts, trial.seeds
    if len({tuple(prompt) for prompt in prompts}) < 2:
        raise UsageError("a trial needs two different prompts", fix="give another")
    if len({bucket_width(len(prompt)) for prompt in prompts}) > 1:
        raise UsageError("the prompts of a trial run at several widths", fix="use prompts of one length")
    if len(seeds) != len(prompts):
        raise UsageError(f"the trial has {len(prompts)} prompts and {len(seeds)} seeds", fix="give a seed for each")


def _tried(rule: str, check: Check, trial: Trial) -> tuple[Finding, ...]:
    try:
        return check(trial)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        return (Finding(rule=rule, what=f"raises {described(error)}"),)
