"""What recording costs beside generation without any hook: `pytest -m speed -s tests/benchmarks`.

Both are timed in turn on one machine; no absolute figure is judged.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence

import pytest

from monitorbench.adapters.base import Adapter, Hook, Limits, Output
from monitorbench.adapters.block_diffusion import BlockDiffusion
from monitorbench.adapters.factory import load_model
from monitorbench.rollouts.tracing import TraceWatcher
from monitorbench.suite.model import ModelSpec
from monitorbench.tasks.arithmetic_chain import ArithmeticChain
from monitorbench.zoo.models import build_diffusion, build_tokenizer

pytestmark = pytest.mark.speed

MOST = 1.10
PAIRS = 9


def processor_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def ratio(adapter: Adapter, prompts: Sequence[Sequence[int]], limits: Limits) -> float:
    """Median over pairs of runs of generation with recording to generation without, in processor time."""
    seeds = range(len(prompts))

    def generate(hook: Hook | None) -> Output:
        return adapter.generate(prompts, seeds, hook, limits)

    def recorded() -> None:
        watcher = TraceWatcher(None, rows=len(prompts))
        output = generate(watcher)
        for row, tokens in enumerate(output.tokens):
            assert watcher.trace(row, len(tokens)).packed

    recorded()
    pairs = [(processor_seconds(lambda: generate(None)), processor_seconds(recorded)) for _ in range(PAIRS)]
    found = statistics.median(with_trace / bare for bare, with_trace in pairs)
    bare, with_trace = (min(side) for side in zip(*pairs, strict=True))
    sys.stdout.write(f"\n{bare * 1e3:.0f} ms bare, {with_trace * 1e3:.0f} ms recorded, median of pairs {found:.3f}\n")
    return found


def test_recording_a_small_model() -> None:
    adapter = load_model("candidate", ModelSpec(source="zoo:diffusion-chain"), device="cpu", dtype="float32").adapter
    prompts = [adapter.encode(problem.prompt) for problem in ArithmeticChain(lengths=(2, 3)).problems(120)]
    width = max(map(len, prompts))
    limits = Limits(max_new_tokens=18, sampler={"max_denoising_steps": 8, "entropy_bound": 0.1})
    assert ratio(adapter, [prompt for prompt in prompts if len(prompt) == width][:40], limits) <= MOST


def test_recording_a_large_vocabulary() -> None:
    model = build_diffusion(32_768)
    model.config.canvas_length = 256
    adapter = BlockDiffusion(model=model.eval(), tokenizer=build_tokenizer(["one", "two"]))
    limits = Limits(max_new_tokens=256, sampler={"max_denoising_steps": 3, "entropy_bound": 0.1})
    assert ratio(adapter, [[5, 6, 7, 8]], limits) <= MOST
