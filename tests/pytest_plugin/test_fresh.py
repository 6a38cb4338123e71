"""`--monitorbench-fresh`: every rollout is generated anew."""

from __future__ import annotations

from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"


def test_kept_rollouts_are_not_used(bench: Bench) -> None:
    bench.suite(PASSES)
    batches = bench.batches()
    for words, made in (([], 2), ([], 2), (["--monitorbench-fresh"], 4), ([], 4)):
        bench.pytest(*words).assert_outcomes(passed=1)
        assert len(batches) == made
