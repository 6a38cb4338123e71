"""`--monitorbench-held-models`: how many loaded models later suites and tests find."""

from __future__ import annotations

import pytest
from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"


def test_suites_of_one_checkpoint_load_it_once(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.suite(PASSES, file="t.monitor.yaml", name="other")
    loads = bench.loads()
    bench.pytest().assert_outcomes(passed=2)
    assert len(loads) == 1


@pytest.mark.parametrize(("held", "loaded"), [("1", 3), ("2", 2)])
def test_no_more_are_held_than_asked_for(bench: Bench, held: str, loaded: int) -> None:
    for number, model in enumerate(("causal", "diffusion", "causal")):
        bench.suite(PASSES, file=f"{number}.monitor.yaml", name=f"suite {number}", model=model)
    loads = bench.loads()
    bench.pytest("--monitorbench-held-models", held)
    assert len(loads) == loaded


def test_a_checkpoint_that_was_saved_anew_is_another_one(bench: Bench) -> None:
    """A test may train a model and save it where an earlier one was."""
    bench.test(
        """
import shutil
m = [monitorbench.check("chronology-score", "last", metric="order.gamma", min=0.9, task=TASK, sampling=SAMPLING)
     for model in (MODEL, BASELINE) if shutil.copytree(model, "last", dirs_exist_ok=True)]
assert m[0].report != m[1].report
        """
    )
    loads = bench.loads()
    bench.pytest().assert_outcomes(passed=1)
    assert len(loads) == 2


def test_at_least_one_is_held(bench: Bench) -> None:
    result = bench.pytest("--monitorbench-held-models", "0")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --monitorbench-held-models: 0 models cannot be held; write 1 or more"])
