"""`--monitorbench-fresh`: every rollout is generated anew."""

from __future__ import annotations

from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"


def test_kept_rollouts_are_not_used(bench: Bench) -> None:
    bench.suite(PASSES)
    batches = bench.batches()
    made = []
    for words in ([], [], ["--monitorbench-fresh"], []):
        bench.pytest(*words).assert_outcomes(passed=1)
        made.append(len(batches))
    assert made == [made[0], made[0], 2 * made[0], 2 * made[0]]
