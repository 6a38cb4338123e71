"""`--monitorbench-baseline`: what ratios are taken against."""

from __future__ import annotations

from pathlib import Path

from plugin_bench import DOES_NOT_APPLY, PASSES, RESTS_ON_IT, Bench

from monitorbench.report.write import read

pytest_plugins = "pytester"


def test_it_replaces_the_baseline_of_every_suite(bench: Bench) -> None:
    bench.suite(PASSES)
    (item,) = bench.collected("--monitorbench-baseline", "zoo:ar-chain")
    assert item.parent.suite.baseline.source == "zoo:ar-chain"


def test_options_choose_the_models(bench: Bench, ready: Path) -> None:
    bench.suite(DOES_NOT_APPLY + RESTS_ON_IT)
    diffusion = str(ready / "diffusion")
    words = [f"--monitorbench-model={diffusion}", f"--monitorbench-baseline={diffusion}"]
    bench.pytest("-k", "depth", *words, "--monitorbench-report", "r.json").assert_outcomes(failed=1, deselected=1)
    models = {model.role: model.source for model in read(bench / "r.json").models}
    assert models == {"candidate": diffusion, "baseline": diffusion}
