"""Differences of estimates, paired by prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.report.comparison.pairing import FIXED, UNPAIRED, shift
from monitorbench.report.model import CheckReport, Interval, Report

MakeRun = Callable[..., Report]
VALUES = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=30)


def check_of(report: Report) -> CheckReport:
    return report.checks[0]


@given(pairs=VALUES)
@settings(max_examples=50, deadline=None)
def test_the_difference_is_the_mean_over_pairs_and_turns_around(
    pairs: list[tuple[float, float]], make_run: MakeRun
) -> None:
    before, after = (check_of(make_run({str(i): pair[side] for i, pair in enumerate(pairs)})) for side in (0, 1))
    there, back = shift(before, after), shift(after, before)
    assert there is not None
    assert back is not None
    assert there.interval is not None
    assert there.n == len(pairs)
    assert there.value == pytest.approx(sum(b - a for a, b in pairs) / len(pairs), abs=1e-12)
    assert back.value == pytest.approx(-there.value, abs=1e-12)
    assert there.interval.low <= there.value <= there.interval.high


def test_prompts_are_found_by_name_and_only_shared_ones_count(make_run: MakeRun) -> None:
    before = check_of(make_run({"a": 0.0, "b": 0.0, "gone": 1.0}))
    after = check_of(make_run({"new": -1.0, "b": 0.0, "a": 1.0}))
    found = shift(before, after)
    assert found is not None
    assert (found.value, found.n) == (0.5, 2)


def test_pairing_sees_what_the_estimates_alone_do_not(make_run: MakeRun) -> None:
    before = {str(i): float(i % 2) for i in range(60)}
    after = {name: min(1.0, value + 0.1) for name, value in before.items()}
    found = shift(check_of(make_run(before)), check_of(make_run(after)))
    assert found is not None
    assert found.interval is not None
    assert found.value == pytest.approx(0.05)
    assert 0.0 < found.interval.low < found.value < found.interval.high < 0.1


def test_runs_that_looked_while_prompts_came_in_get_bounds_that_hold_at_any_moment(make_run: MakeRun) -> None:
    before, after = (check_of(make_run({str(i): value for i in range(50)})) for value in (0.0, 0.5))
    once, always = shift(before, after), shift(before, after, sequential=True)
    assert once is not None
    assert always is not None
    assert once.interval is not None
    assert always.interval is not None
    assert always.interval.method != once.interval.method


def test_without_shared_prompts_estimates_are_subtracted_without_an_interval(make_run: MakeRun) -> None:
    found = shift(check_of(make_run({"a": 0.5})), check_of(make_run(estimate=0.2)))
    assert found is not None
    assert (found.value, found.interval, found.n, found.method) == (pytest.approx(-0.3), None, None, UNPAIRED)


def test_what_holds_by_construction_differs_by_construction(make_run: MakeRun) -> None:
    def depth(value: float) -> CheckReport:
        interval = Interval(low=value, high=value, level=1.0, method=FIXED)
        return check_of(make_run(estimate=value, interval=interval, unit="depth"))

    found = shift(depth(500.0), depth(700.0))
    assert found is not None
    assert found.interval == Interval(low=200.0, high=200.0, level=1.0, method=FIXED)


def test_there_is_no_difference_without_two_estimates_of_one_unit(make_run: MakeRun) -> None:
    whole = check_of(make_run(estimate=0.5))
    assert shift(whole, check_of(make_run(estimate=None, interval=None))) is None
    assert shift(whole, check_of(make_run(estimate=0.5, unit="ratio"))) is None


@pytest.mark.parametrize(
    "held",
    [
        None,
        "text",
        {},
        {"ids": ["a"], "values": [0.0, 1.0], "low": 0, "high": 1},
        {"ids": ["a"], "values": ["0"], "low": 0, "high": 1},
        {"ids": ["a"], "values": [2.0], "low": 0, "high": 1},
        {"ids": ["a"], "values": [0.5], "low": None, "high": 1},
        {"ids": [["a"]], "values": [0.5], "low": 0, "high": 1},
        {"ids": "a", "values": [0.5], "low": 0, "high": 1},
        {"ids": ["a", "a"], "values": [0.5, 0.5], "low": 0, "high": 1},
    ],
)
def test_evidence_of_another_shape_is_taken_for_none(held: Any, make_run: MakeRun) -> None:
    odd = check_of(make_run(evidence={"per_prompt": held}))
    found = shift(check_of(make_run({"a": 0.5})), odd)
    assert found is not None
    assert found.method == UNPAIRED
