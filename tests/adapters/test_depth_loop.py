"""States of looped models: what every run of a block leaves, read and written as tokens.

Shape suffixes: B rows, P positions of one forward pass, T tokens, d width of the model, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from looped_models import LOOPED, build_looped
from torch import Tensor
from transformers import (
    GPT2Config,
    HrmTextConfig,
    MambaConfig,
    MambaForCausalLM,
)

from monitorbench.adapters.autoregressive import Autoregressive
from monitorbench.adapters.base import ABSENT, Edit, Event, Hook, Output
from monitorbench.adapters.conformance import Trial, findings
from monitorbench.adapters.depth_loop import DepthLoop
from monitorbench.adapters.factory import load_model
from monitorbench.depth import opaque_depth, trace_segment
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention, build_hook
from monitorbench.suite.model import ModelSpec

MakeTrial = Callable[..., Trial]


@pytest.fixture
def trial(request: pytest.FixtureRequest, trial_of: MakeTrial) -> Trial:
    """HRM-Text, HRM-Text at a site that is named, or the looped model, by name."""
    hrm = trial_of("hrm", do_sample=False)
    if request.param == "hrm":
        return hrm
    adapter: Any = hrm.adapter
    settings: dict[str, Any] = {**LOOPED, "do_sample": False}
    if request.param == "hrm site":
        settings |= {"site": "model.L_module.layers.0", "calls": 6}
    elif request.param == "attention":
        settings |= {"site": "model.layers.0.self_attn"}
    if request.param != "hrm site":
        adapter = DepthLoop(model=build_looped(adapter.vocab_size), tokenizer=adapter.tokenizer)
    return replace(hrm, adapter=adapter, limits=replace(hrm.limits, sampler=settings))


each = pytest.mark.parametrize("trial", ["hrm", "hrm site", "looped"], indirect=True)
hrm_only = pytest.mark.parametrize("trial", ["hrm"], indirect=True)
looped_only = pytest.mark.parametrize("trial", ["looped"], indirect=True)


def generated(trial: Trial, hook: Hook | None = None, *, tokens: int = 3) -> Output:
    limits = replace(trial.limits, max_new_tokens=tokens)
    return trial.adapter.generate(trial.prompts, trial.seeds, hook, limits)


def events_of(trial: Trial, *, tokens: int = 3) -> list[Event]:
    events: list[Event] = []
    generated(trial, events.append, tokens=tokens)
    return events


def plain_logits(model: Any, prompt: list[int], text: list[int]) -> Tensor:
    """(T, V) of one forward pass without padding; the prompt of HRM-Text is seen in both directions."""
    ids = torch.tensor([prompt + text])
    marked = {"token_type_ids": torch.tensor([[1] * len(prompt) + [0] * len(text)])}
    with torch.no_grad():
        logits_1TV = model(input_ids=ids, **(marked if model.config.model_type == "hrm_text" else {})).logits
    return logits_1TV[0]


@pytest.mark.parametrize("trial", ["hrm", "hrm site", "looped", "attention"], indirect=True)
def test_the_family_keeps_every_rule_of_the_kit(trial: Trial) -> None:
    assert findings(trial, trace=trace_segment) == ()


@each
def test_greedy_tokens_are_those_of_a_plain_forward_pass(trial: Trial) -> None:
    output = generated(trial, tokens=4)
    for prompt, tokens in zip(trial.prompts, output.tokens, strict=True):
        for place, token in enumerate(tokens):
            logits_TV = plain_logits(trial.adapter.model, list(prompt), list(tokens[:place]))
            assert int(logits_TV[-1].argmax()) == token


@hrm_only
def test_every_run_of_a_stack_is_an_event_over_the_positions_of_its_pass(trial: Trial) -> None:
    events = events_of(trial, tokens=2)
    width = events[0].value.shape[1]  # type: ignore[union-attr]  # a channel event has a value
    cycle = ["z_L", "z_L", "z_L", "z_H"]
    assert [event.channel for event in events] == [*cycle * 2, None] * 2
    for step, positions in ((0, width), (1, 1)):
        runs = [event for event in events if event.index.step == step and event.channel is not None]
        assert [event.index.loop for event in runs if event.channel == "z_L"] == [*range(6)]
        assert [event.index.loop for event in runs if event.channel == "z_H"] == [0, 1]
        assert {event.value.shape for event in runs if event.value is not None} == {(3, positions, 32)}
        assert {event.tokens.shape for event in runs} == {(3, step)}


@pytest.mark.parametrize("trial", ["hrm", "looped"], indirect=True)
def test_the_last_state_of_a_pass_reads_as_what_the_model_predicts(trial: Trial) -> None:
    channel = "z_H" if trial.adapter.carries(trial.limits.sampler)[0].name == "z_H" else "loop_state"
    last: dict[int, Tensor] = {}
    for event in events_of(trial):
        if event.channel == channel and event.value is not None:
            last[event.index.step] = trial.adapter.read(channel, event.value)[:, -1]
        elif event.logits is not None:
            torch.testing.assert_close(last[event.index.step], event.logits[:, 0])
    assert sorted(last) == [0, 1, 2]


@hrm_only
def test_states_of_a_padded_prompt_are_those_of_the_prompt_alone(trial: Trial) -> None:
    first = next(event for event in events_of(trial, tokens=1) if event.channel == "z_H" and event.index.loop == 1)
    assert first.value is not None
    for row, prompt in enumerate(trial.prompts):
        read_TV = trial.adapter.read("z_H", first.value)[row, -len(prompt) :]
        torch.testing.assert_close(read_TV, plain_logits(trial.adapter.model, list(prompt), []), atol=1e-4, rtol=1e-4)


@each
def test_a_written_state_is_a_mixture_of_embeddings_as_long_as_the_one_it_replaces(trial: Trial) -> None:
    adapter: Any = trial.adapter
    like_BPd = torch.randn(2, 3, 32)
    logits_BPV = torch.full((2, 3, adapter.vocab_size), -torch.inf)
    logits_BPV[..., 7] = 0.0
    for channel in adapter.carries(trial.limits.sampler):
        written_BPd = adapter.write(channel.name, logits_BPV, like_BPd)
        torch.testing.assert_close(written_BPd.norm(dim=-1), like_BPd.norm(dim=-1))
        direction_d = adapter.model.get_input_embeddings().weight[7]
        torch.testing.assert_close(
            torch.cosine_similarity(written_BPd, direction_d, dim=-1), torch.ones(2, 3), atol=1e-5, rtol=0
        )


@hrm_only
def test_what_carries_nothing_is_zeros(trial: Trial) -> None:
    def remove(event: Event) -> Edit | None:
        if event.logits is not None:
            assert not event.logits.any()
        return Edit(value=ABSENT) if event.channel == "z_H" else None

    generated(trial, remove)


@pytest.mark.parametrize("trial", ["hrm", "hrm site", "looped", "attention"], indirect=True)
@pytest.mark.parametrize("kind", ["zero", "batch-shuffled", "keep-everything"])
def test_interventions_change_what_the_model_predicts(trial: Trial, kind: str) -> None:
    def first_logits(hook: Hook | None) -> Tensor:
        seen: list[Tensor] = []

        def watch(event: Event) -> Edit | None:
            if event.logits is not None:
                seen.append(event.logits)
            return hook(event) if hook is not None else None

        generated(trial, watch)
        return seen[0]

    for channel in trial.adapter.carries(trial.limits.sampler):
        changed = first_logits(build_hook(Intervention(kind=kind, channel=channel.name), trial.adapter))
        assert not torch.allclose(changed, first_logits(None))


@looped_only
def test_of_a_recurrent_model_the_loops_are_watched_and_its_state_is_left_alone(trial: Trial) -> None:
    adapter: Any = trial.adapter
    torch.manual_seed(0)
    config = MambaConfig(vocab_size=adapter.vocab_size, hidden_size=32, num_hidden_layers=1, state_size=4)
    model = MambaForCausalLM(config).eval()
    model.backbone.layers.append(model.backbone.layers[0])
    looped: Any = DepthLoop(model=model, tokenizer=adapter.tokenizer)
    settings = {"site": "backbone.layers.0", "calls": 2, "do_sample": False}
    trial = replace(trial, adapter=looped, limits=replace(trial.limits, max_new_tokens=3, sampler=settings))
    assert {event.channel for event in events_of(trial)} == {"loop_state", None}
    assert generated(trial, lambda _: None) == generated(trial)
    hook = build_hook(Intervention(kind="zero", channel="loop_state"), looped)
    assert generated(trial, hook) != generated(trial)


@hrm_only
def test_the_text_of_a_row_that_has_ended_is_no_longer_live(trial: Trial) -> None:
    adapter: Any = trial.adapter
    config = adapter.model.generation_config
    config.eos_token_id, end = [generated(trial, tokens=1).tokens[0][0]], config.eos_token_id
    try:
        events = events_of(trial)
    finally:
        config.eos_token_id = end
    for event in events:
        if event.channel is not None:
            assert bool(event.live[0]) == (event.index.step == 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"site": "model.layer.0", "calls": 4},
            "the model has no module 'model.layer.0' to watch in a loop; did you mean model.layers.0",
        ),
        (
            {"site": "model.layers.0"},
            "the suite does not say which module of the model runs several times, and how often; "
            "set site and calls in sampling.sampler",
        ),
        (
            {"site": "model.layers.0", "calls": 1},
            "the sampler setting calls cannot be 1; use a whole number, 2 or more",
        ),
        (
            {"site": "model.layers.0", "calls": float("inf")},
            "the sampler setting calls cannot be inf; use a whole number, 2 or more",
        ),
        (
            {"site": 3, "calls": 4},
            "the sampler setting site cannot be 3; use the path of a module, as text",
        ),
        (
            {"site": "", "calls": 4},
            "the model has no module '' to watch in a loop; name a module path in sampling.sampler.site",
        ),
        (
            {"site": "model.layers.0", "calls": 3},
            "the module model.layers.0 ran 4 times in a forward pass, not 3 times; set calls to 4 in sampling.sampler",
        ),
        (
            {"site": "model.embed_tokens", "calls": 4},
            "the module model.embed_tokens ran once in a forward pass, not 4 times: nothing loops there; "
            "name a module that runs several times",
        ),
        (
            {"site": "model.layers", "calls": 4},
            "the module model.layers ran 0 times in a forward pass, not 4 times: nothing loops there; "
            "name a module that runs several times",
        ),
        (
            {"site": "model.layers.0.mlp.up_proj", "calls": 4},
            "the module model.layers.0.mlp.up_proj puts out no vector of 32 numbers for every position; "
            "name a block of the model in sampling.sampler.site",
        ),
        (
            {"site": "model.norm", "calls": 4},
            "the module model.norm is the norm before the output head, through which states are read; "
            "name the block before it in sampling.sampler.site",
        ),
    ],
)
@looped_only
def test_a_site_that_does_not_loop_is_refused(trial: Trial, settings: Mapping[str, Any], message: str) -> None:
    there = replace(trial, limits=replace(trial.limits, sampler=settings))
    with pytest.raises(UsageError) as refused:
        generated(there, lambda _: None)
    assert str(refused.value).startswith(message)
    with pytest.raises(UsageError) as untraced:
        opaque_depth(trial.adapter.segments(context_length=64, max_new_tokens=8, sampler=settings))
    assert str(untraced.value) == str(refused.value)


@each
def test_the_model_is_left_as_it_was(trial: Trial) -> None:
    with pytest.raises(UsageError, match="depth-loop does not honour an edit of tokens"):
        generated(trial, lambda event: Edit(tokens=event.tokens))
    model: Any = trial.adapter.model
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@hrm_only
def test_there_is_no_other_channel_to_read_or_write(trial: Trial) -> None:
    adapter, value = trial.adapter, torch.zeros(1)
    for act in (lambda: adapter.read("thought", value), lambda: adapter.write("thought", value, value)):
        with pytest.raises(UsageError, match="the adapter family depth-loop has no channel 'thought'"):
            act()


def test_a_looped_model_is_run_unasked_only_where_its_configuration_says_that_it_loops(
    saved: Callable[[str], Path],
) -> None:
    def loaded(name: str, adapter: str | None = None, **sampler: Any) -> Any:
        spec = ModelSpec(source=str(saved(name)), adapter=adapter)
        return load_model("candidate", spec, device="cpu", dtype="float32", sampler=sampler).report

    assert loaded("hrm").family == "depth-loop"
    assert loaded("hrm").channels == ("z_H", "z_L")
    assert loaded("hrm", site="model.L_module", calls=6).channels == ("loop_state",)
    assert loaded("hrm", "autoregressive").channels == ()
    assert loaded("llama", "depth-loop", **LOOPED).channels == ("loop_state",)
    with pytest.raises(UsageError, match="does not say which module of the model runs several times"):
        loaded("llama", "depth-loop")


def test_exactly_one_family_claims_a_configuration() -> None:
    for config in (GPT2Config(), HrmTextConfig()):
        assert DepthLoop.claims(config) != Autoregressive.claims(config)
