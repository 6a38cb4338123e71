"""`--monitorbench-set`: change one value of every suite."""

from __future__ import annotations

from plugin_bench import FAILS, PASSES, Bench

pytest_plugins = "pytester"


def test_it_may_be_given_more_than_once(bench: Bench) -> None:
    bench.suite(FAILS)
    changes = ("checks.disorder.min=0.9", "checks.disorder.max=1", "sampling.seed=3")
    (item,) = bench.collected(*(word for change in changes for word in ("--monitorbench-set", change)))
    assert (item.spec.parameters["min"], item.spec.parameters["max"]) == (0.9, 1)
    assert item.parent.suite.sampling.seed == 3


def test_the_command_line_comes_after_the_ini_file(bench: Bench) -> None:
    bench.ini(set="sampling.seed=3\n  sampling.batch_size=2")
    bench.suite(PASSES)
    (item,) = bench.collected("--monitorbench-set", "sampling.seed=4")
    assert (item.parent.suite.sampling.seed, item.parent.suite.sampling.batch_size) == (4, 2)


def test_a_setting_that_no_run_would_take_is_a_collection_error(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest("--monitorbench-set", "sampling.sampler={heat: 1}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["--monitorbench-set:1:1: unknown sampler setting 'heat'; known: *"])
