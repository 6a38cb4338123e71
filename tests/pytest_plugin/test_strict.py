"""`--monitorbench-strict`, and what becomes of severities and warnings without it."""

from __future__ import annotations

import pytest
from plugin_bench import FAILS, PASSES, Bench

pytest_plugins = "pytester"

WARNS = PASSES.replace("    min: 0.9", "    min: 0.9\n    max: 1\n    warn_if: {max: 0.95}")
LENIENT = ("-W", "default::monitorbench.pytest_plugin.LetThroughWarning")


def of(severity: str) -> str:
    """A check that fails, of another severity."""
    return f"{FAILS}    severity: {severity}\n"


def test_a_fail_of_severity_warn_is_a_warning(bench: Bench) -> None:
    bench.suite(of("warn"))
    result = bench.pytest(*LENIENT)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*s.monitor.yaml:10: LetThroughWarning: disorder: fail (severity warn), *"])


def test_a_fail_of_severity_info_is_only_listed(bench: Bench) -> None:
    bench.suite(of("info"))
    result = bench.pytest("--monitorbench-strict")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["s.monitor.yaml::disorder: fail (severity info), *"])


def test_what_warn_if_says_is_a_warning(bench: Bench) -> None:
    bench.suite(WARNS)
    result = bench.pytest(*LENIENT)
    result.assert_outcomes(passed=1, warnings=1)


@pytest.mark.parametrize("checks", [of("warn"), WARNS])
def test_strict_fails_what_is_a_warning_otherwise(bench: Bench, checks: str) -> None:
    bench.suite(checks)
    result = bench.pytest("--monitorbench-strict")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["rerun: monitorbench run s.monitor.yaml --only * --strict"])
