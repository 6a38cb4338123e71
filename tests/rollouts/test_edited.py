"""A second look at an arm: each rollout once more with an edit of its own, stored under a key that holds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from monitorbench.adapters.base import Adapter
from monitorbench.adapters.factory import load_model
from monitorbench.errors import UsageError
from monitorbench.interventions.clamp import Clamp
from monitorbench.interventions.intervention import Intervention
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.edited import edited, under, with_partners
from monitorbench.rollouts.missing import record_all
from monitorbench.rollouts.recorder import Recording, prepare
from monitorbench.rollouts.store import RunStore
from monitorbench.suite.model import ModelSpec, Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

TASK = ArithmeticChain(lengths=(1, 4))
PROBLEMS = TASK.problems(4)
FACTS = '{"arm":{"intervention":{"kind":"none"},"neighbours":0},"weights":"w"}'


@pytest.fixture(scope="module")
def adapters(checkpoints: Path) -> dict[str, Adapter]:
    return {
        name: load_model("candidate", ModelSpec(source=str(checkpoints / name)), device="cpu", dtype="float32").adapter
        for name in ("diffusion", "causal")
    }


def prepared(adapter: Adapter, **sampling: int) -> Recording:
    settings = replace(Sampling(max_new_tokens=18, batch_size=3, seeds_per_prompt=2), **sampling)
    base = prepare(
        Arm(role="candidate", task="chain"), adapter=adapter, task=TASK, problems=PROBLEMS, sampling=settings
    )
    return replace(base, facts=FACTS)


def test_equal_edits_are_recorded_once_whatever_the_arms_are_called(
    adapters: dict[str, Adapter], tmp_path: Path
) -> None:
    base = prepared(adapters["causal"])
    clamp = Clamp(step=0, positions=(0, 3), tokens=(9, 9))
    places = [row.place for row in base.rows]
    with RunStore(tmp_path) as store:
        list(record_all([base], store))
        first = edited(base, "first", dict.fromkeys(places[:3], clamp))
        list(record_all([first], store))
        again = edited(base, "again", dict.fromkeys(places[:2], clamp) | {places[2]: replace(clamp, tokens=(9, 8))})
        starts = [notice for notice in record_all([again], store) if hasattr(notice, "reused")]
        assert [(notice.reused, notice.rollouts) for notice in starts] == [(2, 3)]
        found = store.rollouts(first.arm)
        assert len(found) == 3
        assert all((rollout.tokens[0], rollout.tokens[3]) == (9, 9) for rollout in found)
        own = {(rollout.problem.id, rollout.repeat): rollout.tokens for rollout in store.rollouts(base.arm)}
        assert all(own[rollout.problem.id, rollout.repeat] != rollout.tokens for rollout in found)


@pytest.mark.parametrize("name", ["causal", "diffusion"])
def test_an_edit_that_does_nothing_changes_nothing(adapters: dict[str, Adapter], name: str) -> None:
    base, store = prepared(adapters[name]), RunStore()
    again = edited(base, "again", {row.place: Clamp(step=0) for row in base.rows})
    list(record_all([base, again], store))
    assert [r.tokens for r in store.rollouts(base.arm)] == [r.tokens for r in store.rollouts(again.arm)]


def test_continuations_share_what_came_before_and_draw_anew_from_there(adapters: dict[str, Adapter]) -> None:
    base, store = prepared(adapters["diffusion"]), RunStore()
    place = base.rows[0].place
    several = edited(base, "several", {place: [Clamp(step=1), *(Clamp(step=1, reseed=seed) for seed in (5, 6))]})
    list(record_all([base, several], store))
    own = store.rollouts(base.arm)[[(r.problem.id, r.repeat) for r in store.rollouts(base.arm)].index(place)]
    found = store.rollouts(several.arm)
    assert [rollout.repeat for rollout in found] == [0, 1, 2]
    assert found[0].tokens == own.tokens
    assert len({rollout.tokens for rollout in found}) == 3
    before = [rollout.trace.blocks[0].tokens_SP[:2].tolist() for rollout in (own, *found)]
    assert all(each == before[0] for each in before)


def test_pairs_stand_next_to_each_other_in_every_batch(adapters: dict[str, Adapter]) -> None:
    base = prepared(adapters["diffusion"], batch_size=5)
    pairs = with_partners(base, TASK.counterfactual, name="pairs", seed=0)
    swapped = under(pairs, Intervention(kind="swap", canvas=True, step=1))
    assert '"kind":"swap"' in swapped.facts
    assert '"weights":"w"' in swapped.facts
    kept = []
    for batch in swapped.batches(swapped.rows):
        assert len(batch.rows) == 5
        assert batch.real % 2 == 0
        for first, second in zip(batch.kept[::2], batch.kept[1::2], strict=True):
            assert second.problem == TASK.counterfactual(first.problem)
            kept += [first.place, second.place]
    assert sorted(kept) == sorted(row.place for row in pairs.rows)
    with pytest.raises(UsageError, match="need partners; raise batch_size to 2 or more"):
        under(replace(pairs, batch_size=1), Intervention(kind="swap", canvas=True))


def test_rows_that_see_each_other_cannot_be_edited_one_by_one(adapters: dict[str, Adapter]) -> None:
    mixed = under(prepared(adapters["diffusion"]), Intervention(kind="batch-shuffled", channel="self_conditioning"))
    with pytest.raises(UsageError, match="cannot be edited one by one; edit the arm as it is"):
        edited(mixed, "edited", {})
