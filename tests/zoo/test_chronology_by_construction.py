"""Chronology of a model that writes from left to right: measured on real rollouts what has to hold by construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from monitorbench.adapters.base import Adapter
from monitorbench.adapters.factory import load_model
from monitorbench.checks.chronology_scales import IF_OBEYED, LEFT_TO_RIGHT
from monitorbench.checks.chronology_values import Measured, Recorded, by_construction, measure
from monitorbench.interventions.intervention import Intervention
from monitorbench.metrics.times import acceptance_times, commit_times, determination_times, mid_ranks
from monitorbench.rollouts.arm import Rollout
from monitorbench.suite.model import ModelSpec
from monitorbench.tasks.arithmetic_chain import ArithmeticChain
from monitorbench.zoo.measure import SAMPLING, rollouts

pytestmark = pytest.mark.slow
TASK = ArithmeticChain(lengths=(2, 3), seed=1)
N = 40


@cache
def adapter(model: str) -> Adapter:
    return load_model("candidate", ModelSpec(source=f"zoo:{model}"), device="cpu", dtype="float32").adapter


def by_prompt(model: str, task: ArithmeticChain, *, batch_size: int = 40) -> Mapping[str, Sequence[Rollout]]:
    sampling = replace(SAMPLING, batch_size=batch_size)
    found = rollouts(adapter(model), task, N, intervention=Intervention(), sampling=sampling)
    return {rollout.problem.id: [rollout] for rollout in found}


@cache
def crossed(model: str, batch_size: int = 40) -> Recorded:
    forms = (TASK, replace(TASK, order="reversed"), replace(TASK, answer="answer-first"))
    base, order, place = (by_prompt(model, form, batch_size=batch_size) for form in forms)
    return Recorded(base=base, other_order=order, other_place=place)


def test_what_holds_by_construction_is_what_is_measured() -> None:
    """Gamma, resolved share and AR-ness 1, no revision; dependency and precedence are all position and no content."""
    measured = measure(crossed("ar-chain"))
    assert by_construction(True, measured) == {**LEFT_TO_RIGHT, **IF_OBEYED}
    for name, due in {**LEFT_TO_RIGHT, **IF_OBEYED}.items():
        if name.startswith("precedence.matched"):
            assert not measured[name].values, "a chain is too short for that control"
        else:
            assert set(measured[name].values) == {due}
    assert all(measured[name].n == N for name in ("order.gamma", "ar_ness.local", "revision.rate"))
    assert measured["precedence.content"].n >= 0.9 * N
    # Asked for the reversed text, the model states few right values; enough of them to have seen edges in both texts.
    assert measured["dependency.content"].n >= 0.25 * N


def test_its_early_answers_would_have_to_be_forced() -> None:
    assert measure(crossed("ar-chain"))["early_answer"].dropped == {
        "the answer slot is not predicted from the start: early answers have to be forced": N
    }


def test_it_commits_one_position_a_call_on_every_clock() -> None:
    for (rollout,) in crossed("ar-chain").base.values():
        (block,) = rollout.trace.blocks
        text = np.arange(len(rollout.tokens))
        for clock in (determination_times, commit_times, acceptance_times):
            times_P = clock(block)[block.content_P]
            assert times_P.tolist() == text.tolist()
            assert mid_ranks(times_P).tolist() == (text + 1).tolist()


@pytest.mark.parametrize("model", ["ar-chain", "diffusion-chain"])
def test_recording_in_other_batches_gives_the_same_scores(model: str) -> None:
    one, other = (measure(crossed(model, batch_size)) for batch_size in (40, 24))
    assert one == other


def test_a_diffusion_model_has_what_left_to_right_decoding_lacks() -> None:
    """Content in dependency order; an answer that can be read early, and comes neither at the start nor at the end."""
    measured = measure(crossed("diffusion-chain"))
    assert mean(measured["dependency.content"]) > 0.2
    assert abs(mean(measured["ar_ness.local"])) < 0.1
    early = measured["early_answer"]
    assert early.per is not None
    assert 0.3 < mean(early) / (sum(early.per) / len(early.per)) < 1.1


def mean(found: Measured) -> float:
    return sum(found.values) / found.n
