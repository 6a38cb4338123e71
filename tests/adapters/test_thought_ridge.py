"""The map that tokens are written into thoughts through: fitted on random prompts, once, the same every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from monitorbench.adapters import thought_ridge
from monitorbench.adapters.base import Event, Limits
from monitorbench.adapters.conformance import Trial, findings
from monitorbench.adapters.thought_carry import Thinking
from monitorbench.adapters.thought_ridge import Ridge, fitted
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.recorder import record
from monitorbench.suite.model import Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

MakeTrial = Callable[..., Trial]
RIDGE = {"write": "ridge"}


def test_a_linear_relation_is_found_again() -> None:
    generator = torch.Generator().manual_seed(0)
    seen_Nd = torch.randn(400, 5, generator=generator, dtype=torch.float64)
    weight = torch.randn(5, 10, generator=generator, dtype=torch.float64)
    found, offset = thought_ridge._solved(seen_Nd, seen_Nd @ weight + 3.0, 1e-12)
    torch.testing.assert_close(found, weight)
    torch.testing.assert_close(offset, torch.full((10,), 3.0, dtype=torch.float64))
    stiff, _ = thought_ridge._solved(seen_Nd, seen_Nd @ weight, 1e9)
    assert float(stiff.abs().max()) < 1e-6, "a large penalty leaves the mean only"


def test_a_map_has_as_many_places_as_the_carried_value() -> None:
    ridge = Ridge(weight=torch.eye(2).repeat(1, 2), offset=torch.tensor([0.0, 0.0, 1.0, 1.0]), explained=1.0)
    assert ridge(torch.tensor([[[4.0, 5.0]]])).tolist() == [[[4.0, 5.0], [5.0, 6.0]]]


def test_a_map_is_fitted_once_and_comes_out_the_same_again(
    trial_of: MakeTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter: Any = trial_of("thinking gemma3").adapter
    first = adapter.under(RIDGE).ridge
    assert adapter.under(RIDGE).ridge is first
    assert adapter.under({"thoughts": 2, **RIDGE}).ridge is not first
    monkeypatch.setattr(thought_ridge, "_FITTED", {})
    again = adapter.under(RIDGE).ridge
    assert torch.equal(again.weight, first.weight)
    assert again.explained == first.explained
    assert adapter.under({}).ridge is None


@pytest.mark.parametrize(("name", "places"), [("thinking gemma3", 1), ("projecting gpt2", 2)])
def test_it_explains_thoughts_that_it_was_not_fitted_on_and_writes_in_their_form(
    trial_of: MakeTrial, name: str, places: int
) -> None:
    trial = trial_of(name)
    adapter: Any = trial.adapter.under(RIDGE)
    assert 0 < adapter.ridge.explained <= 1
    shapes = []

    def written(event: Event) -> None:
        if event.value is not None:
            shapes.append(adapter.write("thought", adapter.read("thought", event.value), event.value).shape)

    adapter.generate(trial.prompts, trial.seeds, written, Limits(max_new_tokens=1))
    assert shapes == [(3, places, 32)] * 3


def test_special_tokens_stand_in_no_calibration_prompt(trial_of: MakeTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter: Any = trial_of("thinking gpt2").adapter
    given: list[Any] = []

    def keep(model: Any, chosen: Thinking, tokens: Any) -> Ridge:
        given.extend(tokens)
        return Ridge(weight=torch.zeros(1), offset=torch.zeros(1), explained=0.0)

    monkeypatch.setattr("monitorbench.adapters.thought_loop.fitted", keep)
    adapter.under(RIDGE)
    assert not set(given) & set(adapter.tokenizer.all_special_ids)
    assert len(given) == len(adapter.tokenizer) - len(adapter.tokenizer.all_special_ids)


def test_it_breaks_no_rule_of_adapters(trial_of: MakeTrial) -> None:
    trial = trial_of("thinking gpt2")
    assert findings(replace(trial, adapter=trial.adapter.under(RIDGE))) == ()


def test_an_arm_is_recorded_with_the_map_that_the_suite_asks_for(trial_of: MakeTrial) -> None:
    task = ArithmeticChain(lengths=(2,))
    arm = Arm(role="candidate", task="chain", intervention=Intervention(kind="keep-everything", channel="thought"))

    def tokens(**sampler: Any) -> list[tuple[int, ...]]:
        sampling = Sampling(max_new_tokens=8, batch_size=4, sampler=sampler)
        adapter = trial_of("thinking gemma3").adapter
        batches = record(arm, adapter=adapter, task=task, problems=task.problems(4), sampling=sampling)
        return [rollout.tokens for rollouts in batches for rollout in rollouts]

    assert tokens(write="ridge") == tokens(write="ridge") != tokens(write="mixture")


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        ({"write": "lens"}, "the sampler setting write cannot be lens; use mixture, ridge"),
        (
            {"write": "ridge", "mode": "mixture"},
            "the sampler setting write cannot be ridge; use mixture, which mode: mixture carries as it is",
        ),
        (
            {"write": "ridge", "thoughts": 0},
            "the sampler setting write cannot be ridge; use mixture: without thoughts there is none to map to",
        ),
    ],
)
def test_what_cannot_be_written_through_is_refused(trial_of: MakeTrial, sampler: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        trial_of("thinking gpt2").adapter.under(sampler)
    assert str(refused.value) == message


def test_one_model_may_think_in_several_ways(trial_of: MakeTrial) -> None:
    model = trial_of("thinking gpt2").adapter.model
    short, long = (fitted(model, Thinking(thoughts=count, write="ridge"), range(5, 60)) for count in (1, 2))
    assert not torch.equal(short.weight, long.weight)
