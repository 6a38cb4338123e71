"""Arms that may share batches are recorded together, and each comes out as if it had been recorded by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitorbench.adapters.base import Adapter, Output
from monitorbench.adapters.factory import load_model
from monitorbench.adapters.thought_loop import ThoughtLoop
from monitorbench.interventions.intervention import Intervention
from monitorbench.notices import ArmStarted, Notice, RolloutsDone
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.missing import record_all
from monitorbench.rollouts.recorder import Recording, prepare, record
from monitorbench.rollouts.store import RunStore
from monitorbench.suite.model import ModelSpec, Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

TASK = ArithmeticChain(lengths=(1, 4))
PROBLEMS = TASK.problems(5)
"""Of two lengths, so that they run at two widths."""
SETTINGS = {
    "diffusion": Sampling(max_new_tokens=18, batch_size=4, seeds_per_prompt=2),
    "thoughts": Sampling(max_new_tokens=6, batch_size=4, seeds_per_prompt=2, sampler={"thoughts": 3}),
}


class Counted:
    """An adapter that counts how often its model runs a batch."""

    def __init__(self, sound: Any) -> None:
        self._sound, self.calls = sound, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sound, name)

    def sharing_prefills(self) -> Any:
        shared = getattr(self._sound, "sharing_prefills", None)
        self._sound = self._sound if shared is None else shared()
        return self

    def generate(self, prompts: Sequence[Any], *rest: Any) -> Output:
        assert len(prompts) == 4
        self.calls += 1
        output: Output = self._sound.generate(prompts, *rest)
        return output


@pytest.fixture(scope="module")
def adapters(checkpoints: Path) -> dict[str, Adapter]:
    def loaded(name: str) -> Any:
        return load_model("candidate", ModelSpec(source=str(checkpoints / name)), device="cpu", dtype="float32").adapter

    causal = loaded("causal")
    return {"diffusion": loaded("diffusion"), "thoughts": ThoughtLoop(model=causal.model, tokenizer=causal.tokenizer)}


def arms_of(channel: str) -> list[Arm]:
    def keep(name: str, value: float, fill: str = "haze") -> Intervention:
        return Intervention(kind="keep", channel=channel, keep=(name, value), fill=fill)

    done = [
        Intervention(),
        Intervention(kind="identity", channel=channel),
        Intervention(kind="keep-everything", channel=channel),
        Intervention(kind="zero", channel=channel),
        Intervention(kind="batch-shuffled", channel=channel),
        keep("top_k", 4),
        keep("top_k", 1, "renorm"),
        keep("min_p", 0.01),
    ]
    return [Arm(role="candidate", task="chain", intervention=intervention) for intervention in done]


def prepared(arms: Sequence[Arm], adapter: Any, sampling: Sampling) -> list[Recording]:
    return [prepare(arm, adapter=adapter, task=TASK, problems=PROBLEMS, sampling=sampling) for arm in arms]


def by_itself(arm: Arm, adapter: Any, sampling: Sampling) -> list[Rollout]:
    store = RunStore()
    for rollouts in record(arm, adapter=adapter, task=TASK, problems=PROBLEMS, sampling=sampling):
        store.add(arm, rollouts)
    return store.rollouts(arm)


def assert_same(one: Rollout, other: Rollout) -> None:
    assert (one.problem.id, one.repeat, one.tokens) == (other.problem.id, other.repeat, other.tokens)
    assert (one.text, one.finished, one.status) == (other.text, other.finished, other.status)
    assert len(one.trace.blocks) == len(other.trace.blocks)
    for block, twin in zip(one.trace.blocks, other.trace.blocks, strict=True):
        np.testing.assert_array_equal(block.tokens_SP, twin.tokens_SP)
        np.testing.assert_array_equal(block.committed_SP, twin.committed_SP)
        np.testing.assert_array_equal(block.entropy_SP, twin.entropy_SP)
        np.testing.assert_array_equal(block.top_ids_SPK, twin.top_ids_SPK)
        np.testing.assert_array_equal(block.top_probabilities_SPK, twin.top_probabilities_SPK)


@pytest.mark.parametrize(("name", "channel"), [("diffusion", "self_conditioning"), ("thoughts", "thought")])
def test_arms_that_share_batches_come_out_bit_for_bit_as_by_themselves(
    adapters: dict[str, Adapter], name: str, channel: str
) -> None:
    arms, sampling, store = arms_of(channel), SETTINGS[name], RunStore()
    together, apart = Counted(adapters[name]), Counted(adapters[name])
    list(record_all(prepared(arms, together, sampling), store))
    for arm in arms:
        for one, other in zip(store.rollouts(arm), by_itself(arm, apart, sampling), strict=True):
            assert_same(one, other)
    assert together.calls < apart.calls


def test_progress_is_told_of_each_arm_by_itself(adapters: dict[str, Adapter]) -> None:
    arms, store = arms_of("self_conditioning"), RunStore()
    notices = list(record_all(prepared(arms, adapters["diffusion"], SETTINGS["diffusion"]), store))
    assert_true_of_each(notices, arms, reused=0)


def assert_true_of_each(notices: Sequence[Notice], arms: Sequence[Arm], *, reused: int) -> None:
    for arm in arms:
        own = [n for n in notices if isinstance(n, ArmStarted | RolloutsDone) and n.arm == arm.label]
        assert own[0] == ArmStarted(arm=arm.label, rollouts=10, reused=reused)
        done = [notice.done for notice in own[1:] if isinstance(notice, RolloutsDone)]
        assert len(done) == len(own) - 1
        assert done == sorted(set(done))
        assert done[-1] == 10


def test_arms_recorded_together_are_stored_each_by_itself(adapters: dict[str, Adapter], tmp_path: Path) -> None:
    arms, sampling = arms_of("self_conditioning"), SETTINGS["diffusion"]
    with RunStore(tmp_path) as store:
        list(record_all(prepared(arms, adapters["diffusion"], sampling), store))
    for some in (arms[5:6], arms[::-1]):
        untouched = Counted(adapters["diffusion"])
        with RunStore(tmp_path) as store:
            notices = list(record_all(prepared(some, untouched, sampling), store))
            assert {len(store.rollouts(arm)) for arm in some} == {10}
        assert untouched.calls == 0
        assert_true_of_each(notices, some, reused=10)


def test_a_prompt_that_several_arms_share_is_read_once(adapters: dict[str, Adapter]) -> None:
    encoder, read = adapters["diffusion"].model.model.encoder, []
    handle = encoder.register_forward_hook(lambda *_: read.append(1))
    sublayers = next(iter(encoder.language_model.layers))
    inner = sublayers.register_forward_hook(lambda *_: read.append(2))
    try:
        arms = [arm for arm in arms_of("self_conditioning") if not arm.intervention.rowwise]
        list(record_all(prepared(arms, adapters["diffusion"], SETTINGS["diffusion"]), RunStore()))
    finally:
        handle.remove()
        inner.remove()
    assert read.count(2) < read.count(1)
    assert "forward" not in vars(encoder), "the model is left as it was"


def test_a_prompt_that_several_arms_of_a_model_that_thinks_share_is_read_once(adapters: dict[str, Adapter]) -> None:
    arms, sampling, read = arms_of("thought"), SETTINGS["thoughts"], []
    model = adapters["thoughts"].model
    handle = model.register_forward_pre_hook(
        lambda _model, _inputs, given: read.append("input_ids" in given), with_kwargs=True
    )
    together = Counted(adapters["thoughts"])
    try:
        list(record_all(prepared(arms, together, sampling), RunStore()))
    finally:
        handle.remove()
    assert read.count(True) < together.calls / 2


def test_arms_of_other_texts_or_models_share_no_batch(adapters: dict[str, Adapter]) -> None:
    keep = Intervention(kind="identity", channel="self_conditioning")
    arms = [
        Arm(role="candidate", task="chain", intervention=keep),
        Arm(role="baseline", task="chain", intervention=keep),
        Arm(role="candidate", task="other", intervention=keep),
        Arm(role="candidate", task="chain", intervention=keep, form=(("order", "reversed"),)),
    ]
    counted = Counted(adapters["diffusion"])
    list(record_all(prepared(arms, counted, SETTINGS["diffusion"]), RunStore()))
    alone = Counted(adapters["diffusion"])
    by_itself(arms[0], alone, SETTINGS["diffusion"])
    assert counted.calls == len(arms) * alone.calls
