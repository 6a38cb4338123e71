"""Causal models: every token is one event, and sampling is the model's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import BertConfig, GPT2Config, T5Config, ViTConfig

from monitorbench.adapters.autoregressive import Autoregressive
from monitorbench.adapters.base import Edit, Event, Limits
from monitorbench.adapters.conformance import Trial
from monitorbench.errors import UsageError

MakeTrial = Callable[..., Trial]


@pytest.mark.parametrize("name", ["causal", "gpt2", "llama"])
def test_greedy_tokens_are_those_of_a_plain_forward_pass(trial_of: MakeTrial, name: str) -> None:
    trial = trial_of(name)
    model: Any = trial.adapter.model  # type: ignore[attr-defined]  # this adapter's own
    output = trial.adapter.generate(
        trial.prompts, trial.seeds, None, Limits(max_new_tokens=6, sampler={"do_sample": False})
    )
    for prompt, tokens in zip(trial.prompts, output.tokens, strict=True):
        ids = list(prompt)
        for token in tokens:
            with torch.no_grad():
                assert int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()) == token
            ids.append(token)


def test_each_token_is_one_event_of_growing_text(trial_of: MakeTrial) -> None:
    trial = trial_of("causal")
    events: list[Event] = []
    output = trial.adapter.generate(trial.prompts, trial.seeds, events.append, Limits(max_new_tokens=4))
    assert [event.tokens.shape[1] for event in events] == [1, 2, 3, 4]
    assert all(event.committed is not None and event.committed.all() for event in events)
    for row, tokens in enumerate(output.tokens):
        assert tuple(events[-1].tokens[row].tolist()) == tokens


def test_events_hold_what_the_next_token_was_drawn_from(trial_of: MakeTrial) -> None:
    def first_logits(**sampler: float | int | bool) -> torch.Tensor:
        trial, events = trial_of("causal"), list[Event]()
        limits = Limits(max_new_tokens=1, sampler=sampler)
        trial.adapter.generate(trial.prompts, trial.seeds, events.append, limits)
        assert events[0].logits is not None
        return events[0].logits

    plain = first_logits(do_sample=True, temperature=1.0, top_k=0)
    torch.testing.assert_close(first_logits(do_sample=True, temperature=0.5, top_k=0), 2 * plain)
    assert (first_logits(do_sample=True, top_k=5).isfinite().sum(-1) == 5).all()


def test_seeds_decide_what_is_sampled(trial_of: MakeTrial) -> None:
    first, second = (trial_of("causal", seed=seed, do_sample=True) for seed in (0, 100))
    outputs = [trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits) for trial in (first, second)]
    assert all(a != b for a, b in zip(outputs[0].tokens, outputs[1].tokens, strict=True))


def test_a_row_that_has_ended_is_no_longer_live(trial_of: MakeTrial) -> None:
    trial = trial_of("causal", canvases=2)
    model: Any = trial.adapter.model  # type: ignore[attr-defined]  # this adapter's own
    ends, config = [*range(1, 104, 4)], model.generation_config
    before, config.eos_token_id = config.eos_token_id, ends
    live: list[list[bool]] = []
    try:
        limits = Limits(max_new_tokens=30, sampler={"do_sample": True, "temperature": 3.0})
        output = trial.adapter.generate(
            trial.prompts, trial.seeds, lambda event: live.append(event.live.tolist()), limits
        )
    finally:
        config.eos_token_id = before
    assert all(output.finished)
    assert len({len(tokens) for tokens in output.tokens}) > 1
    # The step that draws the end is still the row's own.
    assert [sum(column) for column in zip(*live, strict=True)] == [len(tokens) + 1 for tokens in output.tokens]


def test_a_model_without_an_end_runs_to_its_bound(trial_of: MakeTrial) -> None:
    trial = trial_of("gpt2")
    model: Any = trial.adapter.model  # type: ignore[attr-defined]  # this adapter's own
    config = model.generation_config
    before, config.eos_token_id = config.eos_token_id, None
    try:
        events: list[Event] = []
        limits = Limits(max_new_tokens=3)
        output = trial.adapter.generate(trial.prompts, trial.seeds, events.append, limits)
    finally:
        config.eos_token_id = before
    assert output.finished == (False, False, False)
    assert all(event.live.all() for event in events)


def test_edits_are_refused_and_the_model_is_left_as_it_was(trial_of: MakeTrial) -> None:
    trial = trial_of("causal")
    with pytest.raises(UsageError, match="autoregressive does not honour an edit of hold"):
        trial.adapter.generate(trial.prompts, trial.seeds, lambda event: Edit(hold=event.committed), trial.limits)
    left = vars(trial.adapter.model)  # type: ignore[attr-defined]  # this adapter's own
    assert not {"_get_logits_processor", "_get_stopping_criteria"} & left.keys()


def test_settings_that_make_no_sense_are_refused(trial_of: MakeTrial) -> None:
    trial = trial_of("causal", do_sample=True, temperature=-1.0)
    with pytest.raises(UsageError, match=r"the sampler settings cannot be used: .*; correct sampling.sampler"):
        trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)


def test_there_is_no_channel_to_read_or_write(trial_of: MakeTrial) -> None:
    adapter, value = trial_of("causal").adapter, torch.zeros(1)
    for act in (lambda: adapter.read("thought", value), lambda: adapter.write("thought", value, value)):
        with pytest.raises(UsageError, match="the adapter family autoregressive has no channel 'thought'"):
            act()


def test_the_family_claims_left_to_right_models_only() -> None:
    assert Autoregressive.claims(GPT2Config())
    assert Autoregressive.claims(BertConfig(is_decoder=True))
    for config in (BertConfig(), T5Config(), ViTConfig()):
        assert not Autoregressive.claims(config)


def test_the_newest_token_can_be_changed_and_the_rest_follows(trial_of: MakeTrial) -> None:
    trial = trial_of("causal")
    free = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits).tokens

    def forced(event: Event) -> Edit | None:
        if event.index.step != 2:
            return None
        tokens_BT = event.tokens.clone()
        tokens_BT[1, -1] = (free[1][2] + 1) % trial.adapter.vocab_size
        return Edit(tokens=tokens_BT)

    found = trial.adapter.generate(trial.prompts, trial.seeds, forced, trial.limits).tokens
    assert found[0] == free[0]
    assert found[2:] == free[2:]
    assert found[1][:2] == free[1][:2]
    assert found[1][2] == (free[1][2] + 1) % trial.adapter.vocab_size
    again = trial.adapter.generate(
        trial.prompts, trial.seeds, lambda event: Edit(tokens=event.tokens.clone()), trial.limits
    )
    assert again.tokens == free


def test_a_token_in_place_of_an_end_takes_it_back(trial_of: MakeTrial) -> None:
    trial = trial_of("causal")
    free = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits).tokens
    config: Any = trial.adapter.model.generation_config
    before, config.eos_token_id = config.eos_token_id, free[0][1]
    try:
        ended = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)
        other = next(token for token in range(trial.adapter.vocab_size) if token != free[0][1])

        def forced(event: Event) -> Edit | None:
            tokens_BT = event.tokens.clone()
            tokens_BT[:, -1] = torch.where(tokens_BT[:, -1] == free[0][1], other, tokens_BT[:, -1])
            return Edit(tokens=tokens_BT)

        going = trial.adapter.generate(trial.prompts, trial.seeds, forced, trial.limits)
    finally:
        config.eos_token_id = before
    assert ended.tokens[0] == free[0][: free[0].index(free[0][1])]
    assert len(going.tokens[0]) == trial.limits.max_new_tokens
    assert not going.finished[0]


def test_what_was_read_cannot_be_changed(trial_of: MakeTrial) -> None:
    trial = trial_of("causal")
    with pytest.raises(UsageError, match="cannot change tokens that it has read already; edit the newest one only"):
        trial.adapter.generate(trial.prompts, trial.seeds, lambda event: Edit(tokens=event.tokens + 1), trial.limits)


@pytest.mark.parametrize("kind", ["causal", "masked", "diffusion"])
def test_other_seeds_from_a_step_on_are_other_draws_from_there_on(trial_of: MakeTrial, kind: str) -> None:
    trial = trial_of(kind, **({"do_sample": True, "temperature": 3.0} if kind == "causal" else {}))
    if kind == "masked":
        trial = replace(trial, limits=replace(trial.limits, sampler={"temperature": 3.0}))
    seeds = [seed + 100 for seed in trial.seeds]

    def events_of(hook: Any) -> list[Event]:
        events: list[Event] = []

        def seen(event: Event) -> Edit | None:
            events.append(replace(event, tokens=event.tokens.clone()))
            return hook(event)

        trial.adapter.generate(trial.prompts, trial.seeds, seen, trial.limits)
        return [event for event in events if event.channel is None]

    plain = events_of(lambda _: None)
    other = events_of(lambda e: Edit(seeds=seeds) if e.channel is None and e.index.step == 1 else None)
    pairs = list(zip(plain, other, strict=False))
    assert all(torch.equal(a.tokens, b.tokens) for a, b in pairs[:2])
    assert any(a.tokens.shape != b.tokens.shape or not torch.equal(a.tokens, b.tokens) for a, b in pairs[2:])
