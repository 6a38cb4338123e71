"""Which settings differ between two runs, and which checks that concerns."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from monitorbench.report.comparison.settings import differences
from monitorbench.report.model import Bound, Report

MakeRun = Callable[..., Report]


def changed(suite: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A suite with one setting changed."""
    new = copy.deepcopy(suite)
    *folders, last = path.split(".")
    inner = new
    for folder in folders:
        inner = inner[folder]
    inner[last] = value
    return new


def test_equal_reports_differ_in_nothing(make_run: MakeRun) -> None:
    assert differences(make_run(), make_run()) == ()


@pytest.mark.parametrize(
    ("path", "value", "concerned"),
    [
        ("sampling.sampler.steps", 16, ("bottleneck",)),
        ("sampling.seed", 1, ("bottleneck",)),
        ("tasks.chain.seed", 1, ("bottleneck",)),
        ("tasks.chain.n", 80, ()),
        ("tasks.other", {"n": 3}, ()),
    ],
)
def test_settings_are_named_with_the_checks_that_they_concern(
    path: str, value: object, concerned: tuple[str, ...], make_run: MakeRun, suite: dict[str, Any]
) -> None:
    (found,) = differences(make_run(), make_run(asked=changed(suite, path, value)))
    place = f"suite.{path}"
    assert (found.place.removesuffix(".n") if isinstance(value, dict) else found.place) == place
    assert found.checks == concerned


def test_a_name_of_a_suite_decides_nothing(make_run: MakeRun, suite: dict[str, Any]) -> None:
    assert differences(make_run(), make_run(asked=changed(suite, "name", "t"))) == ()


def test_a_parameter_changes_what_is_measured_and_a_bound_does_not(make_run: MakeRun) -> None:
    tighter = {"task": "chain", "max_drop": 0.01, "keep": {"top_k": 4}}
    found = differences(make_run(), make_run(parameters=tighter, bound=Bound(max=0.01)))
    assert {each.place: each.checks for each in found} == {
        "checks.bottleneck.max_drop": (),
        "checks.bottleneck.keep.top_k": ("bottleneck",),
    }


def test_severity_and_warnings_are_told_and_measure_nothing_else(make_run: MakeRun, suite: dict[str, Any]) -> None:
    checks = [{**suite["checks"][0], "warn_if": {"max_drop": 0.01}}]
    found = differences(make_run(), make_run(asked={**suite, "checks": checks}, severity="warn"))
    assert {each.place: (each.reference, each.other, each.checks) for each in found} == {
        "checks.bottleneck.severity": ("fail", "warn", ()),
        "checks.bottleneck.warn_if.max_drop": (None, 0.01, ()),
    }


def test_another_checkpoint_is_named_by_its_content(make_run: MakeRun) -> None:
    report = make_run()
    other = dataclasses.replace(
        report, models=(dataclasses.replace(report.models[0], weights_sha256="f" * 64),), device={"device": "cuda"}
    )
    found = {each.place: (each.reference, each.other, each.checks) for each in differences(report, other)}
    assert found == {
        "models.candidate.weights_sha256": ("a" * 64, "f" * 64, ()),
        "device.device": ("cpu", "cuda", ()),
        "device.dtype": ("float32", None, ()),
    }


def test_another_baseline_changes_what_ratios_are_taken_against(make_run: MakeRun) -> None:
    report = make_run(unit="ratio")
    baseline = dataclasses.replace(report.models[0], role="baseline")
    one = dataclasses.replace(report, models=(*report.models, baseline))
    two = dataclasses.replace(report, models=(*report.models, dataclasses.replace(baseline, config_sha256="f" * 64)))
    (found,) = differences(one, two)
    assert (found.place, found.checks) == ("models.baseline.config_sha256", ("bottleneck",))


def test_a_check_of_one_report_only_is_not_told_parameter_by_parameter(make_run: MakeRun) -> None:
    assert differences(make_run(), make_run(id="another")) == ()
