"""A ladder of bottlenecks against as many runs with one bottleneck each: `pytest -m speed -s tests/benchmarks`.

Processor times on one machine are compared with each other; no absolute figure is judged.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import pytest

from monitorbench.adapters.base import Adapter
from monitorbench.adapters.factory import load_model
from monitorbench.interventions.intervention import Intervention
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.missing import record_all
from monitorbench.rollouts.recorder import prepare
from monitorbench.rollouts.store import RunStore
from monitorbench.suite.model import ModelSpec, Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

pytestmark = pytest.mark.speed

CHANNEL = "self_conditioning"
RUNGS = (64, 32, 16, 8, 4, 3, 2, 1)
CONTROLS = ("none", "identity", "keep-everything", "zero", "batch-shuffled")
TASK = ArithmeticChain(lengths=(2, 3))
SAMPLING = Sampling(max_new_tokens=18, batch_size=40, sampler={"max_denoising_steps": 8, "entropy_bound": 0.1})


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    return load_model("candidate", ModelSpec(source="zoo:diffusion-chain"), device="cpu", dtype="float32").adapter


def keeping(k: int) -> Intervention:
    return Intervention(kind="keep", channel=CHANNEL, keep=("top_k", float(k)))


def controls() -> list[Intervention]:
    return [Intervention(kind=kind, channel=CHANNEL if kind != "none" else "") for kind in CONTROLS]


def recorded(adapter: Adapter, interventions: Sequence[Intervention], prompts: int) -> None:
    """One run: all arms over the same prompts."""
    arms = [Arm(role="candidate", task="chain", intervention=intervention) for intervention in interventions]
    problems = TASK.problems(prompts)
    recordings = [prepare(arm, adapter=adapter, task=TASK, problems=problems, sampling=SAMPLING) for arm in arms]
    assert list(record_all(recordings, RunStore()))


def processor_seconds(work: Callable[[], object]) -> float:
    """Least processor time of several runs: other processes can only add to it."""

    def once() -> float:
        begin = time.process_time()
        work()
        return time.process_time() - begin

    return min(once() for _ in range(2))


@pytest.mark.parametrize("prompts", [25, 60])
def test_eight_rungs_together_take_less_than_eight_by_themselves(adapter: Adapter, prompts: int) -> None:
    together = processor_seconds(lambda: recorded(adapter, [keeping(k) for k in RUNGS], prompts))
    apart = processor_seconds(lambda: [recorded(adapter, [keeping(k)], prompts) for k in RUNGS])
    sys.stdout.write(
        f"\n8 rungs, {prompts} prompts: {together:.2f} s together, {apart:.2f} s apart, {together / apart:.2f} of it\n"
    )
    assert together < apart


@pytest.mark.parametrize("prompts", [25, 60])
def test_a_ladder_takes_less_than_half_of_eight_runs_with_controls(adapter: Adapter, prompts: int) -> None:
    ladder = processor_seconds(lambda: recorded(adapter, [*controls(), *map(keeping, RUNGS)], prompts))
    runs = processor_seconds(lambda: [recorded(adapter, [*controls(), keeping(k)], prompts) for k in RUNGS])
    sys.stdout.write(f"\nladder, {prompts} prompts: {ladder:.2f} s, 8 runs {runs:.2f} s, {ladder / runs:.2f} of it\n")
    assert ladder < 0.5 * runs
