"""Suites as tests: what is collected, and what becomes of a verdict."""

from __future__ import annotations

import pytest
from plugin_bench import ALL, DOES_NOT_APPLY, FAILS, PASSES, Bench

from monitorbench.report.write import read

pytest_plugins = "pytester"


def test_every_check_is_a_test(bench: Bench) -> None:
    bench.suite(ALL)
    result = bench.pytest("--collect-only", "-q")
    names = [f"s.monitor.yaml::{name}" for name in ("order", "disorder", "bottleneck", "depth")]
    assert result.outlines[: len(names)] == names
    assert result.ret == pytest.ExitCode.OK


def test_collecting_runs_no_model(bench: Bench) -> None:
    """A checkpoint that cannot be loaded is no obstacle to collecting."""
    (bench / "empty").mkdir()
    bench.suite(ALL)
    assert bench.pytest("--collect-only", "--monitorbench-model", "empty").ret == pytest.ExitCode.OK


def test_only_files_with_the_suffix_are_suites(bench: Bench) -> None:
    bench.suite(ALL, file="s.yaml")
    assert bench.pytest().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_verdicts_become_outcomes(bench: Bench) -> None:
    bench.suite(ALL)
    bench.pytest().assert_outcomes(passed=2, failed=1, skipped=1)


def test_a_failure_says_why_and_how_to_run_it_again(bench: Bench) -> None:
    bench.suite(FAILS)
    result = bench.pytest("--monitorbench-limit", "4")
    result.stdout.fnmatch_lines(
        [
            "disorder: fail: order.gamma is 1.000 by construction over 4 prompts; at most 0.5 is asked for.",
            "estimate 1.000, bound <= 0.5, n 4",
            "declared in s.monitor.yaml:10",
            "rerun: monitorbench run s.monitor.yaml --only disorder --limit 4",
        ],
        consecutive=True,
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*.py:*")


def test_a_skip_gives_its_reason_and_points_into_the_suite(bench: Bench) -> None:
    text = bench.suite(ALL)
    line = text.splitlines().index("  - id: bottleneck") + 1
    reason = "The candidate, of the adapter family autoregressive, has no channel self_conditioning."
    bench.pytest("-rs").stdout.fnmatch_lines([f"SKIPPED [[]1[]] s.monitor.yaml:{line}: {reason}"])


def test_the_location_of_a_test_is_its_line_in_the_suite(bench: Bench, pytester: pytest.Pytester) -> None:
    text = bench.suite(ALL)
    items, _ = pytester.inline_genitems()
    for item in items:
        path, line, name = item.reportinfo()
        assert path == bench / "s.monitor.yaml"
        assert line is not None
        assert text.splitlines()[line] == f"  - id: {name}"


def test_a_check_that_observed_nothing_fails(bench: Bench) -> None:
    bench.suite(DOES_NOT_APPLY, model="diffusion")
    result = bench.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["bottleneck: unobserved: *"])


def test_a_broken_suite_is_a_collection_error_with_every_mistake(bench: Bench) -> None:
    bench.suite(ALL.replace("max_ratio", "max_ratoi").replace("metric: order.gamma", "metric: order.gama", 1))
    result = bench.pytest()
    result.assert_outcomes(errors=1)
    result.stdout.re_match_lines([r"s\.monitor\.yaml:12:13: .*", r"s\.monitor\.yaml:\d+:5: .*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("words", "selected"),
    [
        (["-k", "depth"], ["bottleneck", "depth"]),
        (["s.monitor.yaml::order"], ["order"]),
        (["--deselect", "s.monitor.yaml::disorder"], ["order", "bottleneck", "depth"]),
    ],
)
def test_only_selected_checks_run_and_what_they_rest_on(bench: Bench, words: list[str], selected: list[str]) -> None:
    bench.suite(ALL)
    bench.pytest(*words, "--monitorbench-report", "report.json")
    assert [check.id for check in read(bench / "report.json").checks] == selected


def test_evidence_for_a_selected_check_is_not_gated(bench: Bench) -> None:
    bench.suite(ALL)
    bench.pytest("-k", "depth", "--monitorbench-report", "report.json").assert_outcomes(passed=1, deselected=3)
    gated = {check.id: check.gated for check in read(bench / "report.json").checks}
    assert gated == {"bottleneck": False, "depth": True}


def test_last_failed_runs_only_what_failed(bench: Bench, pytester: pytest.Pytester) -> None:
    bench.suite(ALL)
    pytester.runpytest_inprocess("-p", "no:xdist").assert_outcomes(passed=2, failed=1, skipped=1)
    pytester.runpytest_inprocess("-p", "no:xdist", "--lf", "--monitorbench-report", "report.json").assert_outcomes(
        failed=1
    )
    assert [check.id for check in read(bench / "report.json").checks] == ["disorder"]


def test_the_summary_has_one_line_for_each_check_and_the_report(bench: Bench) -> None:
    bench.suite(PASSES + FAILS)
    bench.pytest("--monitorbench-report", "out/report.json").stdout.fnmatch_lines(
        [
            "*= monitorbench =*",
            "s.monitor.yaml::order: pass, 1.000, bound >= 0.9, n 6",
            "s.monitor.yaml::disorder: fail, 1.000, bound <= 0.5, n 6: order.gamma is 1.000 *",
            "report: out/report.json",
        ],
        consecutive=True,
    )


def test_stepwise_and_failed_first_work(bench: Bench, pytester: pytest.Pytester) -> None:
    bench.suite(PASSES + FAILS + FAILS.replace("disorder", "again"))
    pytester.runpytest_inprocess("-p", "no:xdist", "--sw").assert_outcomes(passed=1, failed=1)
    pytester.runpytest_inprocess("-p", "no:xdist", "--sw").assert_outcomes(failed=1, deselected=1)
    result = pytester.runpytest_inprocess("-p", "no:xdist", "--ff", "-v", "-x")
    result.stdout.fnmatch_lines(["s.monitor.yaml::disorder FAILED*"])
    result.assert_outcomes(failed=1)


def test_the_line_at_the_end_says_why(bench: Bench) -> None:
    bench.suite(FAILS)
    bench.pytest().stdout.fnmatch_lines(["FAILED s.monitor.yaml::disorder - fail: order.gamma is 1.000 *"])
    bench.pytest("--tb=line").stdout.fnmatch_lines(["*/s.monitor.yaml:10: fail: order.gamma is 1.000 *"])


def test_a_check_that_passed_shows_its_reason_when_asked(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.pytest("-rP").stdout.fnmatch_lines(
        [
            "*- Captured monitorbench call -*",
            "order: pass: order.gamma is 1.000 by construction over 6 prompts; *",
            "estimate 1.000, bound >= 0.9, n 6",
            "declared in s.monitor.yaml:10",
            "rerun: monitorbench run s.monitor.yaml --only order",
        ],
        consecutive=True,
    )
