"""`--monitorbench-store`: where rollouts are kept."""

from __future__ import annotations

import pytest
from plugin_bench import PASSES, Bench

from monitorbench.cli import main
from monitorbench.rollouts.index import INDEX

pytest_plugins = "pytester"


def test_the_next_session_generates_nothing(bench: Bench) -> None:
    bench.suite(PASSES)
    batches = bench.batches()
    bench.pytest().stdout.fnmatch_lines(["rollouts: reports/runs"])
    assert batches
    batches.clear()
    bench.pytest().stdout.fnmatch_lines(["rollouts: reports/runs"])
    assert not batches


def test_the_command_that_runs_a_check_again_finds_what_the_test_recorded(bench: Bench) -> None:
    bench.suite(PASSES)
    batches = bench.batches()
    bench.pytest()
    assert batches
    batches.clear()
    assert main(["run", "s.monitor.yaml", "--only", "order", "--quiet"]) == 0
    assert not batches


def test_a_folder_that_is_named(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.pytest("--monitorbench-store", "kept").stdout.fnmatch_lines(["rollouts: kept"])
    assert (bench / "kept" / "small" / INDEX).is_file()
    assert not (bench / "reports").exists()


def test_a_folder_in_the_ini_file_is_beside_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.ini(store="kept")
    bench.suite(PASSES)
    (bench / "below").mkdir()
    monkeypatch.chdir(bench / "below")
    bench.pytest("..").assert_outcomes(passed=1)
    assert (bench / "kept" / "small" / INDEX).is_file()


def test_a_named_folder_that_cannot_be_written_is_a_mistake(bench: Bench) -> None:
    bench.suite(PASSES)
    (bench / "file").write_text("")
    result = bench.pytest("--monitorbench-store", "file")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["file/small: *"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_where_nothing_can_be_kept_the_checks_run_all_the_same(bench: Bench) -> None:
    bench.suite(PASSES)
    (bench / "reports").write_text("")
    result = bench.pytest("-W", "default::monitorbench.pytest_plugin.workbench.StoreWarning")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*StoreWarning: rollouts cannot be kept in reports/runs (*"])
    result.stdout.no_fnmatch_line("rollouts: *")
