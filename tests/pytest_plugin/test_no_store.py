"""`--monitorbench-no-store`: no rollouts outlive the session."""

from __future__ import annotations

from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"


def test_nothing_is_left_behind_and_nothing_is_found(bench: Bench) -> None:
    bench.suite(PASSES)
    batches = bench.batches()
    for _ in range(2):
        batches.clear()
        bench.pytest("--monitorbench-no-store").assert_outcomes(passed=1)
        assert batches
    assert not (bench / "reports").exists()


def test_a_store_on_the_command_line_wins_over_none_in_the_ini_file(bench: Bench) -> None:
    bench.ini(no_store="true")
    bench.suite(PASSES)
    bench.pytest("--monitorbench-store", "kept").stdout.fnmatch_lines(["rollouts: kept"])


def test_none_on_the_command_line_wins_over_a_store_in_the_ini_file(bench: Bench) -> None:
    bench.ini(store="kept")
    bench.suite(PASSES)
    bench.pytest("--monitorbench-no-store").assert_outcomes(passed=1)
    assert not (bench / "kept").exists()
