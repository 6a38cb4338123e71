"""Depth, accuracy and recovery of the models of several reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitorbench.report.comparison.compare import compare
from monitorbench.report.comparison.points import points
from monitorbench.report.model import CheckReport, Report

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]


@pytest.fixture
def architecture(make_check: MakeCheck, make_report: MakeReport) -> Callable[..., Report]:
    def made(depth: Any, accuracy: Any, recovery: Any) -> Report:
        contexts = [{"applied": {"depth": 1}}, {"applied": {"depth": depth}}]
        return make_report(
            make_check(id="depth", type="opaque-depth-ratio", evidence={"contexts": contexts}),
            make_check(
                type="bottleneck-drop", evidence={"accuracy": {"soft": accuracy}, "recovery": {"value": recovery}}
            ),
        )

    return made


def test_a_point_is_the_depth_at_the_largest_context_and_what_the_bottleneck_found(
    architecture: Callable[..., Report],
) -> None:
    found = points(compare({"a": architecture(586, 0.9, 1.0), "b": architecture(14_000, 0.62, None)}))
    assert [point.cells() for point in found] == [
        ("a", "zoo:thought-loop", "586", "0.900", "1.000"),
        ("b", "zoo:thought-loop", "14,000", "0.620", ""),
    ]


@pytest.mark.parametrize("odd", [None, "deep", True, {}])
def test_fewer_than_two_whole_points_are_none(odd: object, architecture: Callable[..., Report]) -> None:
    assert points(compare({"a": architecture(586, 0.9, 1.0), "b": architecture(odd, 0.6, 0.5)})) == ()
    assert points(compare({"a": architecture(586, 0.9, 1.0), "b": architecture(5, odd, 0.5)})) == ()


def test_evidence_of_another_shape_gives_no_point(make_check: MakeCheck, make_report: MakeReport) -> None:
    report = make_report(make_check(type="opaque-depth-ratio", evidence={"contexts": "none"}))
    assert points(compare({"a": report, "b": report})) == ()


def test_a_model_without_a_channel_is_a_point_by_what_another_check_saw(
    architecture: Callable[..., Report], make_check: MakeCheck, make_report: MakeReport
) -> None:
    plain = make_report(
        make_check(id="depth", type="opaque-depth-ratio", evidence={"contexts": [{"applied": {"depth": 7}}]}),
        make_check(type="bottleneck-drop", evidence={}),
        make_check(id="order", type="chronology-score", evidence={"accuracy": {"soft": 0.8}}),
    )
    (_, found) = points(compare({"a": architecture(586, 0.9, 1.0), "b": plain}))
    assert (found.depth, found.accuracy, found.recovery) == (7, 0.8, None)
