"""`--monitorbench-baseline-file`: only what is new or worse fails."""

from __future__ import annotations

import pytest
from plugin_bench import FAILS, PASSES, Bench

from monitorbench.cli import main

pytest_plugins = "pytester"
FILE = "accepted.json"


def test_a_failure_that_was_accepted_fails_no_test_until_it_expires(bench: Bench) -> None:
    bench.suite(PASSES + FAILS)
    bench.pytest("--monitorbench-report", "r.json").assert_outcomes(passed=1, failed=1)
    accept = ["baseline", "update", "r.json", "--baseline-file", FILE, "--reason", "planted", "--expires", "2999-01-01"]
    assert main(accept) == 0
    before = (bench / FILE).read_bytes()
    result = bench.pytest("--monitorbench-baseline-file", FILE)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["s.monitor.yaml::disorder: *known*planted*"])
    assert (bench / FILE).read_bytes() == before
    result = bench.pytest("--monitorbench-baseline-file", FILE, "--monitorbench-set", "checks.order.min=1.5")
    result.stdout.fnmatch_lines(["rerun: monitorbench run s.monitor.yaml --only order *--baseline-file accepted.json"])


def test_a_file_that_is_none_is_refused_before_anything_runs(bench: Bench) -> None:
    bench.suite(PASSES)
    (bench / FILE).write_text("[]")
    result = bench.pytest("--monitorbench-baseline-file", FILE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --monitorbench-baseline-file: {FILE}: *"])


def test_a_report_is_not_written_over_it(bench: Bench) -> None:
    bench.suite(PASSES)
    assert bench.pytest("--monitorbench-report", "r.json").ret == 0
    assert main(["baseline", "update", "r.json", "--baseline-file", FILE]) == 0
    result = bench.pytest("--monitorbench-baseline-file", FILE, "--monitorbench-report", FILE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --monitorbench-report: {FILE}: is the baseline file, *"])
