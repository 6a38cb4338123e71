"""`--monitorbench-device`."""

from __future__ import annotations

from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"


def test_it_holds_for_every_suite(bench: Bench) -> None:
    bench.suite(PASSES)
    (item,) = bench.collected("--monitorbench-device", "cpu")
    assert item.parent.suite.device == "cpu"


def test_it_holds_for_checks_of_the_fixture(bench: Bench) -> None:
    bench.test(
        'assert monitorbench.check("chronology-score", BASELINE, metric="order.gamma", min=0.9, task=TASK, '
        'sampling=SAMPLING).suite.device == "cpu"'
    )
    bench.pytest("--monitorbench-device", "cpu").assert_outcomes(passed=1)


def test_what_it_cannot_be(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest("--monitorbench-device", "nothing")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["--monitorbench-device:1:1: *"])
