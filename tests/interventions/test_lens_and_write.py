"""Interventions on running models: DiffusionGemma, which carries logits, and thoughts, read by a lens and written back.

Shape suffixes: B rows, P positions, V vocabulary, d width of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from monitorbench.adapters.base import Edit, Event, Limits
from monitorbench.adapters.factory import load_model
from monitorbench.adapters.thought_loop import ThoughtLoop
from monitorbench.interventions.intervention import Intervention, build_hook
from monitorbench.interventions.keeping import keep_from
from monitorbench.interventions.truncation import FILLS, truncate
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.recorder import record
from monitorbench.suite.model import ModelSpec, Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

TASK = ArithmeticChain(lengths=(2,))
KEEPS = (("top_k", 3.0), ("min_p", 0.05), ("top_p", 0.5))
SAMPLERS: dict[str, dict[str, Any]] = {
    "self_conditioning": {},
    "hidden": {"thoughts": 3},
    "mixture": {"thoughts": 3, "mode": "mixture", "top_k": 8},
}
"""A channel of logits, one of vectors that the model's head reads, and one of vectors that are read as they are."""


@pytest.fixture(scope="module")
def adapters(checkpoints: Path) -> dict[str, Any]:
    diffusion, causal = (
        load_model("candidate", ModelSpec(source=str(checkpoints / name)), device="cpu", dtype="float32").adapter
        for name in ("diffusion", "causal")
    )
    made: Any = causal
    with torch.no_grad():
        # Surer predictions, so that thresholds divide them.
        made.model.get_input_embeddings().weight.mul_(8.0)
    thinking = ThoughtLoop(model=made.model, tokenizer=made.tokenizer)
    return {"self_conditioning": diffusion, "hidden": thinking, "mixture": thinking}


def carried(
    adapters: dict[str, Any], name: str, kind: str, rows: Sequence[int] = (0, 1, 2), **settings: Any
) -> list[tuple[Tensor, Tensor]]:
    """What was carried at every step, and what the intervention made of it."""
    adapter = adapters[name].under(SAMPLERS[name])
    intervention = Intervention(kind=kind, channel=channel_of(name), **settings)
    hook = build_hook(intervention, adapter)
    assert hook is not None
    seen: list[tuple[Tensor, Tensor]] = []

    def watch(event: Event) -> Edit | None:
        edit = hook(event)
        if edit is not None:
            assert isinstance(event.value, Tensor)
            assert isinstance(edit.value, Tensor)
            seen.append((event.value, edit.value))
        return edit

    prompts = [adapter.encode(TASK.problems(3)[row].prompt) for row in rows]
    adapter.generate(prompts, list(rows), watch, Limits(max_new_tokens=18, sampler=SAMPLERS[name]))
    assert len(seen) > 1
    return seen


def channel_of(name: str) -> str:
    return name if name == "self_conditioning" else "thought"


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("keep", KEEPS, ids=[name for name, _ in KEEPS])
@pytest.mark.parametrize("name", ["self_conditioning", "mixture"])
def test_readings_after_writing_are_those_before_truncated(
    adapters: dict[str, Any], name: str, keep: tuple[str, float], fill: str
) -> None:
    adapter, channel = adapters[name].under(SAMPLERS[name]), channel_of(name)
    for before, after in carried(adapters, name, "keep", keep=keep, fill=fill):
        read_BPV = adapter.read(channel, before)
        again_BPV = adapter.read(channel, after)
        expected_BPV = truncate(read_BPV, keep_from(*keep), fill=fill).softmax(-1)
        torch.testing.assert_close(again_BPV.softmax(-1), expected_BPV)
        assert not torch.equal(again_BPV, read_BPV)
        assert torch.equal(again_BPV.argmax(-1), read_BPV.argmax(-1))
        if fill == "onehot":
            assert (again_BPV.softmax(-1).amax(-1) == 1).all()


def test_a_onehot_mixture_feeds_the_embedding_of_the_likeliest_token(adapters: dict[str, Any]) -> None:
    from monitorbench.adapters.thought_carry import Carry, Thinking

    model: Any = adapters["mixture"].model
    carry, table = Carry(model, Thinking(thoughts=3, mode="mixture", top_k=8)), model.get_input_embeddings()
    for before, after in carried(adapters, "mixture", "keep", keep=("top_k", 1.0), fill="onehot"):
        torch.testing.assert_close(carry.fed(after), table(before.argmax(-1)))


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("keep", KEEPS, ids=[name for name, _ in KEEPS])
def test_a_written_thought_is_the_mixture_of_what_was_kept_as_long_as_it_was(
    adapters: dict[str, Any], keep: tuple[str, float], fill: str
) -> None:
    adapter = adapters["hidden"].under(SAMPLERS["hidden"])
    table_Vd = adapter.model.get_input_embeddings().weight
    for before, after in carried(adapters, "hidden", "keep", keep=keep, fill=fill):
        torch.testing.assert_close(after.norm(dim=-1), before.norm(dim=-1))
        read_BPV = adapter.read("thought", before)
        share_BPV = truncate(read_BPV, keep_from(*keep), fill=fill).softmax(-1)
        if fill == "onehot":
            assert torch.equal(share_BPV.argmax(-1), read_BPV.argmax(-1))
        alike_BP = torch.cosine_similarity(after, share_BPV @ table_Vd, dim=-1)
        torch.testing.assert_close(alike_BP, torch.ones_like(alike_BP))


@pytest.mark.parametrize("name", ["self_conditioning", "mixture"])
def test_random_tokens_leave_the_entropy_of_what_is_read(adapters: dict[str, Any], name: str) -> None:
    for before, after in carried(adapters, name, "random-tokens"):
        torch.testing.assert_close(after.sort(-1).values, before.sort(-1).values)
        assert not torch.equal(after.argmax(-1), before.argmax(-1))


@pytest.mark.parametrize("name", SAMPLERS)
def test_rows_of_rowwise_interventions_do_not_see_each_other(adapters: dict[str, Any], name: str) -> None:
    for kind in ("keep-everything", "random-tokens"):
        together = carried(adapters, name, kind)
        swapped = carried(adapters, name, kind, rows=(2, 1, 0))
        for (_, one), (_, other) in zip(together, swapped, strict=False):
            assert torch.equal(one[0], other[2])


@pytest.mark.parametrize("name", SAMPLERS)
def test_means_are_numbers_and_differ_from_what_each_row_carried(adapters: dict[str, Any], name: str) -> None:
    for before, after in carried(adapters, name, "mean"):
        assert after.shape == before.shape
        assert not after.isnan().any()
        assert not torch.isclose(after, before).flatten(1).all(-1).any()


def recorded(adapters: dict[str, Any], name: str, kind: str, **settings: Any) -> list[Rollout]:
    arm = Arm(
        role="candidate", task="chain", intervention=Intervention(kind=kind, channel=channel_of(name), **settings)
    )
    sampling = Sampling(max_new_tokens=18, batch_size=4, seeds_per_prompt=2, sampler=SAMPLERS[name])
    batches = record(arm, adapter=adapters[name], task=TASK, problems=TASK.problems(3), sampling=sampling)
    return [rollout for batch in batches for rollout in batch]


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_kind_can_be_recorded(adapters: dict[str, Any], name: str) -> None:
    entropies = set()
    for kind in ("identity", "zero", "batch-shuffled", "mean", "random-tokens"):
        rollouts = recorded(adapters, name, kind)
        assert {(rollout.problem.id, rollout.repeat) for rollout in rollouts} == {
            (problem.id, repeat) for problem in TASK.problems(3) for repeat in (0, 1)
        }
        assert all(rollout.counts == {} for rollout in rollouts)
        entropies.add(tuple(block.entropy_SP.tobytes() for rollout in rollouts for block in rollout.trace.blocks))
    assert len(entropies) == 5, "each control does something of its own"


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_rollout_holds_what_its_truncation_counted(adapters: dict[str, Any], name: str) -> None:
    rollouts = recorded(adapters, name, "keep", keep=("min_p", 1.0))
    for rollout in rollouts:
        truncated = 3
        if name == "self_conditioning":
            truncated = sum(block.tokens_SP.size for block in rollout.trace.blocks)
        assert rollout.counts["positions"] == truncated
        assert rollout.counts["argmax only"] <= truncated
    assert any(rollout.counts["argmax only"] for rollout in rollouts)
    for rollout in recorded(adapters, name, "keep", keep=("top_k", 2.0)):
        assert rollout.counts.keys() == {"positions"}
