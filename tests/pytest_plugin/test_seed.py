"""`--monitorbench-seed`: the base of every seed."""

from __future__ import annotations

import pytest
from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"


def test_it_holds_for_every_suite(bench: Bench) -> None:
    bench.suite(PASSES)
    (item,) = bench.collected("--monitorbench-seed", "7")
    assert item.parent.suite.sampling.seed == 7


def test_what_is_no_number_is_refused_on_the_command_line(bench: Bench) -> None:
    assert bench.pytest("--monitorbench-seed", "few").ret == pytest.ExitCode.USAGE_ERROR


def test_what_is_no_number_is_refused_in_the_ini_file(bench: Bench) -> None:
    bench.ini(seed="few")
    result = bench.pytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: monitorbench_seed (tox.ini): 'few' is not a whole number"])
