"""Recording an arm: every rollout once, the same in any batch, and paired with the other arms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monitorbench.adapters.base import Adapter, Output
from monitorbench.adapters.factory import load_model
from monitorbench.adapters.thought_loop import ThoughtLoop
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention
from monitorbench.rollouts.arm import Arm, Rollout, rollout_seed
from monitorbench.rollouts.recorder import prepare, record
from monitorbench.rollouts.store import RunStore
from monitorbench.suite.model import ModelSpec, Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

CHANNEL = "self_conditioning"
TASK = ArithmeticChain(lengths=(1, 4))
PROBLEMS = TASK.problems(5)
"""Of two lengths, so that they run at two widths."""


@pytest.fixture(scope="module")
def adapters(checkpoints: Path) -> dict[str, Adapter]:
    return {
        name: load_model("candidate", ModelSpec(source=str(checkpoints / name)), device="cpu", dtype="float32").adapter
        for name in ("diffusion", "causal")
    }


def recorded(adapter: Adapter, intervention: Intervention | None = None, **sampling: Any) -> list[Rollout]:
    arm = Arm(role="candidate", task="chain", intervention=intervention or Intervention())
    store = RunStore()
    settings = Sampling(**{"max_new_tokens": 18, "batch_size": 4, "seeds_per_prompt": 2, **sampling})
    for rollouts in record(arm, adapter=adapter, task=TASK, problems=PROBLEMS, sampling=settings):
        store.add(arm, rollouts)
    return store.rollouts(arm)


def tokens_of(rollouts: list[Rollout]) -> list[tuple[int, ...]]:
    return [rollout.tokens for rollout in rollouts]


def test_every_prompt_is_recorded_under_every_seed(adapters: dict[str, Adapter]) -> None:
    rollouts = recorded(adapters["diffusion"])
    keys = [(rollout.problem.id, rollout.repeat) for rollout in rollouts]
    assert keys == sorted((problem.id, repeat) for problem in PROBLEMS for repeat in (0, 1))
    assert len(set(tokens_of(rollouts))) == len(rollouts), "random models differ under every seed"
    for rollout in rollouts:
        assert rollout.text == adapters["diffusion"].decode(rollout.tokens)
        assert rollout.status == TASK.grade(rollout.problem, rollout.text).status
        (block,) = rollout.trace.blocks
        assert block.content_P.sum() == len(rollout.tokens)
        assert tuple(block.tokens_SP[-1][block.content_P]) == rollout.tokens


@pytest.mark.parametrize(("name", "sampler"), [("diffusion", {}), ("causal", {"do_sample": True, "temperature": 2.0})])
def test_the_batch_size_changes_no_token(adapters: dict[str, Adapter], name: str, sampler: dict[str, Any]) -> None:
    at_sizes = [tokens_of(recorded(adapters[name], batch_size=size, sampler=sampler)) for size in (1, 4, 7)]
    assert at_sizes[0] == at_sizes[1] == at_sizes[2]


def test_watching_changes_nothing_and_keeps_what_is_carried(adapters: dict[str, Adapter]) -> None:
    def watched(intervention: Intervention) -> list[Rollout]:
        arm = Arm(role="candidate", task="chain", intervention=intervention, watch=33, neighbours=4)
        settings = Sampling(max_new_tokens=18, batch_size=4, seeds_per_prompt=2)
        batches = record(arm, adapter=adapters["diffusion"], task=TASK, problems=PROBLEMS, sampling=settings)
        return sorted((r for batch in batches for r in batch), key=lambda r: (r.problem.id, r.repeat))

    rollouts = watched(Intervention())
    assert tokens_of(rollouts) == tokens_of(recorded(adapters["diffusion"]))
    for rollout in rollouts:
        (block,) = rollout.trace.blocks
        assert block.carried_ids_SPK is not None
        assert block.carried_probabilities_SPK is not None
        assert block.neighbours_PN is not None
        assert block.carried_ids_SPK.shape == (*block.tokens_SP.shape, 33)
        assert (block.carried_ids_SPK[..., 0] == block.tokens_SP).all(), "the canvas is what is most probable"
        assert (np.diff(block.carried_probabilities_SPK, axis=-1) <= 0).all()
        assert ((block.neighbours_PN >= 0).all(-1) == block.content_P).all()
    nothing = watched(Intervention(kind="zero", channel=CHANNEL))
    assert all((block.carried_ids_SPK == -1).all() for r in nothing for block in r.trace.blocks)


@pytest.fixture(scope="module")
def of_families(adapters: dict[str, Adapter]) -> dict[str, Adapter]:
    causal: Any = adapters["causal"]
    masked = load_model("candidate", ModelSpec(source="zoo:masked-chain"), device="cpu", dtype="float32").adapter
    return {**adapters, "masked": masked, "thinking": ThoughtLoop(model=causal.model, tokenizer=causal.tokenizer)}


@pytest.mark.parametrize("name", ["causal", "diffusion", "masked", "thinking"])
def test_every_family_keeps_the_same(of_families: dict[str, Adapter], name: str) -> None:
    for rollout in recorded(of_families[name], sampler={"do_sample": False, "thoughts": 2}):
        for block in rollout.trace.blocks:
            assert block.top_ids_SPK is not None
            assert block.top_probabilities_SPK is not None
            predicted_SP = ~np.isnan(block.entropy_SP)
            assert ((block.top_ids_SPK >= 0).all(-1) == predicted_SP).all()
            assert (np.diff(block.top_probabilities_SPK, axis=-1) <= 0).all()
            assert (predicted_SP | (block.tokens_SP == -1)).all()
            assert (block.canvas_SP is None) == (name in {"causal", "thinking"})
            chosen_SP = predicted_SP if name != "masked" else predicted_SP & ~block.committed_SP
            assert (block.top_ids_SPK[..., 0] == block.tokens_SP)[chosen_SP].all(), "nothing is drawn here"


def test_every_token_has_a_word(adapters: dict[str, Adapter]) -> None:
    problems, settings = PROBLEMS[:1], Sampling(max_new_tokens=4, batch_size=1)
    arm = Arm(role="candidate", task="chain")
    recording = prepare(arm, adapter=adapters["causal"], task=TASK, problems=problems, sampling=settings)
    words = recording.words(range(adapters["causal"].vocab_size))
    assert all(words), "special tokens go by their names"
    assert words[recording.rows[0].tokens[-1]] == PROBLEMS[0].prompt.split()[-1]


def test_a_model_without_such_a_channel_is_not_watched(adapters: dict[str, Adapter]) -> None:
    arm = Arm(role="candidate", task="chain", watch=3)
    settings = Sampling(max_new_tokens=4, batch_size=5)
    (batch,) = record(arm, adapter=adapters["causal"], task=ArithmeticChain(), problems=PROBLEMS[:1], sampling=settings)
    assert batch[0].trace.blocks[0].carried_ids_SPK is None


def test_another_base_seed_gives_other_rollouts(adapters: dict[str, Adapter]) -> None:
    first, second = (tokens_of(recorded(adapters["diffusion"], seed=seed)) for seed in (0, 1))
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_exact_controls_change_nothing_and_the_others_something(adapters: dict[str, Adapter]) -> None:
    soft = recorded(adapters["diffusion"])
    for kind in ("identity", "keep-everything"):
        assert tokens_of(recorded(adapters["diffusion"], Intervention(kind=kind, channel=CHANNEL))) == tokens_of(soft)
    keep = Intervention(kind="keep", channel=CHANNEL, keep=("top_k", 1.0), fill="renorm")
    for intervention in (keep, *(Intervention(kind=kind, channel=CHANNEL) for kind in ("zero", "batch-shuffled"))):
        assert tokens_of(recorded(adapters["diffusion"], intervention)) != tokens_of(soft)


def test_settings_of_another_family_are_left_out(adapters: dict[str, Adapter]) -> None:
    sampler = {"do_sample": False, "max_denoising_steps": 2}
    assert {len(r.trace.blocks[0].tokens_SP) for r in recorded(adapters["diffusion"], sampler=sampler)} == {2}
    assert recorded(adapters["causal"], sampler=sampler)


def test_seeds_depend_on_base_prompt_and_repeat_only() -> None:
    seeds = {rollout_seed(base, prompt, repeat) for base in (0, 1) for prompt in ("a", "b") for repeat in (0, 1)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert rollout_seed(0, "a", 1) == rollout_seed(0, "a", 1)


def test_prompts_that_do_not_fit_are_refused_before_anything_runs(adapters: dict[str, Adapter]) -> None:
    longest = max(PROBLEMS, key=lambda problem: len(problem.prompt.split()))
    with pytest.raises(UsageError) as caught:
        recorded(adapters["causal"], max_new_tokens=250)
    assert str(caught.value) == (
        f"prompt {longest.id} and its response take {len(longest.prompt.split())} + 250 tokens, the model holds 256; "
        "lower sampling.max_new_tokens or use shorter prompts"
    )


def test_thoughts_take_room_too(adapters: dict[str, Adapter]) -> None:
    causal: Any = adapters["causal"]
    thinking = ThoughtLoop(model=causal.model, tokenizer=causal.tokenizer)
    longest = max(len(problem.prompt.split()) for problem in PROBLEMS)
    fits = {"max_new_tokens": 4, "sampler": {"thoughts": 256 - 4 - longest}}
    arm = Arm(role="candidate", task="chain")
    record(arm, adapter=thinking, task=TASK, problems=PROBLEMS, sampling=Sampling(**fits))
    with pytest.raises(
        UsageError, match=rf"take {longest} \+ 5 tokens and {252 - longest} further positions, the model"
    ):
        record(arm, adapter=thinking, task=TASK, problems=PROBLEMS, sampling=Sampling(**fits | {"max_new_tokens": 5}))


def test_the_rest_of_a_canvas_takes_room_too(adapters: dict[str, Adapter]) -> None:
    longest = max(len(problem.prompt.split()) for problem in PROBLEMS)
    assert (256 - longest) % 18, "the last canvas does not fit"
    with pytest.raises(UsageError, match=r"tokens and [0-9]+ further positions, the model holds 256; lower"):
        recorded(adapters["diffusion"], max_new_tokens=256 - longest)


def test_a_text_ends_before_a_stop_string(adapters: dict[str, Adapter]) -> None:
    plain = recorded(adapters["causal"], sampler={"do_sample": True, "temperature": 3.0})
    word = adapters["causal"].decode([plain[0].tokens[4]])
    stopped = recorded(adapters["causal"], sampler={"do_sample": True, "temperature": 3.0}, stop=(f" {word}",))
    assert [rollout.text for rollout in stopped] == [rollout.text.partition(f" {word}")[0] for rollout in plain]
    assert all(rollout.text == adapters["causal"].decode(rollout.tokens) for rollout in stopped)
    assert all(sum(block.content_P.sum() for block in r.trace.blocks) == len(r.tokens) for r in stopped)
    assert stopped[0].finished


class TooLarge:
    """An adapter whose model needs more memory than there is."""

    def __init__(self, sound: Adapter) -> None:
        self._sound = sound

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sound, name)

    def generate(self, *_: Any) -> Output:
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_batch_that_needs_too_much_memory_is_a_matter_of_its_size(adapters: dict[str, Adapter]) -> None:
    too_large: Any = TooLarge(adapters["causal"])
    with pytest.raises(UsageError) as caught:
        recorded(too_large)
    assert str(caught.value) == (
        "candidate on chain, as it is: a batch of 4 rows does not fit on the device; lower sampling.batch_size"
    )


def test_what_cannot_be_recorded_is_refused_at_the_call(adapters: dict[str, Adapter]) -> None:
    arm = Arm(role="candidate", task="chain", intervention=Intervention(kind="batch-shuffled", channel=CHANNEL))
    with pytest.raises(UsageError, match="two prompts in a batch"):
        record(
            arm, adapter=adapters["diffusion"], task=TASK, problems=PROBLEMS[:1], sampling=Sampling(max_new_tokens=18)
        )


def test_arms_have_names_for_people() -> None:
    keep = Intervention(kind="keep", channel=CHANNEL, keep=("top_k", 8.0))
    assert Arm(role="candidate", task="chain").label == "candidate on chain, as it is"
    assert (
        Arm(role="candidate", task="chain", intervention=keep).label == "candidate on chain, self_conditioning top_k=8"
    )
    other = Arm(role="baseline", task="chain", form=(("order", "reversed"),))
    assert other.label == "baseline on chain reversed, as it is"


def test_a_tokenizer_of_another_model_is_refused(adapters: dict[str, Adapter], monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = adapters["causal"]
    monkeypatch.setattr(type(adapter), "encode", lambda _adapter, _text: [1, adapter.vocab_size])
    with pytest.raises(UsageError) as caught:
        recorded(adapter)
    assert str(caught.value) == (
        f"the prompt of {PROBLEMS[0].id} encodes to token {adapter.vocab_size}, the model knows {adapter.vocab_size} "
        "tokens; use the tokenizer that belongs to the model"
    )
