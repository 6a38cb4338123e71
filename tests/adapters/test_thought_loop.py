"""Thoughts: vectors fed back before the text, read and written as tokens, and counted in the depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recurrent_models import build_recurrent
from transformers import GPT2Config, GPT2LMHeadModel

from monitorbench.adapters.autoregressive import Autoregressive
from monitorbench.adapters.base import ABSENT, Edit, Event, Limits, Output
from monitorbench.adapters.conformance import Trial, findings
from monitorbench.adapters.factory import load_model
from monitorbench.adapters.thought_carry import thinking
from monitorbench.adapters.thought_loop import ThoughtLoop
from monitorbench.depth import opaque_depth, trace_segment
from monitorbench.errors import UsageError
from monitorbench.suite.model import ModelSpec

MakeTrial = Callable[..., Trial]
THINKERS = ("thinking gpt2", "thinking gemma3")


def generated(trial: Trial, hook: Any = None, tokens: int = 8, **settings: Any) -> Output:
    limits = Limits(max_new_tokens=tokens, sampler=settings)
    return trial.adapter.generate(trial.prompts, trial.seeds, hook, limits)


def greedy(trial: Trial, tokens: int) -> Output:
    adapter: Any = trial.adapter
    plain = Autoregressive(model=adapter.model, tokenizer=adapter.tokenizer)
    limits = Limits(max_new_tokens=tokens, sampler={"do_sample": False})
    return plain.generate(trial.prompts, trial.seeds, None, limits)


@pytest.mark.parametrize("name", THINKERS)
def test_without_thoughts_it_is_greedy_decoding(trial_of: MakeTrial, name: str) -> None:
    trial = trial_of(name)
    assert generated(trial, thoughts=0) == greedy(trial, 8)


def test_without_thoughts_there_is_no_channel_and_the_depth_is_that_of_a_plain_forward_pass(
    trial_of: MakeTrial,
) -> None:
    trial = trial_of("thinking gpt2", thoughts=0, tokens=2)
    adapter = trial.adapter
    assert adapter.carries({"thoughts": 0}) == ()
    assert adapter.carries({"thoughts": 1}) == adapter.channels
    assert findings(trial, trace=trace_segment) == ()
    lengths = {"context_length": 64, "max_new_tokens": 4}
    plain = Autoregressive(model=adapter.model, tokenizer=adapter.tokenizer)
    depths = [
        opaque_depth(each.segments(**lengths, sampler=sampler)).depth
        for each, sampler in ((adapter, {"thoughts": 0}), (plain, {}))
    ]
    assert depths[0] == depths[1]


@pytest.mark.parametrize("name", THINKERS)
def test_a_mixture_of_one_token_is_that_token(trial_of: MakeTrial, name: str) -> None:
    trial = trial_of(name)
    thought = generated(trial, mode="mixture", top_k=1, thoughts=3)
    assert thought.tokens == tuple(tokens[3:] for tokens in greedy(trial, 11).tokens)


@pytest.mark.parametrize("name", THINKERS)
def test_thoughts_are_the_last_hidden_states_of_a_plain_loop(trial_of: MakeTrial, name: str) -> None:
    trial = trial_of(name)
    model: Any = trial.adapter.model
    values: list[torch.Tensor] = []

    def keep(event: Event) -> None:
        if event.channel == "thought":
            assert event.value is not None
            values.append(event.value[0])

    generated(trial, keep)
    embedded_1Td = model.get_input_embeddings()(torch.tensor([trial.prompts[0]]))
    for value_1d in values:
        with torch.no_grad():
            hidden_1Td = model(inputs_embeds=embedded_1Td, output_hidden_states=True).hidden_states[-1]
        torch.testing.assert_close(value_1d, hidden_1Td[0, -1:], atol=1e-4, rtol=1e-4)
        embedded_1Td = torch.cat([embedded_1Td, hidden_1Td[:, -1:]], 1)
    assert len(values) == 3


def test_events_count_thoughts_as_loops_before_the_first_token(trial_of: MakeTrial) -> None:
    events: list[Event] = []
    generated(trial_of("thinking gpt2"), events.append, tokens=4)
    thoughts = [event for event in events if event.channel is not None]
    text = [event for event in events if event.channel is None]
    assert [(event.index.step, event.index.loop) for event in thoughts] == [(0, 0), (0, 1), (0, 2)]
    assert [event.tokens.shape[1] for event in text] == [1, 2, 3, 4]


def test_a_written_thought_is_as_long_as_the_one_it_replaces(trial_of: MakeTrial) -> None:
    for name in (*THINKERS, "projecting gpt2"):
        trial = trial_of(name)
        adapter = trial.adapter

        def check(event: Event, adapter: Any = adapter) -> None:
            if event.channel is not None and event.value is not None:
                written = adapter.write("thought", adapter.read("thought", event.value), event.value)
                assert written.shape == event.value.shape
                torch.testing.assert_close(written[:, -1].norm(dim=-1), event.value[:, -1].norm(dim=-1))

        generated(trial, check)


def test_a_mixture_is_read_and_written_exactly(trial_of: MakeTrial) -> None:
    adapter = trial_of("mixing gemma3").adapter
    value_B1V = torch.randn(2, 1, adapter.vocab_size).log_softmax(-1)
    torch.testing.assert_close(adapter.write("thought", adapter.read("thought", value_B1V), value_B1V), value_B1V)


def test_a_state_as_wide_as_the_vocabulary_is_large_is_no_mixture() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_embd=32, n_layer=1, n_head=2)).eval()
    adapter: Any = ThoughtLoop(model=model, tokenizer=None)
    value = torch.randn(2, 1, 32)
    hidden, mixing = (adapter.under({"thoughts": 1, "mode": mode}) for mode in ("hidden", "mixture"))
    torch.testing.assert_close(hidden.read("thought", value), model.lm_head(value))
    assert torch.equal(mixing.read("thought", value), value)


def test_removing_thoughts_changes_what_is_written_after_them(trial_of: MakeTrial) -> None:
    trial = trial_of("thinking gemma3")

    def logits_with(edit: Edit | None) -> torch.Tensor:
        seen: list[torch.Tensor] = []

        def hook(event: Event) -> Edit | None:
            if event.logits is not None:
                seen.append(event.logits)
            return edit if event.channel is not None else None

        generated(trial, hook, tokens=1)
        return seen[0]

    assert not torch.allclose(logits_with(None), logits_with(Edit(value=ABSENT)))


def test_a_row_that_is_sure_stops_thinking_and_the_others_go_on(trial_of: MakeTrial) -> None:
    trial = trial_of("mixing gemma3")
    live: list[list[bool]] = []
    entropies: list[list[float]] = []

    def watch(event: Event) -> None:
        if event.channel is not None and event.value is not None:
            live.append(event.live.tolist())
            share_B1V = event.value.softmax(-1)
            entropies.append(torch.special.entr(share_B1V).sum((-2, -1)).tolist())

    generated(trial, watch, thoughts=4)
    bound = sorted(entropies[0])[1]  # one row lies below it at the first thought
    live.clear()
    stopped = generated(trial, watch, thoughts=4, stop_entropy=bound)
    sure = entropies[0].index(min(entropies[0]))
    assert live[0] == [True] * 3
    assert not live[1][sure]
    alone = Trial(adapter=trial.adapter, prompts=[trial.prompts[sure]], seeds=[trial.seeds[sure]], limits=trial.limits)
    assert generated(alone, thoughts=1).tokens[0] == stopped.tokens[sure]


@pytest.mark.parametrize("name", [*THINKERS, "projecting gpt2", "mixing gemma3"])
def test_depth_grows_by_the_same_with_every_thought_and_not_at_all_where_they_can_be_read(
    trial_of: MakeTrial, name: str
) -> None:
    adapter = trial_of(name).adapter

    def depth(thoughts: int, *readable: str) -> int:
        segments = adapter.segments(context_length=64, max_new_tokens=8, sampler={"thoughts": thoughts})
        return opaque_depth(segments, interpretable=frozenset(readable)).depth

    opaque = [depth(thoughts) for thoughts in (1, 2, 3, 8)]
    assert opaque[1] - opaque[0] == opaque[2] - opaque[1] > 0
    assert opaque[3] == opaque[0] + 7 * (opaque[1] - opaque[0])
    assert len({depth(thoughts, "thought") for thoughts in (1, 2, 8)}) == 1
    assert depth(1, "thought") < opaque[0]


def test_a_hybrid_that_forgets_how_long_its_prompt_was_is_told_here_too(trial_of: MakeTrial) -> None:
    trial = trial_of("minimax")
    adapter: Any = trial.adapter
    thinker: Any = ThoughtLoop(model=adapter.model, tokenizer=adapter.tokenizer)
    assert generated(replace(trial, adapter=thinker), thoughts=0) == greedy(trial, 8)


@pytest.mark.parametrize("name", ["mamba", "recurrent_gemma", "rwkv", "xlstm"])
def test_a_model_that_hands_on_no_keys_and_values_is_refused(trial_of: MakeTrial, name: str) -> None:
    trial = trial_of(name)
    adapter: Any = trial.adapter
    thinker: Any = ThoughtLoop(model=adapter.model, tokenizer=adapter.tokenizer)
    with pytest.raises(UsageError, match="hands on no past_key_values, with which to go on from a thought"):
        generated(replace(trial, adapter=thinker), thoughts=1)


@pytest.mark.parametrize("kind", ["falcon_h1", "jamba", "mamba"])
def test_the_depth_of_thoughts_that_run_through_a_recurrent_state_is_refused(kind: str) -> None:
    recurrent: Any = ThoughtLoop(model=build_recurrent(kind, 50), tokenizer=None)
    with pytest.raises(UsageError, match="the depth of thoughts is not counted for a model with recurrent layers"):
        recurrent.segments(context_length=32, max_new_tokens=4, sampler={"thoughts": 2})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "dream"}, "the sampler setting mode cannot be dream; use hidden, projection, mixture"),
        ({"thoughts": -1}, "the sampler setting thoughts cannot be -1; use a whole number, 0 or more"),
        ({"thoughts": 2.5}, "the sampler setting thoughts cannot be 2.5; use a whole number, 0 or more"),
        ({"thoughts": True}, "the sampler setting thoughts cannot be True; use a whole number, 0 or more"),
        ({"thoughts": "four"}, "the sampler setting thoughts cannot be four; use a whole number, 0 or more"),
        ({"top_k": 1.5}, "the sampler setting top_k cannot be 1.5; use a whole number, 0 for all tokens, or more"),
        ({"temperature": float("inf")}, "the sampler setting temperature cannot be inf; use 0 or more"),
        ({"stop_entropy": -1}, "the sampler setting stop_entropy cannot be -1; use 0 or more"),
        ({"stop_after": 0}, "the sampler setting stop_after cannot be 0; use a whole number, 1 or more"),
        ({"mode": "projection"}, "the sampler setting projection cannot be empty; use the path of a module that"),
        ({"mode": "projection", "projection": "lm_head"}, "what the module lm_head puts out is no thought; name a"),
        (
            {"mode": "projection", "projection": "transformer.wte"},
            "the module transformer.wte does not take a thought in: Expected tensor for argument #1 'indices'",
        ),
        (
            {"mode": "projection", "projection": "transformer.h.0.mpl"},
            "the model has no module 'transformer.h.0.mpl' to project thoughts with; did you mean transformer.h.0.mlp",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_refused(trial_of: MakeTrial, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        generated(trial_of("thinking gpt2"), **settings)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (4, "thought_loop in the checkpoint's config.json is 4; write {thoughts: N} or more there"),
        ({"thougts": 4}, "the adapter family thought-loop has no sampler setting 'thougts'; use thoughts, mode"),
        ({"thoughts": "4x"}, "the sampler setting thoughts cannot be 4x; use a whole number, 0 or more"),
    ],
)
def test_a_checkpoint_that_declares_what_cannot_be_is_refused(declared: Any, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        thinking({}, SimpleNamespace(thought_loop=declared))
    assert str(refused.value).startswith(message)


def test_a_causal_checkpoint_thinks_only_when_it_says_so_or_is_told_to(saved: Callable[[str], Path]) -> None:
    def family(name: str, adapter: str | None = None) -> str:
        spec = ModelSpec(source=str(saved(name)), adapter=adapter)
        return load_model("candidate", spec, device="cpu", dtype="float32").report.family

    assert family("gpt2") == "autoregressive"
    assert family("thinking gpt2") == "thought-loop"
    assert family("gpt2", "thought-loop") == "thought-loop"


def test_the_number_of_thoughts_has_to_be_said(saved: Callable[[str], Path]) -> None:
    spec = ModelSpec(source=str(saved("gpt2")), adapter="thought-loop")
    adapter = load_model("candidate", spec, device="cpu", dtype="float32").adapter
    assert isinstance(adapter, ThoughtLoop)
    with pytest.raises(UsageError, match=r"says how many thoughts there are; set thoughts in sampling\.sampler"):
        adapter.generate([adapter.encode("ask a :")], [0], None, Limits(max_new_tokens=2))
