"""What has to hold exactly of real models, on reference checkpoints."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from planted import DESIGN, measured, of_adapter

from monitorbench.adapters.factory import load_model
from monitorbench.causal import influence, mediation, order, post_hoc, scratchpad
from monitorbench.causal.trial import Design
from monitorbench.metrics.influence import Influence
from monitorbench.rollouts.recorder import Recording
from monitorbench.rollouts.store import RunStore
from monitorbench.suite.model import ModelSpec
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

pytestmark = pytest.mark.slow
LAST = ArithmeticChain(lengths=(2, 3), seed=1)
POST_HOC = ArithmeticChain(lengths=(2, 3), seed=1, order="reversed", answer="answer-first")
"""The first value stated is the answer once more: what a model writes there may be no more than a copy of it."""


@cache
def run(name: str, task: ArithmeticChain = LAST, n: int = 24, **sampler: Any) -> tuple[Recording, RunStore]:
    adapter = load_model("candidate", ModelSpec(source=f"zoo:{name}"), device="cpu", dtype="float32").adapter
    settings = {"batch_size": 24, "sampler": sampler} if sampler else {"batch_size": 24}
    return of_adapter(adapter, task, task.problems(n), **settings)


@cache
def influence_of(name: str, design: Design = DESIGN) -> influence.Found:
    return measured(influence, *run(name), LAST, design)


def test_an_autoregressive_model_has_no_backward_influence_at_all() -> None:
    found = influence_of("ar-chain")
    assert (found.influence.backward.value, found.influence.backward.error) == (0.0, 0.0)
    assert found.influence.index.value == 1.0
    assert found.influence.forward.value > 0.9
    assert found.mismatch == 0.0, "its own tokens forced upon it change nothing"
    assert found.unsteady == 0.0, "it draws nothing"


def test_its_answer_rests_on_its_reasoning_where_that_comes_first() -> None:
    found = measured(post_hoc, *run("ar-chain"), LAST, DESIGN).post_hoc
    assert (found.index.value, found.index.error) == (0.0, 0.0)
    assert found.answer_from_reasoning.value > 0.9


def test_its_reasoning_rests_on_its_answer_where_that_comes_first() -> None:
    found = measured(post_hoc, *run("ar-chain", POST_HOC, 60), POST_HOC, DESIGN).post_hoc
    assert (found.index.value, found.index.error) == (1.0, 0.0)
    assert found.answer_from_reasoning.value == 0.0


def test_nothing_stands_behind_its_end() -> None:
    base, store = run("ar-chain")
    assert measured(scratchpad, base, store, LAST, DESIGN).trials == 0
    assert scratchpad.trials(store.rollouts(base.arm), LAST, DESIGN) == []


def test_what_it_has_read_stays_as_it_is() -> None:
    found = influence_of("ar-chain", Design(moment="answer-stable"))
    assert found.influence.total.value == 0.0, "the answer comes last: all that could be changed is written by then"


def test_a_canvas_that_is_never_taken_back_mediates_all_where_nothing_else_is_carried() -> None:
    base, store = run("masked-chain", remasking="confidence")
    found = measured(mediation, base, store, LAST, step=10, channel="").mediation
    assert (found.share.value, found.share.error) == (1.0, 0.0)
    assert found.both.value > 0.2


def test_the_masked_model_reasons_forward_on_its_canvas() -> None:
    base, store = run("masked-chain", remasking="confidence")
    found = measured(influence, base, store, LAST, DESIGN)
    assert found.influence.index.value == pytest.approx(1.0, abs=0.05)


def test_its_accuracy_depends_on_the_order_in_which_it_may_commit() -> None:
    base, store = run("masked-chain", remasking="confidence")
    found = measured(order, base, store)
    assert found.trials == 24
    assert found.accuracy["left-to-right"] >= found.accuracy["free"]
    assert found.accuracy["left-to-right"] > 0.9


@pytest.mark.parametrize(
    "design", [DESIGN, Design(canvas=False, channel="self_conditioning")], ids=lambda design: design.label
)
def test_the_diffusion_model_reads_no_value_of_its_canvas(design: Design) -> None:
    found = influence_of("diffusion-chain", design).influence
    assert all(abs(getattr(found, name).value) < 0.1 for name in ("forward", "backward"))
    assert found.index.score.value is None
    assert isinstance(found, Influence)
