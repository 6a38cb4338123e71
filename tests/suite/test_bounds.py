"""Severity, `fail_if` and `warn_if`: what they load to, and every way in which they mean nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import yaml

from monitorbench.suite.loader import resolved
from monitorbench.suite.model import CheckSpec, Suite, Vocabulary
from monitorbench.suite.schema import schema

Loaded = Callable[..., Suite]
Mistakes = Callable[..., list[str]]

HEAD = """\
schema_version: 1
name: s
model: zoo:diffusion-chain
tasks: {chain: {family: arithmetic-chain, n: 4}}
defaults: {task: chain}
checks:
"""
BOTTLENECK = "  - {id: b, check: bottleneck-drop, channel: self_conditioning, keep: {top_k: 8}, "
DEPTH = "  - {id: d, check: opaque-depth-ratio, context_length: 8, "
ORDER = "  - {id: o, check: chronology-score, metric: kendall, "


@pytest.fixture
def first(loaded: Loaded) -> Callable[..., CheckSpec]:
    """The check that a suite with this one line declares."""

    def first(line: str, **overrides: object) -> CheckSpec:
        return loaded(HEAD + line, **overrides).checks[0]

    return first


def test_severity_is_fail_unless_it_is_said(first: Callable[..., CheckSpec]) -> None:
    assert first(BOTTLENECK + "max_drop: 0.05}").severity == "fail"
    for severity in ("fail", "warn", "info"):
        assert first(BOTTLENECK + f"max_drop: 0.05, severity: {severity}}}").severity == severity
    assert first(BOTTLENECK + "max_drop: 0.05}", set=("checks.b.severity=info",)).severity == "info"


def test_fail_if_is_another_place_for_the_same_bounds(first: Callable[..., CheckSpec]) -> None:
    assert first(BOTTLENECK + "fail_if: {max_drop: 0.05}}") == first(BOTTLENECK + "max_drop: 0.05}")
    assert first(ORDER + "fail_if: {min: 0, max: 1}}") == first(ORDER + "min: 0, max: 1}")
    assert first(DEPTH + "max_depth: 9, fail_if: {max_ratio: 2}}").parameters["max_depth"] == 9


def test_what_is_set_on_the_command_line_wins_wherever_the_bound_stands(first: Callable[..., CheckSpec]) -> None:
    beside, inside = "checks.b.max_drop=0.1", "checks.b.fail_if.max_drop=0.1"
    for line in ("max_drop: 0.05}", "fail_if: {max_drop: 0.05}}"):
        for setting in (beside, inside):
            assert first(BOTTLENECK + line, set=(setting,)).parameters["max_drop"] == 0.1


def test_a_bound_of_a_check_goes_before_the_defaults(loaded: Loaded) -> None:
    text = HEAD.replace("{task: chain}", "{task: chain, max_drop: 0.5}") + BOTTLENECK + "fail_if: {max_drop: 0.05}}"
    assert loaded(text).checks[0].parameters["max_drop"] == 0.05


def test_warn_if_is_the_same_check_by_other_bounds(first: Callable[..., CheckSpec]) -> None:
    check = first(ORDER + "min: 0, max: 1, warn_if: {min: 0.5}}")
    assert check.parameters["min"] == 0
    assert check.warned is not None
    assert check.warned.parameters == {**check.parameters, "min": 0.5}
    assert (check.warned.severity, check.warned.warned) == ("warn", None)
    assert first(ORDER + "min: 0}").warned is None


def test_a_warning_of_a_check_that_only_tells_never_counts_either(first: Callable[..., CheckSpec]) -> None:
    check = first(ORDER + "min: 0, severity: info, warn_if: {min: 0.5}}")
    assert check.warned is not None
    assert check.warned.severity == "info"


@pytest.mark.parametrize(
    ("line", "at", "mistake"),
    [
        (
            BOTTLENECK + "max_drop: 0.05, severity: fatal}",
            "fatal",
            "`severity` cannot be 'fatal'; did you mean `fail`?",
        ),
        (
            BOTTLENECK + "max_drop: 0.05, fail_if: {max_drop: 0.1}}",
            "max_drop: 0.1",
            "`max_drop` is given in `fail_if` and beside it; remove one of them",
        ),
        (
            BOTTLENECK + "fail_if: {max_dorp: 0.1}}",
            "max_dorp",
            "unknown key `max_dorp` in `fail_if`; did you mean `max_drop`?",
        ),
        (BOTTLENECK + "fail_if: {}}", "{}", "`fail_if` is empty; give it at least 1 key"),
        (BOTTLENECK + "fail_if: 0.1}", "0.1", "`fail_if` wants a mapping, got the number 0.1; write a mapping"),
        (
            BOTTLENECK + "fail_if: {max_drop: 2}}",
            "2}}",
            "`max_drop` must be less than 1, got 2; write a number that is less than 1",
        ),
        (
            BOTTLENECK + "max_drop: 0.05, warn_if: {max_drop: 0.05}}",
            "0.05}}",
            "`max_drop` 0.05 can never warn: the check fails at 0.05 already; write less than 0.05",
        ),
        (
            BOTTLENECK + "fail_if: {max_drop: 0.05}, warn_if: {max_drop: 0.1}}",
            "0.1}}",
            "`max_drop` 0.1 can never warn: the check fails at 0.05 already; write less than 0.05",
        ),
        (
            ORDER + "min: 0, warn_if: {min: -0.5}}",
            "-0.5",
            "`min` -0.5 can never warn: the check fails at 0 already; write more than 0",
        ),
        (
            ORDER + "max: 0.5, warn_if: {min: 0.6}}",
            "{min",
            "check `o`, by its `warn_if`, has its bounds swapped; swap them",
        ),
        (
            DEPTH + "max_ratio: 2, warn_if: {max_slope_per_doubling: 2}}",
            "{max_slope",
            "check `d`, by its `warn_if`, is not complete: `context_length` cannot be 8; write at least 2 lengths: "
            "`max_slope_per_doubling` compares the smallest with the largest",
        ),
        (
            BOTTLENECK + "max_drop: 0.05, warn_if: {keep: {top_k: 4}}}",
            "keep: {top_k: 4",
            "unknown key `keep` in `warn_if`; known: `max_drop`",
        ),
        (
            BOTTLENECK + "max_drop: 0.05, warn_if: {max_drop: low}}",
            "low",
            "`max_drop` wants a number, got the text 'low'; write a number",
        ),
        (
            BOTTLENECK + "warn_if: {max_drop: 0.05}}",
            "{id",
            "missing key `max_drop` in check `b`; add `max_drop:`",
        ),
    ],
)
def test_what_means_nothing_is_refused_where_it_stands(mistakes: Mistakes, line: str, at: str, mistake: str) -> None:
    assert mistakes(HEAD + line) == [f"s.yaml:7:{line.index(at) + 1}: {mistake}"]


@pytest.mark.parametrize("line", ["fail_if: {max_drop: 0.05}}", "max_drop: 0.05, warn_if: {max_drop: 0.02}}"])
def test_editors_know_the_keys(line: str, vocabulary: Vocabulary) -> None:
    plain: Any = yaml.safe_load(HEAD.replace("defaults: {task: chain}\n", "") + BOTTLENECK + "task: chain, " + line)
    jsonschema.validate(plain, schema(vocabulary))
    plain["checks"][0]["warn_if"] = {"keep": 1}
    assert not jsonschema.Draft7Validator(schema(vocabulary)).is_valid(plain)


def test_a_check_type_without_bounds_has_no_such_keys(vocabulary: Vocabulary) -> None:
    boundless = {name: replace(check, bounds=()) for name, check in vocabulary.checks.items()}
    made = schema(replace(vocabulary, checks=boundless))
    assert "warn_if" not in str(made["properties"]["checks"]["items"]["allOf"])


def test_a_resolved_check_says_only_what_is_not_usual(loaded: Loaded) -> None:
    text = HEAD + BOTTLENECK + "severity: warn, fail_if: {max_drop: 0.05}, warn_if: {max_drop: 0.02}}\n"
    lenient, usual = resolved(loaded(text + ORDER + "min: 0}"))["checks"]
    assert (lenient["severity"], lenient["max_drop"], lenient["warn_if"]) == ("warn", 0.05, {"max_drop": 0.02})
    assert not {"severity", "warn_if", "fail_if"} & set(usual)
