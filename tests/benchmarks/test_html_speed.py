"""Size of a page about 1,000 stored rollouts, and how long it takes to make and to open: `pytest -m speed -s`.

The size is bounded; times are printed, and no absolute figure is judged.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from headless import CHROMIUM, MISSING, browser
from made import WORDS, block

from monitorbench.commands.report_traces import traces_of
from monitorbench.metrics.trace import Trace
from monitorbench.report.model import ModelReport, Report, RunFacts, Verdict
from monitorbench.report.render.html import render
from monitorbench.rollouts.archive import Archive
from monitorbench.rollouts.arm import Rollout
from monitorbench.tasks.base import Problem

pytestmark = [pytest.mark.speed, pytest.mark.skipif(CHROMIUM is None, reason=MISSING)]

ARMS, PROMPTS = 10, 100
LARGEST_MB = 20
WEIGHTS = "a" * 64


def report() -> Report:
    model = ModelReport(
        role="candidate",
        source="made",
        family="block-diffusion",
        architecture="",
        parameters=1,
        channels=(),
        weights_sha256=WEIGHTS,
        config_sha256="",
        tokenizer_sha256="",
    )
    return Report(
        verdict=Verdict.NOT_APPLICABLE,
        exit_code=3,
        versions={},
        device={},
        suite_sha256="c" * 64,
        suite={"name": "made"},
        models=(model,),
        checks=(),
        run=RunFacts(started="2026-01-02T03:04:05+00:00", seconds=1.0, host="", platform=""),
    )


def store(folder: Path, trace: Trace) -> None:
    with closing(Archive(folder)) as archive:
        for arm in range(ARMS):
            facts = json.dumps({"tokenizer": "t", "weights": WEIGHTS, "arm": arm})
            kept = {
                f"{arm}/{prompt}": Rollout(
                    problem=Problem(id=f"p{prompt}", prompt="", target="", answer=""),
                    repeat=0,
                    text="a text " * 100,
                    tokens=(1,),
                    finished=True,
                    status=("correct", "wrong")[prompt % 2],
                    trace=trace,
                    value_positions={"a": (1, 2)},
                    answer_positions=(3,),
                )
                for prompt in range(PROMPTS)
            }
            archive.keep(facts, kept, label=f"arm {arm}", words=lambda ids: [WORDS[each] for each in ids])


@pytest.mark.parametrize(("blocks", "positions", "steps"), [(1, 64, 16), (1, 256, 48), (4, 256, 48)])
def test_a_page_about_many_rollouts(blocks: int, positions: int, steps: int, tmp_path: Path) -> None:
    # Noise at every step, of which nothing repeats, is the most that a trace can hold.
    trace = Trace(blocks=tuple(block(positions=positions, steps=steps, seed=seed) for seed in range(blocks)))
    store(tmp_path / "made", trace)
    begin = time.perf_counter()
    traces = traces_of(report(), tmp_path / "made.json")
    page = render(report(), traces=traces)
    made = time.perf_counter() - begin
    path = tmp_path / "made.html"
    path.write_text(page, encoding="utf-8")
    with browser(tmp_path / "profile") as opened:
        first = opened.open(path)
        again = min(opened.open(path) for _ in range(3))
        begin = time.perf_counter()
        opened.look("(() => { for (let n = 0; n < 10; n++) document.getElementById('t-back').click() })()")
        step = (time.perf_counter() - begin) / 10
        shown = opened.look("document.querySelectorAll('#t-rollout option').length")
        assert opened.complaints == []
    size = path.stat().st_size / 1e6
    sys.stdout.write(
        f"\n{traces.stored:,} rollouts of {blocks} x {positions} positions x {steps} steps: "
        f"{shown} shown, {size:.1f} MB, made in {made:.1f} s, "
        f"opened in {first:.2f} s, again in {again:.2f} s, {1000 * step:.0f} ms a step\n"
    )
    assert size < LARGEST_MB
