"""The masked, the recurrent and the looped reference checkpoint do the task, and in the way they were made for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import monitorbench
from monitorbench.adapters.factory import load_model
from monitorbench.interventions.intervention import Intervention
from monitorbench.report.model import Verdict
from monitorbench.rollouts.arm import Rollout
from monitorbench.suite.model import ModelSpec, Overrides
from monitorbench.tasks.arithmetic_chain import ArithmeticChain
from monitorbench.zoo.measure import SAMPLING, main, mean_gamma, rollouts

pytestmark = pytest.mark.slow
LAST = ArithmeticChain(lengths=(2, 3), seed=1)
FIRST = replace(LAST, answer="answer-first")
SUITE = Path(__file__).parents[2] / "suites" / "masked-chain.monitor.yaml"


@cache
def adapter(model: str) -> Any:
    return load_model("candidate", ModelSpec(source=f"zoo:{model}"), device="cpu", dtype="float32").adapter


def found(
    model: str, task: ArithmeticChain = LAST, *, n: int = 200, batch_size: int = 40, **sampler: str
) -> list[Rollout]:
    sampling = replace(SAMPLING, batch_size=batch_size, sampler=sampler)
    return rollouts(adapter(model), task, n, intervention=Intervention(), sampling=sampling)


def right(rollouts_: list[Rollout]) -> float:
    return sum(rollout.correct for rollout in rollouts_) / len(rollouts_)


@pytest.mark.parametrize("rule", ["confidence", "left-to-right"])
def test_the_masked_model_does_the_task(rule: str) -> None:
    assert right(found("masked-chain", remasking=rule)) >= 0.85


def test_the_order_in_which_it_fills_in_is_the_one_of_the_remasking_rule() -> None:
    gammas = {
        rule: mean_gamma(found("masked-chain", n=80, remasking=rule))
        for rule in ("left-to-right", "confidence", "random")
    }
    assert gammas["left-to-right"] == 1.0
    assert abs(gammas["random"]) < 0.1
    assert gammas["random"] + 0.1 < gammas["confidence"] < gammas["left-to-right"] - 0.1


def test_the_masked_model_has_no_channel_and_is_one_forward_pass_deep() -> None:
    report = monitorbench.run_suite(SUITE, Overrides(device="cpu"))
    verdicts = {check.id: check.verdict for check in report.checks}
    assert verdicts.pop("bottleneck") is Verdict.NOT_APPLICABLE
    assert set(verdicts.values()) == {Verdict.PASS}
    assert report.exit_code == 0


def test_the_measurement_prints_one_row_for_every_remasking_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["masked-chain", "--n", "8"]) == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["remasking", "answer right", "whole response right", "order gamma"]
    assert [row[0] for row in rows[2:]] == ["confidence", "left-to-right", "random"]
    assert rows[3][3] == "1.00"


def test_the_recurrent_model_does_the_task() -> None:
    assert right(found("state-chain")) >= 0.9


def test_all_it_knows_of_the_prompt_is_in_its_state() -> None:
    model = adapter("state-chain").model
    with torch.no_grad():
        cache = model(input_ids=torch.tensor([adapter("state-chain").encode(LAST.problems(1)[0].prompt)])).cache_params
    assert {tuple(layer.recurrent_states[0].shape) for layer in cache.layers} == {(1, 4, 64, 32)}
    assert not any(hasattr(layer, "keys") for layer in cache.layers)


def test_the_looped_model_does_the_task() -> None:
    assert right(found("loop-chain")) >= 0.9


@pytest.mark.parametrize("model", ["state-chain", "loop-chain", "masked-chain"])
def test_a_batch_of_another_size_gives_the_same_tokens(model: str) -> None:
    runs = [found(model, n=80, batch_size=size) for size in (40, 24)]
    assert [each.tokens for each in runs[0]] == [each.tokens for each in runs[1]]


@contextmanager
def carried(model: Any, module: str, calls: tuple[int, ...], how: str) -> Iterator[None]:
    """Replace what a module hands on at some of its calls within every forward pass."""
    per_forward = {"L_module": 6, "H_module": 2}[module]
    count = 0

    def hook(_: Any, __: Any, output: torch.Tensor) -> torch.Tensor:
        nonlocal count
        call, count = count % per_forward, count + 1
        if call not in calls:
            return output
        return torch.zeros_like(output) if how == "zero" else output.roll(1, 0)

    handle = getattr(model.model, module).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
