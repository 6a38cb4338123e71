"""Recurrent and hybrid models carry a state from token to token, which can be watched, replaced and taken away."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recurrent_models import RECURRENT
from torch import nn

from monitorbench.adapters.autoregressive import Autoregressive
from monitorbench.adapters.base import ABSENT, Edit, Event, Limits
from monitorbench.adapters.conformance import Trial, findings
from monitorbench.adapters.recurrent_state import RECURRENT_STATE, StateWatch, is_recurrent
from monitorbench.depth import trace_segment
from monitorbench.errors import UsageError

MakeTrial = Callable[..., Trial]
SAMPLED = {"do_sample": True, "temperature": 0.7, "top_k": 20}
NEED_ANOTHER_MODEL = ("gemma4_assistant", "gemma4_unified_assistant")
WITH_A_TEXT_MODEL_OF_THE_TABLE = {"qwen3_5", "qwen3_5_moe", "qwen4_exp"}
MIXED_BY_SOME_CHECKPOINTS = {"lfm2", "lfm2_moe"}
"""Their default configurations have attention alone."""
GREEDY = Limits(max_new_tokens=5, sampler={"do_sample": False})


KEPT_APART = ("jamba", "lfm2", "mamba", "mamba2", "minimax", "qwen3_next", "recurrent_gemma", "rwkv", "xlstm", "zamba2")
"""One model for every place and form in which a state is kept."""


@pytest.mark.parametrize("kind", KEPT_APART)
def test_a_recurrent_model_breaks_no_rule(trial_of: MakeTrial, kind: str) -> None:
    trial = replace(trial_of(kind), limits=Limits(max_new_tokens=6, sampler=SAMPLED))
    assert findings(trial, trace=trace_segment) == ()


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_prompt_gives_the_same_alone_and_beside_a_longer_one(trial_of: MakeTrial, kind: str) -> None:
    """Alone and without padding, as the model's own `generate` runs it."""
    trial = trial_of(kind)
    model: Any = trial.adapter.model
    prompts = [trial.prompts[0][-6:], trial.prompts[1]]
    assert len(prompts[1]) > 6
    events: list[Event] = []
    output = trial.adapter.generate(prompts, [0, 1], events.append, GREEDY)
    for row, prompt in enumerate(prompts):
        ids = torch.tensor([list(prompt)])
        with torch.no_grad():
            alone = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=5,
                do_sample=False,
                output_logits=True,
                return_dict_in_generate=True,
                disable_compile=True,
            )
        observed = [e.logits[row, 0] for e in events if e.logits is not None and bool(e.live[row])]
        assert tuple(alone.sequences[0, ids.shape[1] :].tolist())[: len(output.tokens[row])] == output.tokens[row]
        for ours, theirs in zip(observed, alone.logits, strict=True):
            torch.testing.assert_close(ours, theirs[0], rtol=1e-4, atol=1e-4)


def test_every_recurrent_family_of_transformers_is_tried_here() -> None:
    """By the default configurations of its causal models."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    found = set()
    for config_class, model_class in MODEL_FOR_CAUSAL_LM_MAPPING.items():
        if config_class.model_type in NEED_ANOTHER_MODEL:
            continue
        config, model = config_class(), model_class[0] if isinstance(model_class, tuple) else model_class
        if Autoregressive.claims(config) and is_recurrent(SimpleNamespace(config=config, forward=model.forward)):
            found.add(config.model_type)
    assert found - set(RECURRENT) == WITH_A_TEXT_MODEL_OF_THE_TABLE
    assert set(RECURRENT) - found == MIXED_BY_SOME_CHECKPOINTS


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma3", "causal"])
def test_a_model_without_recurrent_layers_carries_nothing(trial_of: MakeTrial, kind: str) -> None:
    trial = trial_of(kind)
    assert trial.adapter.carries({}) == ()
    events: list[Event] = []
    trial.adapter.generate(trial.prompts, trial.seeds, events.append, GREEDY)
    assert {event.channel for event in events} == {None}


@pytest.mark.parametrize("kind", RECURRENT)
def test_every_token_comes_with_one_state(trial_of: MakeTrial, kind: str) -> None:
    trial = trial_of(kind)
    assert trial.adapter.carries({}) == (RECURRENT_STATE,)
    events: list[Event] = []
    trial.adapter.generate(trial.prompts, trial.seeds, events.append, GREEDY)
    channels = [(event.index.step, event.channel) for event in events]
    steps = events[-1].index.step + 1
    assert channels == [(step, channel) for step in range(steps) for channel in ("recurrent_state", None)]
    for event in events[::2]:
        assert event.value is not None
        assert event.value.shape[:2] == (len(trial.prompts), 1)
        assert event.value.abs().sum(-1).gt(0).all()


@pytest.mark.parametrize("kind", ["mamba", "mamba2", "rwkv", "xlstm"])
def test_a_model_that_carries_nothing_reads_every_token_as_if_it_were_the_first(trial_of: MakeTrial, kind: str) -> None:
    trial = trial_of(kind)
    model: Any = trial.adapter.model
    events: list[Event] = []

    def zero(event: Event) -> Edit | None:
        events.append(event)
        return Edit(value=ABSENT) if event.channel is not None else None

    trial.adapter.generate(trial.prompts, trial.seeds, zero, GREEDY)
    observed = [event for event in events if event.logits is not None]
    assert len(observed) > 1
    for before, after in itertools.pairwise(observed):
        for row in range(len(trial.prompts)):
            with torch.no_grad():
                alone = model(input_ids=before.tokens[row : row + 1, -1:]).logits[0, -1]
            assert after.logits is not None
            torch.testing.assert_close(after.logits[row, 0], alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["mamba2", "rwkv"])
def test_a_row_that_is_given_the_state_of_another_goes_on_as_that_one(trial_of: MakeTrial, kind: str) -> None:
    """Everything that these models know of a text is in the state, but for the newest token."""
    trial = trial_of(kind)
    prompts = [trial.prompts[0], [*trial.prompts[1][:-1], trial.prompts[0][-1]]]

    def run(change: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
        logits: list[torch.Tensor] = []

        def hook(event: Event) -> Edit | None:
            if event.channel is None:
                assert event.logits is not None
                logits.append(event.logits)
                return None
            return Edit(value=change(event.value)) if event.index.step == 0 and event.value is not None else None

        trial.adapter.generate(prompts, [0, 1], hook, Limits(max_new_tokens=2, sampler={"do_sample": False}))
        return logits

    own, same = run(lambda value: value), run(lambda value: value[:1].expand_as(value))
    assert torch.equal(own[0], same[0])
    assert torch.equal(own[1][0], same[1][0])
    assert not torch.equal(own[1][1], same[1][1])


@pytest.mark.parametrize("kind", ["mamba2", "minimax", "rwkv"])
def test_a_checkpoint_that_was_saved_without_a_cache_carries_its_state_too(trial_of: MakeTrial, kind: str) -> None:
    trial = trial_of(kind)
    model: Any = trial.adapter.model
    expected = trial.adapter.generate(trial.prompts, trial.seeds, None, GREEDY)
    model.generation_config.use_cache = model.config.use_cache = False
    try:
        events: list[Event] = []
        assert trial.adapter.generate(trial.prompts, trial.seeds, events.append, GREEDY) == expected
    finally:
        model.generation_config.use_cache = model.config.use_cache = True
    assert any(event.value is not None for event in events)


def test_a_state_edit_of_anything_else_is_refused_and_the_model_is_left_as_it_was(trial_of: MakeTrial) -> None:
    for kind in ("mamba2", "rwkv", "recurrent_gemma", "xlstm", "minimax"):
        trial = trial_of(kind)
        model: Any = trial.adapter.model
        with pytest.raises(UsageError, match="autoregressive does not honour an edit of tokens"):
            trial.adapter.generate(trial.prompts, trial.seeds, lambda event: Edit(tokens=event.tokens), GREEDY)
        assert "forward" not in vars(model)
        assert not any(module._forward_hooks for module in model.modules())


def test_a_state_cannot_be_read_or_written_as_tokens(trial_of: MakeTrial) -> None:
    adapter, value = trial_of("mamba2").adapter, torch.zeros(1, 1, 4)
    for act in (
        lambda: adapter.read("recurrent_state", value),
        lambda: adapter.write("recurrent_state", value, value),
    ):
        with pytest.raises(UsageError, match="no channel 'recurrent_state' that tokens can stand for"):
            act()


def test_a_value_holds_states_of_different_types_exactly() -> None:
    low, high = torch.randn(2, 3, 4).bfloat16(), torch.randn(2, 5)
    watch = StateWatch(nn.Module())
    watch._states = [low, high]
    before, value = (low.clone(), high.clone()), watch.value()
    assert value.dtype == torch.float32
    watch.write(ABSENT)
    assert not low.any()
    watch.write(value)
    assert torch.equal(low, before[0])
    assert torch.equal(high, before[1])
