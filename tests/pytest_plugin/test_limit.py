"""`--monitorbench-limit`: the largest number of problems per task."""

from __future__ import annotations

import pytest
from plugin_bench import FAILS, PASSES, Bench

pytest_plugins = "pytester"


def test_it_caps_tasks_and_is_a_part_of_the_command_that_runs_a_check_again(bench: Bench) -> None:
    bench.suite(FAILS)
    bench.pytest("--monitorbench-limit", "4").stdout.fnmatch_lines(
        ["estimate 1.000, bound <= 0.5, n 4", "rerun: monitorbench run s.monitor.yaml --only disorder --limit 4"]
    )


def test_it_raises_no_number(bench: Bench) -> None:
    bench.suite(PASSES)
    (item,) = bench.collected("--monitorbench-limit", "400")
    assert item.parent.suite.tasks["chain"].n == 6


@pytest.mark.parametrize(
    ("ini", "words", "name"),
    [(False, ["--monitorbench-limit", "0"], "--monitorbench-limit"), (True, [], "monitorbench_limit (tox.ini)")],
)
def test_a_mistake_names_the_option_as_it_was_given(bench: Bench, ini: bool, words: list[str], name: str) -> None:
    bench.suite(PASSES)
    if ini:
        bench.ini(limit="0")
    result = bench.pytest(*words)
    result.assert_outcomes(errors=1)
    assert f"{name}:1:1: the limit must be at least 1, got 0; write a larger number" in result.outlines
