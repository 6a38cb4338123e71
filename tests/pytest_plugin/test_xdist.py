"""Under pytest-xdist."""

from __future__ import annotations

import pytest
from plugin_bench import ALL, FAILS, PASSES, Bench

pytest_plugins = "pytester"


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_one_worker_runs_all_tests_of_a_suite(bench: Bench, pytester: pytest.Pytester) -> None:
    bench.suite(PASSES + FAILS)
    words = ["-n", "2", "--dist", "loadfile", "-v", "--monitorbench-report", "report.json"]
    result = pytester.runpytest_subprocess(*words)
    result.assert_outcomes(passed=1, failed=1)
    workers = {line.split("]")[0] for line in result.outlines if line.startswith("[gw") and "%]" in line}
    assert len(workers) == 1
    result.stdout.fnmatch_lines(["s.monitor.yaml::order: pass, *", "report: report.json"])


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_tests_of_a_suite_share_a_group(bench: Bench, pytester: pytest.Pytester) -> None:
    bench.suite(ALL)
    items, _ = pytester.inline_genitems()
    assert {mark.args for item in items for mark in item.iter_markers("xdist_group")} == {("s.monitor.yaml",)}
