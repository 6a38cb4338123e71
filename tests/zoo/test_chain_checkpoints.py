"""The masked, the recurrent and the looped reference checkpoint do the task, and in the way they were made for."""

from __future__ import annotations

import itertools
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
from monitorbench.metrics.times import Clock, commit_times, determination_times
from monitorbench.report.model import Verdict
from monitorbench.rollouts.arm import Rollout
from monitorbench.suite.model import ModelSpec, Overrides
from monitorbench.tasks.arithmetic_chain import ArithmeticChain
from monitorbench.zoo.measure import REMASKING, SAMPLING, main, mean_gamma, rollouts

pytestmark = pytest.mark.slow
LAST = ArithmeticChain(lengths=(2, 3), seed=1)
FIRST = replace(LAST, answer="answer-first")
CALLS, CYCLE_ENDS = {"L_module": 6, "H_module": 2}, {"L_module": 2, "H_module": 0}
"""Calls of each module in one forward pass of the looped model, and the last of them in its first high cycle."""
SUITE = Path(__file__).parents[2] / "suites" / "masked-chain.monitor.yaml"


@cache
def adapter(model: str) -> Any:
    return load_model("candidate", ModelSpec(source=f"zoo:{model}"), device="cpu", dtype="float32").adapter


def found(
    model: str, task: ArithmeticChain = LAST, *, n: int = 200, batch_size: int = 40, **sampler: str
) -> list[Rollout]:
    sampling = replace(SAMPLING, batch_size=batch_size, sampler=sampler)
    return rollouts(adapter(model), task, n, intervention=Intervention(), sampling=sampling)


def right(all_: list[Rollout]) -> float:
    return sum(rollout.correct for rollout in all_) / len(all_)


@contextmanager
def carried(model: Any, module: str, *, call: int, how: str) -> Iterator[None]:
    """Replace what a module hands on at one of its calls within every forward pass."""
    count = itertools.count()

    def hook(_: Any, __: Any, output: torch.Tensor) -> torch.Tensor:
        if next(count) % CALLS[module] != call:
            return output
        return torch.zeros_like(output) if how == "zero" else output.roll(1, 0)

    handle = getattr(model.model, module).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.parametrize(("rule", "floor"), [("confidence", 0.8), ("left-to-right", 0.95)])
def test_the_masked_model_does_the_task(rule: str, floor: float) -> None:
    assert right(found("masked-chain", remasking=rule)) >= floor


def test_the_order_in_which_it_fills_in_is_the_one_of_the_remasking_rule() -> None:
    filling, settling = gammas(commit_times), gammas(determination_times)
    assert filling["left-to-right"] == 1.0
    assert abs(filling["random"]) < 0.1
    assert filling["random"] + 0.05 < filling["confidence"] < filling["left-to-right"] - 0.5
    assert settling["random"] < settling["left-to-right"] < filling["left-to-right"]


def gammas(clock: Clock) -> dict[str, float]:
    return {rule: mean_gamma(found("masked-chain", n=80, remasking=rule), clock) for rule in REMASKING}


def test_the_masked_model_has_no_channel_and_is_one_forward_pass_deep() -> None:
    report = monitorbench.run_suite(SUITE, Overrides(device="cpu"))
    verdicts = {check.id: check.verdict for check in report.checks}
    assert verdicts.pop("bottleneck") is Verdict.NOT_APPLICABLE
    assert set(verdicts.values()) == {Verdict.PASS}
    assert report.exit_code == 0


def test_the_measurement_prints_one_row_for_every_remasking_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["masked-chain", "--n", "8"]) == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == [
        "text order",
        "answer",
        "remasking",
        "answer right",
        "whole response right",
        "gamma of filling",
        "gamma of settling",
    ]
    assert [row[2] for row in rows[2:]] == list(REMASKING)
    assert rows[3][5] == "1.00"


def test_the_recurrent_model_does_the_task() -> None:
    assert right(found("state-chain")) >= 0.9


def test_all_it_knows_of_the_prompt_is_in_its_state() -> None:
    model = adapter("state-chain").model
    with torch.no_grad():
        memory = model(input_ids=torch.tensor([adapter("state-chain").encode(LAST.problems(1)[0].prompt)])).cache_params
    assert {tuple(layer.recurrent_states[0].shape) for layer in memory.layers} == {(1, 256, 16)}
    assert not any(getattr(layer, "keys", None) is not None for layer in memory.layers)


@pytest.mark.parametrize("task", [FIRST, LAST], ids=["answer-first", "answer-last"])
def test_the_looped_model_adds_before_it_writes(task: ArithmeticChain) -> None:
    assert right(found("loop-chain", task)) >= 0.95


@pytest.mark.parametrize("how", ["zero", "another prompt's"])
@pytest.mark.parametrize("module", ["H_module", "L_module"])
def test_what_crosses_from_one_high_cycle_to_the_next_is_load_bearing(module: str, how: str) -> None:
    with carried(adapter("loop-chain").model, module, call=CYCLE_ENDS[module], how=how):
        assert right(found("loop-chain", FIRST, n=80)) <= 0.2


@pytest.mark.parametrize("model", ["state-chain", "loop-chain", "masked-chain"])
def test_a_batch_of_another_size_gives_the_same_tokens(model: str) -> None:
    runs = [found(model, n=80, batch_size=size) for size in (40, 24)]
    assert [each.tokens for each in runs[0]] == [each.tokens for each in runs[1]]
