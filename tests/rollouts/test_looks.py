"""Recording in portions: the same rollouts as at once, in an order that later looks only add to."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitorbench.adapters.base import Adapter
from monitorbench.adapters.factory import load_model
from monitorbench.interventions.intervention import Intervention
from monitorbench.notices import ArmStarted, RolloutsDone
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.looks import record_until
from monitorbench.rollouts.missing import record_all
from monitorbench.rollouts.recorder import Recording, prepare
from monitorbench.rollouts.store import RunStore
from monitorbench.suite.model import ModelSpec, Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

SOFT = Arm(role="candidate", task="chain")
SHUFFLED = Arm(
    role="candidate", task="chain", intervention=Intervention(kind="batch-shuffled", channel="self_conditioning")
)
N = 8


@pytest.fixture(scope="module")
def adapter(checkpoints: Path) -> Adapter:
    source = str(checkpoints / "diffusion")
    return load_model("candidate", ModelSpec(source=source), device="cpu", dtype="float32").adapter


@pytest.fixture(scope="module")
def recordings(adapter: Adapter) -> list[Recording]:
    task = ArithmeticChain(lengths=(2,))
    sampling = Sampling(max_new_tokens=18, batch_size=3, sampler={"max_denoising_steps": 2})
    return [
        prepare(arm, adapter=adapter, task=task, problems=task.problems(N), sampling=sampling)
        for arm in (SOFT, SHUFFLED)
    ]


def test_portions_hold_the_same_prompts_of_every_arm_and_the_rest_is_never_too_small_to_mix(
    recordings: list[Recording],
):
    """Eight prompts by three: the last two would be too few for a portion of their own."""
    store, seen = RunStore(), []

    def look() -> bool:
        seen.append([[rollout.problem.id for rollout in store.rollouts(arm)] for arm in (SOFT, SHUFFLED)])
        return False

    list(record_until(recordings, store, prompts=3, enough=look))
    assert [[len(ids) for ids in look] for look in seen] == [[3, 3], [8, 8]]
    assert all(soft == shuffled for soft, shuffled in seen)
    first, last = seen[0][0], seen[-1][0]
    assert last[: len(first)] == first, "a later look only adds prompts"


def test_it_stops_when_it_is_enough(recordings: list[Recording]):
    store = RunStore()
    list(record_until(recordings, store, prompts=3, enough=lambda: True))
    assert len(store.rollouts(SOFT)) == 3


def test_the_rollouts_are_those_that_are_recorded_at_once(recordings: list[Recording]):
    whole, portions = RunStore(), RunStore()
    list(record_all(recordings[:1], whole))
    list(record_until(recordings[:1], portions, prompts=3, enough=lambda: False))
    assert [r.tokens for r in whole.rollouts(SOFT)] == [r.tokens for r in portions.rollouts(SOFT)]


def test_progress_is_told_as_of_one_recording(recordings: list[Recording]):
    notices = list(record_until(recordings, RunStore(), prompts=3, enough=lambda: False))
    assert [n.rollouts for n in notices if isinstance(n, ArmStarted)] == [N, N], "each arm starts once"
    done = [(n.done, n.total) for n in notices if isinstance(n, RolloutsDone) and n.arm == SOFT.label]
    assert done[-1] == (N, N)
    assert done == sorted(done)
