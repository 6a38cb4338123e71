"""The ini file: a default for every option."""

from __future__ import annotations

import pytest
from plugin_bench import PASSES, Bench

from monitorbench.pytest_plugin.options import OPTIONS

pytest_plugins = "pytester"


def test_every_option_can_stand_in_the_ini_file(bench: Bench) -> None:
    listed = bench.pytest("--help").stdout.str()
    for option in OPTIONS:
        assert option.flag in listed
        assert option.key in listed


def test_the_command_line_wins(bench: Bench) -> None:
    bench.ini(seed="3", limit="5", device="cpu")
    bench.suite(PASSES)
    (item,) = bench.collected("--monitorbench-seed", "4")
    suite = item.parent.suite
    assert (suite.sampling.seed, suite.tasks["chain"].n, suite.device) == (4, 5, "cpu")


def test_a_flag_of_the_ini_file_is_taken_back_as_pytest_does_it(bench: Bench) -> None:
    bench.ini(quiet="true")
    bench.suite(PASSES)
    bench.pytest("-o", "monitorbench_quiet=false").stdout.fnmatch_lines(["s.monitor.yaml::order: pass, *"])


def test_a_report_lies_beside_the_ini_file(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.ini(report="r.json")
    bench.suite(PASSES)
    (bench / "below").mkdir()
    monkeypatch.chdir(bench / "below")
    bench.pytest("..").assert_outcomes(passed=1)
    assert (bench / "r.json").is_file()
