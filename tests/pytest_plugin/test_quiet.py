"""`--monitorbench-quiet`: no list of checks at the end."""

from __future__ import annotations

from plugin_bench import FAILS, PASSES, Bench

pytest_plugins = "pytester"


def test_failures_and_reports_are_still_told(bench: Bench) -> None:
    bench.suite(PASSES + FAILS)
    result = bench.pytest("--monitorbench-quiet", "--monitorbench-report", "r.json")
    result.stdout.no_fnmatch_line("*::order: pass*")
    result.stdout.fnmatch_lines(["disorder: fail: *", "*= monitorbench =*", "report: r.json"])


def test_a_session_that_has_nothing_to_tell_has_no_section(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.pytest("--monitorbench-quiet", "--monitorbench-no-store").stdout.no_fnmatch_line("*= monitorbench =*")
