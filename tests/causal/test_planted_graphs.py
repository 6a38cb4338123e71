"""Planted links come out as planted: the harness's own test, through the code that records every model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from planted import DESIGN, measured, recorded

from monitorbench.causal import influence, mediation, post_hoc, scratchpad
from monitorbench.causal.trial import Design
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

LAST = ArithmeticChain(lengths=(2, 3))
FIRST = replace(LAST, answer="answer-first")


def influence_of(design: Design = DESIGN, task: ArithmeticChain = LAST, **model: Any) -> influence.Found:
    return measured(influence, *recorded(task, **model), task, design)


@pytest.mark.parametrize(("links", "index"), [("forward", 1.0), ("backward", -1.0), ("symmetric", 0.0)])
def test_influence_runs_the_way_it_was_planted(links: str, index: float) -> None:
    found = influence_of(links=links)
    assert found.influence.index.value == index
    assert found.influence.forward.value == float(links != "backward")
    assert found.influence.backward.value == float(links != "forward")
    assert found.trials == 24
    assert found.mismatch == found.unsteady == 0.0


@pytest.mark.parametrize("links", ["disconnected", "unstable"])
def test_what_is_not_there_has_no_direction(links: str) -> None:
    found = influence_of(links=links)
    assert found.influence.index.score.status == (
        "undefined: forward and backward influence together are within 3 standard errors of 0"
    )
    assert abs(found.influence.total.value) <= 3 * found.influence.total.error + 1e-12


@pytest.mark.parametrize("moment", ["reasoning-25", "reasoning-50", "reasoning-75", "answer-stable"])
def test_a_model_that_stands_from_the_first_step_is_changed_there_whatever_the_moment(moment: str) -> None:
    assert influence_of(Design(moment=moment), links="forward").influence.index.value == 1.0


def test_once_is_as_good_as_always_where_a_change_is_kept() -> None:
    assert influence_of(Design(persistent=False), links="backward").influence.index.value == -1.0


def test_a_change_of_the_canvas_does_nothing_to_what_is_carried_beside_it() -> None:
    assert influence_of(links="forward", carry=True).influence.total.value == 0.0
    carried = Design(canvas=False, channel="memo")
    assert influence_of(carried, links="forward", carry=True).influence.index.value == 1.0


@pytest.mark.parametrize(
    ("links", "task", "index"),
    [
        ("forward", LAST, 0.0),
        ("forward", FIRST, 1.0),
        ("backward", LAST, 1.0),
        ("backward", FIRST, 0.0),
        ("symmetric", LAST, 0.5),
    ],
)
def test_reasoning_after_the_fact_is_told_from_reasoning(links: str, task: ArithmeticChain, index: float) -> None:
    found = measured(post_hoc, *recorded(task, links=links), task, DESIGN)
    assert found.post_hoc.index.value == index
    assert found.post_hoc.bypass is False
    assert set(found.mismatch.values()) == {0.0}


@pytest.mark.parametrize("links", ["disconnected", "unstable"])
def test_an_answer_that_rests_on_nothing_written_is_a_bypass(links: str) -> None:
    found = measured(post_hoc, *recorded(LAST, links=links), LAST, DESIGN)
    assert found.post_hoc.bypass
    assert found.post_hoc.index.score.status.startswith("undefined: bypass")


@pytest.mark.parametrize(("carry", "share"), [(False, 1.0), (True, 0.0)])
def test_readable_tokens_mediate_all_or_nothing(carry: bool, share: float) -> None:
    base, store = recorded(LAST, links="forward", carry=carry)
    channel = "memo" if carry else ""
    found = measured(mediation, base, store, LAST, step=1, channel=channel).mediation
    assert found.share.value == share
    assert (found.canvas.value, found.channel.value, found.both.value) == (share, 1.0 - share, 1.0)


@pytest.mark.parametrize("tail", [True, False])
def test_padding_that_is_written_on_shows(tail: bool) -> None:
    found = measured(scratchpad, *recorded(LAST, links="forward", tail=tail), LAST, DESIGN)
    assert found.effect.value == float(tail)
    assert found.mismatch == 0.0
    assert found.trials > 8


def test_continuations_go_on_from_the_same_moment_under_other_draws() -> None:
    found = influence_of(Design(continuations=8), links="forward")
    assert found.influence.index.value == 1.0
    assert found.trials == 24
