"""Names that have to exist elsewhere: tasks, channels, other checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitorbench.suite.model import Suite

Mistakes = Callable[..., list[str]]

HEAD = "schema_version: 1\nname: n\nmodel: org/m\nchecks:\n"
DEPTH = "  - {id: %s, check: opaque-depth-ratio, context_length: 8, max_depth: 9, interpretable_if: {loop_state: %s}}\n"


def depth_checks(*edges: tuple[str, str]) -> str:
    return HEAD + "".join(DEPTH % edge for edge in edges)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("{task: chain}", "{task: chian}", "7:18: no task `chian` in this suite; did you mean `chain`?"),
        (
            "channel: self_conditioning",
            "channel: self_condition",
            "11:14: no adapter has a channel `self_condition`; did you mean `self_conditioning`?",
        ),
        (
            "channel: self_conditioning",
            "channel: kv",
            "11:14: no adapter has a channel `kv`; known: `loop_state`, `self_conditioning`",
        ),
        (
            "{self_conditioning: bottleneck}",
            "{self_cond: bottleneck}",
            "17:24: no adapter has a channel `self_cond`; did you mean `self_conditioning`?",
        ),
        (
            "{self_conditioning: bottleneck}",
            "{self_conditioning: botleneck}",
            "17:43: no check `botleneck` in this suite; did you mean `bottleneck`?",
        ),
        (
            "id: depth",
            "id: bottleneck",
            "14:9: duplicate check id `bottleneck`, first given at s.yaml:9; give each check its own id",
        ),
        (
            "{self_conditioning: bottleneck}",
            "{self_conditioning: depth}",
            "17:43: checks rest on each other in a circle: `depth` -> `depth`; remove one `interpretable_if`",
        ),
    ],
)
def test_a_dangling_name(quickstart: str, mistakes: Mistakes, old: str, new: str, line: str) -> None:
    assert mistakes(quickstart.replace(old, new)) == [f"s.yaml:{line}"]


def test_what_is_declared_of_a_channel_that_no_adapter_has(quickstart: str, mistakes: Mistakes) -> None:
    assert mistakes(quickstart + "channels: {self_cond: {trained_through: false}}\n") == [
        "s.yaml:19:12: no adapter has a channel `self_cond`; did you mean `self_conditioning`?"
    ]


@pytest.mark.parametrize("role", ["model", "baseline"])
def test_channels_and_settings_of_an_unregistered_class_are_not_known_before_a_run(
    quickstart: str, loaded: Callable[..., Suite], mistakes: Mistakes, role: str
) -> None:
    other = {"model": "baseline", "baseline": "model"}[role]
    models = f"{other}: org/m\n{role}: {{source: org/m, adapter: a.b:C}}"
    text = quickstart.replace("model: zoo:diffusion-chain", models)
    text = text.replace("self_conditioning", "own_channel").replace("max_denoising_steps: 8", "pace: slow")
    suite = loaded(text + "channels: {own_channel: {}}\n")
    assert suite.sampling.sampler == {"pace": "slow"}
    assert mistakes(text.replace("pace: slow", "pace: []")) == [
        "s.yaml:7:57: `pace` wants a number, true or false or text, got a list; write a number, true or false or text"
    ]
    registered = mistakes(text.replace("a.b:C", "block-diffusion"))
    assert [line.split("; ")[0].partition(" ")[2] for line in registered] == [
        "unknown sampler setting 'pace'",
        "`pace` wants a number or true or false, got the text 'slow'",
        *["no adapter has a channel `own_channel`"] * 2,
    ]


def test_a_suite_without_tasks_says_so(quickstart: str, mistakes: Mistakes) -> None:
    start, end = quickstart.index("tasks:"), quickstart.index("sampling:")
    assert mistakes(quickstart[:start] + quickstart[end:]) == [
        "s.yaml:5:18: no task `chain` in this suite; there are none"
    ]


def test_circles_are_found_once_each(mistakes: Mistakes) -> None:
    text = depth_checks(("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("e", "f"), ("f", "e"))
    assert mistakes(text) == [
        "s.yaml:7:104: checks rest on each other in a circle: `a` -> `b` -> `c` -> `a`; remove one `interpretable_if`",
        "s.yaml:10:104: checks rest on each other in a circle: `e` -> `f` -> `e`; remove one `interpretable_if`",
    ]


def test_a_chain_is_no_circle(mistakes: Mistakes) -> None:
    text = depth_checks(("a", "b"), ("b", "c"), ("d", "b"), ("c", "none"))
    assert mistakes(text) == ["s.yaml:8:104: no check `none` in this suite; known: `a`, `b`, `c`, `d`"]


def test_long_chains_are_followed_to_their_end(mistakes: Mistakes) -> None:
    text = depth_checks(*((f"c{index}", f"c{index + 1}") for index in range(600)))
    assert mistakes(text)[0].startswith("s.yaml:604:107: no check `c600` in this suite; ")


def test_a_parameter_that_the_type_lacks_is_only_unknown(quickstart: str, mistakes: Mistakes) -> None:
    (line,) = mistakes(quickstart.replace("max_ratio: 1.5", "max_ratio: 1.5\n    task: nowhere"))
    assert line.startswith("s.yaml:19:5: unknown key `task` in check `depth`; known: ")


def test_every_further_task_has_to_exist(mistakes: Mistakes) -> None:
    check = "  - {id: o, check: chronology-score, task: chain, also: [chain, chian, b], metric: kendall, min: 0}\n"
    tasks = "tasks: {chain: {family: arithmetic-chain, n: 5}}\n"
    assert mistakes(HEAD.replace("checks:", f"{tasks}checks:") + check) == [
        "s.yaml:6:65: no task `chian` in this suite; did you mean `chain`?",
        "s.yaml:6:72: no task `b` in this suite; known: `chain`",
    ]
