"""`--monitorbench-inconclusive`: what an inconclusive check is."""

from __future__ import annotations

import pytest
from plugin_bench import CANNOT_BE_DECIDED, Bench

pytest_plugins = "pytester"


@pytest.fixture
def undecided(bench: Bench) -> Bench:
    bench.suite(CANNOT_BE_DECIDED, model="diffusion")
    return bench


def test_it_fails_unless_told_otherwise(undecided: Bench) -> None:
    result = undecided.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["resolved: inconclusive: *"])


def test_it_passes_with_a_warning(undecided: Bench) -> None:
    lenient = "default::monitorbench.pytest_plugin.InconclusiveWarning"
    result = undecided.pytest("-W", lenient, "--monitorbench-inconclusive", "warn")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*s.monitor.yaml:10: InconclusiveWarning: resolved: inconclusive, *"])


def test_it_passes_silently(undecided: Bench) -> None:
    undecided.pytest("--monitorbench-inconclusive", "pass").assert_outcomes(passed=1, warnings=0)


def test_the_ini_file_knows_the_same_words(undecided: Bench) -> None:
    undecided.ini(inconclusive="ignore")
    result = undecided.pytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: monitorbench_inconclusive (tox.ini) cannot be 'ignore'; known: fail, warn, pass"]
    )
