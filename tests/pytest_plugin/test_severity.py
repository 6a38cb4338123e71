"""`severity` and `warn_if` of a check: what is no failed test, and how it is seen all the same."""

from __future__ import annotations

from plugin_bench import Bench

pytest_plugins = "pytester"
SHOWN = ("-W", "default::monitorbench.pytest_plugin.CheckWarning")
ORDER = "  - {{id: {id}, check: chronology-score, metric: order.gamma, {bounds}}}\n"
"""A model that writes left to right keeps an order of 1."""


def test_a_warning_is_no_failed_test(bench: Bench) -> None:
    bench.suite(ORDER.format(id="order", bounds="max: 0.5, severity: warn"))
    result = bench.pytest(*SHOWN)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*CheckWarning: order: fail (severity warn), 1.000, bound <= 0.5, *"])


def test_what_only_tells_is_silent(bench: Bench) -> None:
    bench.suite(ORDER.format(id="order", bounds="max: 0.5, severity: info"))
    bench.pytest().assert_outcomes(passed=1, warnings=0)


def test_what_warn_if_says_is_seen(bench: Bench) -> None:
    bench.suite(ORDER.format(id="order", bounds="min: 0.9, warn_if: {max: 0.99}"))
    result = bench.pytest(*SHOWN)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*CheckWarning: order: pass (warning), *By warn_if (max 0.99): fail, *"])
