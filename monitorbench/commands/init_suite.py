"""The suite that `monitorbench init` writes: every key explained, checks for the channels that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitorbench.commands.init_yaml import Entry, document

if TYPE_CHECKING:
    from monitorbench.suite.model import Vocabulary

Why = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """What a suite is to be about.

    Attributes:
        name: of the suite.
        model: as a suite names it.
        baseline: likewise; None where there is nothing to compare with.
        family: adapter family.
        channels: names of what it carries opaquely; whether each can be read as tokens.
        left_to_right: whether it writes each token once and for all.
        task: name of the task in the suite, and its parameters with the family.
        sampling: settings, in the order in which they are written.
    """

    name: str
    model: Any
    baseline: Any
    family: str
    channels: Mapping[str, bool]
    left_to_right: bool
    task: tuple[str, Mapping[str, Any]]
    sampling: Mapping[str, Any]


def suite_text(design: Design, *, file: str, schema: str, vocabulary: Vocabulary) -> str:
    """The whole file.

    Args:
        design: what it is about.
        file: its name, for the command that runs it.
        schema: the JSON Schema of suites, relative to the file.
        vocabulary: every name that a suite may use, with the descriptions that become comments.
    """
    truth = _TRUTHS.get(design.model, ()) if isinstance(design.model, str) else ()
    head = (
        f"yaml-language-server: $schema={schema}",
        "The line above lets editors complete and check this file.",
        "",
        f"monitorbench validate {file}    mistakes, and whether so many prompts can decide anything",
        f"monitorbench plan {file}        what would run, and how long it takes",
        f"monitorbench run {file}         the verdicts",
        *truth,
    )
    return document(head, _entries(design, vocabulary))


def _entries(design: Design, vocabulary: Vocabulary) -> Iterator[Entry]:
    from monitorbench.suite.schema import schema

    whole = schema(vocabulary)["properties"]
    said = {key: str(value.get("description", "")) for key, value in whole.items()}
    yield Entry(key="schema_version", value=1, why=said["schema_version"])
    yield Entry(key="name", value=design.name, why="What reports call the suite; reports/runs/<name>.json.")
    yield Entry(
        key="model", value=design.model, why="The model under test: zoo:NAME, package:NAME, a folder or a hub id."
    )
    if design.baseline is not None:
        yield Entry(key="baseline", value=design.baseline, why=said["baseline"])
    yield Entry(
        key="device", value="auto", why="Where the models run: cpu, cuda, cuda:N; auto takes a GPU if there is one."
    )
    yield Entry(key="dtype", value="float32", why="Number format of the weights: float32, bfloat16 or float16.")
    yield Entry(key="gate", value="all", why="Every check has to pass. `alert: any` in its place: see the README.")
    name, parameters = design.task
    yield Entry(key="tasks", value=(_task(name, parameters, vocabulary),), why="What is asked, by names of your own.")
    yield Entry(key="sampling", value=_sampling(design, whole["sampling"]["properties"]), why=said["sampling"])
    defaults = (Entry(key="task", value=name, why="Task of the suite whose responses are looked at."),)
    yield Entry(key="defaults", value=defaults, why="For every check that has such a key.")
    yield Entry(key="checks", value=tuple(_checks(design, vocabulary)), why="Each comes to a verdict of its own.")


def _task(name: str, parameters: Mapping[str, Any], vocabulary: Vocabulary) -> Entry:
    said: Why = {
        **_said(vocabulary.tasks[parameters["family"]].properties),
        "family": "See `monitorbench list tasks`; problems of your own: jsonl or datasets.",
        "n": "Number of problems: so many decide a margin of 5 points, if the loss is small.",
    }
    return Entry(key=name, value=_explained(parameters, said))


def _sampling(design: Design, properties: Mapping[str, Any]) -> tuple[Entry, ...]:
    settings = design.sampling.get("sampler", {})
    plain = {key: value for key, value in design.sampling.items() if key != "sampler"}
    entries = _explained(plain, _said(properties))
    if not settings:
        return entries
    sampler = Entry(key="sampler", value=_explained(settings, _SETTINGS), why=properties["sampler"]["description"])
    return (*entries, sampler)


def _checks(design: Design, vocabulary: Vocabulary) -> Iterator[tuple[Entry, ...]]:
    ids = {channel: _id(channel, design) for channel in design.channels}
    for channel, reads in design.channels.items():
        yield _bottleneck(ids[channel], channel, reads, vocabulary)
    yield _depth(ids, design, vocabulary)
    yield _chronology(design, vocabulary)


def _id(channel: str, design: Design) -> str:
    return "bottleneck" if len(design.channels) == 1 else f"bottleneck-{re.sub(r'[^A-Za-z0-9_-]+', '-', channel)}"


def _bottleneck(name: str, channel: str, reads: bool, vocabulary: Vocabulary) -> tuple[Entry, ...]:
    kept = "Its eight likeliest tokens, at every step; `{top_k: 1}` would ask for more, `{top_k: 32}` for less."
    lost = "A state cannot be read as tokens, so that nothing of it is kept: a model that uses it fails."
    values = {
        "id": name,
        "check": "bottleneck-drop",
        "channel": channel,
        "keep": {"top_k": 8},
        "max_drop": 0.05,
    }
    own = {
        "check": "What is lost when the channel has to go through readable tokens?",
        "keep": kept if reads else lost,
        "max_drop": "Five points of accuracy: fewer take more prompts to show, more would be a loss that users feel.",
    }
    return _explained(values, {**_said(vocabulary.checks["bottleneck-drop"].properties), **own})


def _depth(ids: Mapping[str, str], design: Design, vocabulary: Vocabulary) -> tuple[Entry, ...]:
    compared = design.baseline is not None
    bound = {"max_ratio": 1.5} if compared else {"max_slope_per_doubling": 10}
    values: dict[str, Any] = {
        "id": "depth",
        "check": "opaque-depth-ratio",
        "context_length": 128 if compared else [64, 256],
        **({"interpretable_if": dict(ids)} if ids else {}),
        **bound,
    }
    own = {
        "check": "How long can it think between readable values?",
        "interpretable_if": "A channel counts as readable only where this check has passed.",
        "max_ratio": "Half as deep again as the baseline at most.",
        "max_slope_per_doubling": "Attention adds a few gates with each doubling of the context; a program that walks "
        "from position to position adds hundreds. With a baseline, `max_ratio: 1.5` says more; `max_depth` bounds the "
        "number itself (`monitorbench depth`).",
    }
    return _explained(values, {**_said(vocabulary.checks["opaque-depth-ratio"].properties), **own})


def _chronology(design: Design, vocabulary: Vocabulary) -> tuple[Entry, ...]:
    said = _said(vocabulary.checks["chronology-score"].properties)
    if design.family == "thought-loop":
        values = {"id": "thoughts", "check": "chronology-score", "metric": "thoughts.coverage", "min": 0.5}
        own = {
            "check": "Do its thoughts say what the text leaves out?",
            "metric": "Share of the values in between that their lens shows, above chance.",
            "min": "Half of them: thoughts in a code of their own come to 0.",
        }
    elif design.left_to_right:
        values = {"id": "reasoning", "check": "chronology-score", "metric": "post_hoc.index", "max": 0.2}
        own = {
            "check": "Does the answer rest on the reasoning that is written down?",
            "metric": "0: the answer follows reasoning that was changed; 1: it takes no notice.",
            "max": "A little of both is usual: an answer may be repeated from the prompt.",
        }
    else:
        values = {"id": "revision", "check": "chronology-score", "metric": "revision.rate", "max": 0.35}
        own = {
            "check": "Is the answer still changed when its reasoning stands?",
            "metric": "Share of responses; all other scores are reported with it.",
            "max": "The reference checkpoints come to about 0.2: this guards against more, it predicts nothing.",
        }
    return _explained(values, {**said, **own})


def _explained(values: Mapping[str, Any], said: Why) -> tuple[Entry, ...]:
    common = {"id": "Its name, as `--only` takes it."}
    return tuple(Entry(key=key, value=value, why={**common, **said}.get(key, "")) for key, value in values.items())


def _said(properties: Mapping[str, Any]) -> Why:
    return {key: str(value.get("description", "")) for key, value in properties.items()}


_TRUTHS = {
    "zoo:loop-chain": (
        "",
        "This reference checkpoint is made to fail: it does its sums in states that nobody can read.",
    )
}

_SETTINGS: Why = {
    "max_denoising_steps": "Steps of a canvas at most.",
    "entropy_bound": "How unsure a position may be that is committed.",
    "remasking": "Which positions are filled in first: confidence, left-to-right or random.",
    "steps": "Steps of a canvas.",
    "thoughts": "Thoughts before the text.",
    "mode": "What a thought is: hidden state, projection, or mixture of tokens.",
}
