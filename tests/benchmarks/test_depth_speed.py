"""Speed and memory of counting large models that have no weights: `pytest -m speed tests/benchmarks`.

Times are reported, never judged by an absolute figure: what is asserted are ratios on one machine, and memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import partial

import pytest

from monitorbench.depth import compose, trace_segment, weightless

pytestmark = pytest.mark.speed

GEMMA = {"model": "gemma-3-27b", "context": 32_768}
DIFFUSION = {"model": "diffusiongemma-26b-a4b", "context": 262_144, "steps": 48}
both = pytest.mark.parametrize("large", [GEMMA, DIFFUSION], ids=lambda large: large["model"])
MEMORY = 0.5e9
"""Bytes that a whole process may hold at its peak."""


def count(model, *, context: int, steps: int | None = None) -> int:
    """Trace the generation of a model and compose its depth."""
    return compose([trace_segment(segment) for segment in model.segments(context=context, steps=steps)]).depth


def processor_seconds(run) -> float:
    """Least processor time of several runs: other processes can only add to it."""

    def once() -> float:
        begin = time.process_time()
        run()
        return time.process_time() - begin

    return min(once() for _ in range(4))


@both
@pytest.mark.benchmark(timer=time.process_time)
def test_trace_alone(benchmark, large):
    model = weightless(large["model"])
    settings = {name: value for name, value in large.items() if name != "model"}
    assert benchmark.pedantic(count, (model,), settings, rounds=3, warmup_rounds=1) > 0


@both
def test_whole_process(benchmark, large):
    """From the command line to the printed result: imports, building the model, tracing, and composing."""
    options = [text for name, value in large.items() if name != "model" for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "monitorbench", "depth", large["model"], *options, "--json"]
    peaks = []

    def run() -> dict[str, object]:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            printed = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peaks.append(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
        return json.loads(printed)

    assert benchmark.pedantic(run, rounds=1)["depth"] > 0
    benchmark.extra_info["peak_bytes"] = max(peaks)
    assert max(peaks) < MEMORY


def test_time_does_not_grow_with_the_context():
    model = weightless(GEMMA["model"])
    short, long = (processor_seconds(partial(count, model, context=context)) for context in (2_048, 131_072))
    assert long < 1.3 * short


def test_time_hardly_grows_with_the_steps():
    model = weightless(DIFFUSION["model"])
    few, many = (
        processor_seconds(partial(count, model, context=DIFFUSION["context"], steps=steps)) for steps in (12, 48)
    )
    assert many < 1.2 * few
