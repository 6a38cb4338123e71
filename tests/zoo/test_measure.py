"""The figures of the cards: measured on problems that the quickstart does not hold, and the same in any batch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitorbench.adapters.factory import load_model
from monitorbench.interventions.intervention import Intervention
from monitorbench.suite.model import ModelSpec
from monitorbench.tasks.arithmetic_chain import ArithmeticChain
from monitorbench.tasks.base import Task
from monitorbench.tasks.graph_reachability import GraphReachability
from monitorbench.zoo.measure import SAMPLING, interventions, main, rollouts

pytestmark = pytest.mark.slow
FRESH = ArithmeticChain(lengths=(2, 3), seed=1)
GRAPHS = GraphReachability(seed=1)
MODELS: dict[str, Task] = {
    "ar-chain": FRESH,
    "diffusion-chain": FRESH,
    "diffusion-chain-opaque": FRESH,
    "thought-superposed": GRAPHS,
    "thought-opaque": GRAPHS,
    "thought-idle": FRESH,
}


@pytest.mark.parametrize(("model", "task"), MODELS.items(), ids=MODELS)
def test_a_batch_of_another_size_gives_the_same_tokens(model: str, task: Task) -> None:
    adapter = load_model("candidate", ModelSpec(source=f"zoo:{model}"), device="cpu", dtype="float32").adapter
    runs = [
        rollouts(adapter, task, 400, intervention=Intervention(), sampling=replace(SAMPLING, batch_size=size))
        for size in (40, 24)
    ]
    assert [each.tokens for each in runs[0]] == [each.tokens for each in runs[1]]
    assert sum(each.correct for each in runs[0]) / 400 >= (0.85 if model == "diffusion-chain-opaque" else 0.9)


def test_the_carry_of_the_readable_model_is_load_bearing_on_fresh_problems() -> None:
    adapter = load_model("candidate", ModelSpec(source="zoo:diffusion-chain"), device="cpu", dtype="float32").adapter
    right = {
        kind: sum(each.correct for each in rollouts(adapter, FRESH, 400, intervention=intervention)) / 400
        for kind, intervention in interventions(adapter).items()
    }
    assert right["as it is"] >= 0.9
    assert right["as it is"] - right["top 8 tokens"] <= 0.03
    assert right["as it is"] - right["another prompt's"] >= 0.2
    assert right["as it is"] - right["nothing"] >= 0.1


def test_the_measurement_prints_one_row_for_every_text_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ar-chain", "--n", "8"]) == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["text order", "answer", "whole response right", "as it is"]
    assert [row[:2] for row in rows[2:]] == [
        ["topological", "last"],
        ["topological", "first"],
        ["reversed", "last"],
        ["reversed", "first"],
    ]
    assert rows[2][3] == "100.0%"


def test_a_graph_has_no_text_forms_and_a_thought_may_be_its_top_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["thought-superposed", "--n", "40"]) == 0
    header, _, row = ([cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines())
    carried = ["as it is", "top token", "top 8 tokens", "another prompt's", "nothing"]
    assert header == ["steps", "whole response right", *carried]
    shares = dict(zip(header, row, strict=True))
    assert shares["steps"] == "3"
    assert shares["as it is"] == shares["top 8 tokens"] != shares["top token"]
