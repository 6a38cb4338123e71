"""A ladder of bottlenecks against as many runs with one bottleneck each: `pytest -m speed -s tests/benchmarks`.

Processor times on one machine are compared with each other; no absolute figure is judged.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
from monitorbench.tasks.base import Task
from monitorbench.tasks.graph_reachability import GraphReachability

pytestmark = pytest.mark.speed

RUNGS = (64, 32, 16, 8, 4, 3, 2, 1)
CONTROLS = ("none", "identity", "keep-everything", "zero", "batch-shuffled")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ladder:
    """What a ladder is run on."""

    adapter: Adapter
    channel: str
    task: Task
    sampling: Sampling

    def keeping(self, k: int) -> Intervention:
        return Intervention(kind="keep", channel=self.channel, keep=("top_k", float(k)))

    def controls(self) -> list[Intervention]:
        return [Intervention(kind=kind, channel=self.channel if kind != "none" else "") for kind in CONTROLS]

    def record(self, interventions: Sequence[Intervention], prompts: int) -> None:
        """One run: all arms over the same prompts."""
        arms = [Arm(role="candidate", task="task", intervention=intervention) for intervention in interventions]
        problems = self.task.problems(prompts)
        recordings = [
            prepare(arm, adapter=self.adapter, task=self.task, problems=problems, sampling=self.sampling)
            for arm in arms
        ]
        assert list(record_all(recordings, RunStore()))


def loaded(name: str) -> Adapter:
    return load_model("candidate", ModelSpec(source=f"zoo:{name}"), device="cpu", dtype="float32").adapter


@pytest.fixture(scope="module", params=["diffusion-chain", "thought-superposed"])
def ladder(request: pytest.FixtureRequest) -> Ladder:
    name: str = request.param
    if name == "diffusion-chain":
        sampler = {"max_denoising_steps": 8, "entropy_bound": 0.1}
        return Ladder(
            adapter=loaded(name),
            channel="self_conditioning",
            task=ArithmeticChain(lengths=(2, 3)),
            sampling=Sampling(max_new_tokens=18, batch_size=40, sampler=sampler),
        )
    return Ladder(
        adapter=loaded(name),
        channel="thought",
        task=GraphReachability(hops=(3,)),
        sampling=Sampling(max_new_tokens=3, batch_size=40),
    )


def processor_seconds(work: Callable[[], None]) -> float:
    """Least processor time of several runs: other processes can only add to it."""

    def once() -> float:
        begin = time.process_time()
        work()
        return time.process_time() - begin

    return min(once() for _ in range(2))


def compared(ladder: Ladder, prompts: int, beside: Sequence[Intervention] = ()) -> float:
    """The share of the time of eight runs, one for each rung, that all rungs in one take; it is printed."""
    rungs = [ladder.keeping(k) for k in RUNGS]

    def one_by_one() -> None:
        for rung in rungs:
            ladder.record([*beside, rung], prompts)

    together = processor_seconds(lambda: ladder.record([*beside, *rungs], prompts))
    apart = processor_seconds(one_by_one)
    share = together / apart
    what = f"8 rungs beside {len(beside)} controls, {prompts} prompts, {ladder.channel}"
    sys.stdout.write(f"\n{what}: {together:.2f} s together, {apart:.2f} s apart, {share:.2f} of it\n")
    return share


@pytest.mark.parametrize("prompts", [25, 60])
def test_eight_rungs_together_take_less_than_eight_by_themselves(ladder: Ladder, prompts: int) -> None:
    assert compared(ladder, prompts) < 1


@pytest.mark.parametrize("prompts", [25, 60])
def test_a_ladder_takes_less_than_half_of_eight_runs_with_controls(ladder: Ladder, prompts: int) -> None:
    assert compared(ladder, prompts, ladder.controls()) < 0.5
