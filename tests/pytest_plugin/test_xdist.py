"""Under pytest-xdist: the checks of one checkpoint go to one worker, and their results come together."""

from __future__ import annotations

import re

import pytest
from plugin_bench import FAILS, PASSES, Bench

from monitorbench.report.write import read

pytest_plugins = "pytester"
xdist = pytest.importorskip("xdist", reason="pytest-xdist is not installed")

TWO = ("-n", "2", "-v")


def workers(result: pytest.RunResult) -> dict[str, str]:
    """The worker of every test that ran."""
    found = (re.match(r"\[(gw\d+)] \[ *\d+%] \w+ (\S+)", line) for line in result.outlines)
    return {line[2]: line[1] for line in found if line}


def test_suites_of_one_checkpoint_share_a_worker_and_their_results_come_together(bench: Bench) -> None:
    bench.suite(PASSES + FAILS)
    bench.suite(PASSES, file="t.monitor.yaml", name="other")
    bench.test("pass", file="test_a.py")
    words = [*TWO, "--monitorbench-report", "r.json", "--junitxml", "junit.xml"]
    result = bench.pytester.runpytest_subprocess("--assert=plain", *words)
    result.assert_outcomes(passed=3, failed=1)
    ran = workers(result)
    assert len({worker for test, worker in ran.items() if ".yaml" in test}) == 1
    assert len(ran) == 4
    result.stdout.fnmatch_lines(
        [
            "s.monitor.yaml::order: pass, *",
            "s.monitor.yaml::disorder: fail, *",
            "t.monitor.yaml::order: pass, *",
            "report: r-other.json",
            "report: r-small.json",
            "rollouts: reports/runs",
            "FAILED s.monitor.yaml::disorder - fail: order.gamma is *",
        ],
        consecutive=False,
    )
    assert [check.id for check in read(bench / "r-small.json").checks] == ["order", "disorder"]
    assert 'name="monitorbench_verdict" value="fail"' in (bench / "junit.xml").read_text()
    # Node ids are those of a session without workers, so that what failed there can be run again here.
    again = bench.pytester.runpytest_inprocess("-p", "no:xdist", "--lf")
    again.assert_outcomes(failed=1)


def test_a_mode_that_was_asked_for_is_kept_and_its_cost_is_said(bench: Bench) -> None:
    bench.suite(PASSES + FAILS)
    words = ["-n", "2", "--dist", "load", "--monitorbench-report", "r.json"]
    result = bench.pytester.runpytest_subprocess("--assert=plain", *words)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "note: --dist load may run the model of a suite in several workers; leave --dist out, or use "
            "--dist loadgroup, and one worker runs it"
        ]
    )
    report = read(bench / "r.json")
    assert [check.verdict for check in report.checks] == ["pass", "fail"]
    assert report.exit_code == 1


def test_a_worker_that_crashes_is_said(bench: Bench) -> None:
    bench.suite(PASSES + FAILS)
    bench.pytester.makeconftest(
        """
        import os

        def pytest_runtest_call(item):
            if item.name == "order":
                os._exit(9)
        """
    )
    result = bench.pytester.runpytest_subprocess("--assert=plain", "-n", "1", "--monitorbench-report", "r.json")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*worker 'gw0' crashed while running 's.monitor.yaml::order'*",
            "s.monitor.yaml::disorder: fail, *",
            "s.monitor.yaml::order: no verdict, as the worker crashed while it ran; *",
        ]
    )
    assert [check.id for check in read(bench / "r.json").checks] == ["order", "disorder"]


def test_without_checks_tests_are_handed_out_as_ever(bench: Bench) -> None:
    bench.test("pass")
    result = bench.pytester.runpytest_subprocess("--assert=plain", "-n", "1")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*= monitorbench =*")


def test_suites_that_would_share_a_report_are_refused_before_anything_runs(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.suite(PASSES, file="t.monitor.yaml")
    result = bench.pytester.runpytest_subprocess("--assert=plain", "-n", "1", "--monitorbench-report", "r.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --monitorbench-report: s.monitor.yaml and t.monitor.yaml would both be *"])
