"""`--monitorbench-report`: where the JSON report goes."""

from __future__ import annotations

import pytest
from plugin_bench import PASSES, Bench

from monitorbench.report.write import read

pytest_plugins = "pytester"


def test_no_report_is_kept_unless_asked_for(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest()
    assert not list((bench / ".").rglob("*.json"))
    result.stdout.no_fnmatch_line("report: *")


def test_reports_of_several_suites_are_told_apart_by_name(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.suite(PASSES, file="t.monitor.yaml", name="an other")
    result = bench.pytest("--monitorbench-report", "out/r.json")
    result.stdout.fnmatch_lines(["report: out/r-an-other.json", "report: out/r-small.json"], consecutive=True)
    assert read(bench / "out/r-an-other.json").suite["name"] == "an other"


def test_suites_that_would_share_a_report_are_refused_before_anything_runs(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.suite(PASSES, file="t.monitor.yaml")
    result = bench.pytest("--monitorbench-report", "r.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: --monitorbench-report: s.monitor.yaml and t.monitor.yaml would both be written to r-small.json; "
            "give the suites different names"
        ]
    )


def test_a_report_that_could_not_be_written_is_refused_before_anything_runs(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest("--monitorbench-report", ".")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = "--monitorbench-report: .: is a folder, not a file; name another file for the report"
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
