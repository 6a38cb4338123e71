"""`--monitorbench-strict`: warnings count as fails."""

from __future__ import annotations

import pytest
from plugin_bench import FAILS, PASSES, Bench

pytest_plugins = "pytester"

WARNS = PASSES.replace("    min: 0.9", "    min: 0.9\n    max: 1\n    warn_if: {max: 0.95}")


@pytest.mark.parametrize("checks", [f"{FAILS}    severity: warn\n", WARNS])
def test_strict_fails_what_is_a_warning_otherwise(bench: Bench, checks: str) -> None:
    bench.suite(checks)
    result = bench.pytest("--monitorbench-strict")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["rerun: monitorbench run s.monitor.yaml --only * --strict"])


def test_what_only_tells_still_does(bench: Bench) -> None:
    bench.suite(f"{FAILS}    severity: info\n")
    result = bench.pytest("--monitorbench-strict")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["s.monitor.yaml::disorder: fail (severity info), *"])
