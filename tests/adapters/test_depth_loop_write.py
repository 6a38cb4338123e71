"""How tokens are written into the state of a looped model is the suite's choice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from monitorbench.adapters.conformance import Trial
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.recorder import record
from monitorbench.suite.model import Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

FUNCTIONS = """
def likeliest(model, logits, like):
    return model.get_input_embeddings()(logits.argmax(-1))


def short(model, logits, like):
    return like[..., :1]
"""
KEEP = Intervention(kind="keep", channel="z_H", keep=("top_k", 1))


@pytest.fixture
def adapter(trial_of: Callable[..., Trial], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "state_writers.py").write_text(FUNCTIONS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return trial_of("hrm").adapter


def test_a_mixture_is_the_usual_way(adapter: Any) -> None:
    assert adapter.under({}) is adapter
    like, logits = torch.ones(1, 2, 32), torch.zeros(1, 2, adapter.vocab_size)
    usual = adapter.write("z_H", logits, like)
    assert torch.equal(adapter.under({"write": "mixture"}).write("z_H", logits, like), usual)


def test_a_function_of_the_users_own_stands_in_its_place(adapter: Any) -> None:
    own = adapter.under({"write": "state_writers:likeliest"})
    logits = torch.eye(adapter.vocab_size)[[7, 3]][None]
    written = own.write("z_H", logits, torch.ones(1, 2, 32))
    assert torch.equal(written[0], adapter.model.get_input_embeddings().weight[[7, 3]])


def test_it_is_what_an_arm_is_recorded_with(adapter: Any) -> None:
    task = ArithmeticChain(lengths=(2,))

    def texts(**sampler: str) -> list[Any]:
        sampling = Sampling(max_new_tokens=4, batch_size=2, sampler=sampler)
        arm = Arm(role="candidate", task="chain", intervention=KEEP)
        batches = record(arm, adapter=adapter, task=task, problems=task.problems(4), sampling=sampling)
        return [rollout.trace.blocks for batch in batches for rollout in batch]

    assert repr(texts()) == repr(texts(write="mixture"))
    assert repr(texts()) != repr(texts(write="state_writers:likeliest"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mixtrue", "no write function is called 'mixtrue'; did you mean 'mixture'?"),
        ("state_writers:gone", "the write function 'state_writers:gone' cannot be imported"),
        ("no_such_module:f", "No module named 'no_such_module'"),
    ],
)
def test_what_cannot_be_had_is_refused(name: str, said: str, adapter: Any) -> None:
    with pytest.raises(UsageError) as caught:
        adapter.under({"write": name})
    assert said in str(caught.value)


def test_a_state_of_another_shape_is_refused(adapter: Any) -> None:
    own = adapter.under({"write": "state_writers:short"})
    with pytest.raises(UsageError, match=r"the write function gives \(1, 2, 1\) for a state of \(1, 2, 32\)"):
        own.write("z_H", torch.zeros(1, 2, adapter.vocab_size), torch.ones(1, 2, 32))
