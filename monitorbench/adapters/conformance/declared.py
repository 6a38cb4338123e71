"""Rules about what an adapter says of itself, and what of it can be relied on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from torch import nn

from monitorbench.adapters.base import Segment
from monitorbench.adapters.conformance.trial import Finding, Trial, carried, observed
from monitorbench.errors import MonitorbenchError

CLASS_SAYS = ("family", "summary", "channels", "settings", "left_to_right")
CLASS_DOES = ("claims", "load")
LONGEST_TRACED = 2**15
"""Positions at which segments are traced, where the model was made for more or names no most."""
_SHOWN = 60


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


def text_comes_back(trial: Trial) -> tuple[Finding, ...]:
    """Decoding an encoded prompt gives a text that contains the prompt, and the model knows every id.

    A chat template may stand around it. White space and the case of letters are let go, as some tokenizers do;
    special tokens do not count as text.
    """
    rule, adapter = "text comes back", trial.adapter
    found = []
    for text in trial.texts or [adapter.decode(prompt) for prompt in trial.prompts]:
        tokens = adapter.encode(text)
        if not _folded(text):
            found.append(f"a prompt decodes to {_short(text)}, which any text contains")
        elif alien := [token for token in tokens if not 0 <= token < adapter.vocab_size]:
            found.append(f"{_short(text)} encodes to {alien[0]}, the vocabulary has {adapter.vocab_size}")
        elif _folded(text) not in _folded(shown := adapter.decode(tokens)):
            found.append(f"{_short(text)} comes back as {_short(shown)}")
    return tuple(Finding(rule=rule, what=what) for what in found)


def channels_are_as_declared(trial: Trial) -> tuple[Finding, ...]:
    """What a model carries is what its class declares, and every channel has events: no other, and not none."""
    rule, channels = "channels are as declared", carried(trial)
    declared = {channel.name: channel for channel in trial.adapter.channels}
    names = Counter(channel.name for channel in channels)
    seen = {event.channel: event for event in observed(trial).events if event.channel is not None}
    found = [f"{name} is carried {count} times" for name, count in names.items() if count > 1]
    for channel in channels:
        if channel.name not in declared:
            found.append(f"{channel.name} is carried and the class does not declare it")
        elif channel != declared[channel.name]:
            found.append(f"{channel.name} is carried as another than the class declares")
        if channel.name not in seen:
            found.append(f"{channel.name} is carried and has no event")
    found += [f"{name} has events and is not carried" for name in seen if name not in names]
    return tuple(Finding(rule=rule, what=what) for what in found)


def segments_name_the_channels(trial: Trial) -> tuple[Finding, ...]:
    """Every carried channel that tokens can stand for is put out by one segment and taken in by one.

    Only by its name can the depth be cut where the channel counts as readable. A channel that is not carried is not
    named: its name would be cut and its value is never looked at.
    """
    rule, adapter = "segments name the channels", trial.adapter
    segments, channels = _segments(trial), {channel.name: channel for channel in carried(trial)}
    taken = {name for segment in segments for name in segment.inputs}
    put = {name for segment in segments for name in segment.outputs}
    readable = [name for name, channel in channels.items() if channel.kind != "state"]
    found = [f"no segment takes in {name}" for name in readable if name not in taken]
    found += [f"no segment puts out {name}" for name in readable if name not in put]
    found += [
        f"a segment names {channel.name}, which is not carried"
        for channel in adapter.channels
        if channel.name in taken | put and channel.name not in channels
    ]
    return tuple(Finding(rule=rule, what=what) for what in found)


def segments_trace(trial: Trial, trace: Callable[[Segment], object]) -> tuple[Finding, ...]:
    """Every segment can be counted: no operation in it is unknown."""
    found = []
    for segment in _segments(trial):
        try:
            trace(segment)
        except MonitorbenchError as error:
            found.append(Finding(rule="segments trace", what=f"{segment.name}: {error}"))
    return tuple(found)


def _segments(trial: Trial) -> Sequence[Segment]:
    limits = trial.limits
    return trial.adapter.segments(
        context_length=min(trial.adapter.max_length, LONGEST_TRACED),
        max_new_tokens=limits.max_new_tokens,
        sampler=limits.sampler,
    )


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
