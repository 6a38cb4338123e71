"""Batches that do not fit are halved, rollouts that raise are kept as errors, and every other one is recorded once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limited_adapters import Limited, out_of_memory

from monitorbench.adapters.base import Adapter
from monitorbench.adapters.factory import load_model
from monitorbench.errors import RolloutError, UsageError
from monitorbench.interventions.intervention import Intervention
from monitorbench.notices import BatchHalved, Notice, RolloutsRaised
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.edited import with_partners
from monitorbench.rollouts.memory import is_lost_device, is_out_of_memory
from monitorbench.rollouts.missing import record_all
from monitorbench.rollouts.reading import StoredRun
from monitorbench.rollouts.recorder import Recording, prepare
from monitorbench.rollouts.store import RunStore
from monitorbench.suite.model import ModelSpec, Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

TASK = ArithmeticChain(lengths=(1, 4))
PROBLEMS = TASK.problems(6)
"""Of two lengths, so that they run at two widths."""
ARM = Arm(role="candidate", task="chain")
ROWS = 12


@pytest.fixture(scope="module")
def models(checkpoints: Path) -> dict[str, Adapter]:
    return {
        name: load_model("candidate", ModelSpec(source=str(checkpoints / name)), device="cpu", dtype="float32").adapter
        for name in ("causal", "diffusion")
    }


def prepared(adapter: Any, arm: Arm = ARM, *, batch_size: int = 8, task: Any = TASK) -> Recording:
    tokens = 2 if adapter.left_to_right else 18
    sampler = {"max_denoising_steps": 2}
    sampling = Sampling(max_new_tokens=tokens, batch_size=batch_size, seeds_per_prompt=2, sampler=sampler)
    return prepare(arm, adapter=adapter, task=task, problems=PROBLEMS, sampling=sampling)


def seeds_of(recording: Recording, places: Sequence[int]) -> set[int]:
    return {recording.rows[place].seed for place in places}


def recorded(recording: Recording, store: RunStore) -> tuple[list[Rollout], list[Notice]]:
    notices = list(record_all([recording], store))
    return store.rollouts(recording.arm), notices


def shuffled(kind: str = "batch-shuffled") -> Arm:
    return replace(ARM, intervention=Intervention(kind=kind, channel="self_conditioning"))


def same(one: Rollout, other: Rollout) -> bool:
    return (one.problem.id, one.repeat, one.tokens, one.status, one.rows) == (
        *(other.problem.id, other.repeat),
        *(other.tokens, other.status, other.rows),
    )


class KeptOnce(RunStore):
    """A store that counts how often each rollout is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = Counter[tuple[str, int]]()

    def keep(self, arm: Arm, facts: str, rows: Sequence[Any], rollouts: Sequence[Rollout], **named: Any) -> None:
        self.counts.update(row.place for row in rows)
        super().keep(arm, facts, rows, rollouts, **named)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bad=st.sets(st.integers(0, ROWS - 1), max_size=7),
    most=st.integers(1, 16),
    batch_size=st.integers(1, 16),
)
def test_whatever_raises_and_however_little_fits_every_other_rollout_is_recorded_once(
    models: dict[str, Adapter], bad: set[int], most: int, batch_size: int
) -> None:
    limited = Limited(models["causal"], most=most)
    recording, store = prepared(limited, batch_size=batch_size), KeptOnce()
    limited.bad = seeds_of(recording, list(bad))
    rollouts, notices = recorded(recording, store)
    assert set(store.counts.values()) == {1}
    assert {(r.problem.id, r.repeat) for r in rollouts} == {row.place for row in recording.rows}
    assert {(r.problem.id, r.repeat) for r in rollouts if r.raised} == {recording.rows[place].place for place in bad}
    size = batch_size
    halvings = 0
    while size > most:
        size, halvings = size // 2, halvings + 1
    assert [n for n in notices if isinstance(n, BatchHalved)] == [
        BatchHalved(arm=ARM.label, rows=batch_size // 2**k, to=batch_size // 2 ** (k + 1)) for k in range(halvings)
    ]
    assert {r.rows for r in rollouts} == {size}
    planned = len(list(recording.batches(recording.rows, size)))
    parts = 2 * len(bad) * max(size - 1, 0).bit_length()
    assert halvings + planned <= len(limited.calls) <= halvings + planned + parts


@pytest.mark.parametrize("kind", ["batch-shuffled", "mean"])
@pytest.mark.parametrize("place", [0, 5, 11])
def test_one_bad_row_costs_no_other_where_rows_see_each_other(
    models: dict[str, Adapter], kind: str, place: int
) -> None:
    limited = Limited(models["diffusion"])
    recording = prepared(limited, shuffled(kind), batch_size=6)
    limited.bad = seeds_of(recording, [place])
    rollouts, _ = recorded(recording, RunStore())
    assert [(r.problem.id, r.repeat) for r in rollouts if r.raised] == [recording.rows[place].place]
    assert len(rollouts) == ROWS


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bad=st.sets(st.integers(0, ROWS - 1), max_size=4), most=st.sampled_from([2, 3, 6]))
def test_rows_that_see_each_other_are_all_told_of_too(models: dict[str, Adapter], bad: set[int], most: int) -> None:
    limited = Limited(models["diffusion"], most=most)
    recording, store = prepared(limited, shuffled(), batch_size=6), KeptOnce()
    limited.bad = seeds_of(recording, list(bad))
    try:
        rollouts, _ = recorded(recording, store)
    except RolloutError:
        assert len(bad) > 1, "no two prompts were left that come to an end side by side"
        return
    assert set(store.counts.values()) == {1}
    raised = {(r.problem.id, r.repeat) for r in rollouts if r.raised}
    assert len(rollouts) == ROWS
    assert {recording.rows[place].place for place in bad} <= raised, "an innocent neighbour may be among them"
    assert all(r.rows % 2 == 0 for r in rollouts), "so that any two prompts can be dealt out"


def test_a_pair_stays_a_pair(models: dict[str, Adapter]) -> None:
    limited = Limited(models["diffusion"], most=4)
    pairs = with_partners(prepared(limited, shuffled("interchange")), TASK.counterfactual, name="pairs", seed=0)
    limited.bad = {pairs.rows[3].seed}
    rollouts, _ = recorded(pairs, RunStore())
    assert len(rollouts) == 2 * ROWS
    assert {(r.problem.id, r.repeat) for r in rollouts if r.raised} == {row.place for row in pairs.rows[2:4]}
    assert {r.rows for r in rollouts} == {4}


def test_what_raised_is_kept_with_its_reason_and_told(models: dict[str, Adapter], tmp_path: Path) -> None:
    limited = Limited(models["causal"])
    recording = prepared(limited)
    limited.bad = seeds_of(recording, [0, 7])
    with RunStore(tmp_path) as store:
        rollouts, notices = recorded(recording, store)
    raised = [rollout for rollout in rollouts if rollout.raised]
    assert [(r.text, r.tokens, r.status, r.finished, len(r.trace.blocks)) for r in raised] == [
        ("", (), "error", False, 0)
    ] * 2
    (why,) = {rollout.error for rollout in raised}
    assert why.startswith("ValueError: the row is (limited_adapters.py:")
    assert sum(n.rollouts for n in notices if isinstance(n, RolloutsRaised)) == 2
    stored = StoredRun(tmp_path).rollouts.values()
    assert [one.error for one in stored if one.status == "error"] == [why, why]


def test_a_later_run_tries_again_what_raised_and_nothing_else(models: dict[str, Adapter], tmp_path: Path) -> None:
    whole, _ = recorded(prepared(models["causal"]), RunStore())
    for kind, arm in (("causal", ARM), ("diffusion", shuffled())):
        folder, faulty, sound = tmp_path / kind, Limited(models[kind]), Limited(models[kind])
        recording = prepared(faulty, arm)
        faulty.bad = seeds_of(recording, [4])
        with RunStore(folder) as store:
            assert sum(r.raised for r in recorded(recording, store)[0]) == 1
        with RunStore(folder) as store:
            rollouts, _ = recorded(prepared(sound, arm), store)
            assert not any(rollout.raised for rollout in rollouts)
        assert sound.done == 1
        if arm == ARM:
            assert all(map(same, rollouts, whole))
        with RunStore(folder) as store:
            recorded(prepared(sound, arm), store)
        assert sound.done == 1, "then all is there"
        assert all(one.status != "error" for one in StoredRun(folder).rollouts.values() if arm == ARM)


def test_a_run_that_still_fails_generates_nothing_anew_that_is_there(
    models: dict[str, Adapter], tmp_path: Path
) -> None:
    for kind, arm in (("causal", ARM), ("diffusion", shuffled())):
        limited = Limited(models[kind], most=6)
        recording = prepared(limited, arm)
        limited.bad = seeds_of(recording, [4])
        with RunStore(tmp_path / kind) as store:
            before, _ = recorded(recording, store)
        first = len(limited.calls)
        limited.done = 0
        limited.calls.clear()
        with RunStore(tmp_path / kind) as store:
            after, notices = recorded(recording, store)
        assert all(map(same, before, after))
        assert limited.done == 0
        assert len(limited.calls) < first, "the one that raises, down from its batch"
        assert not any(isinstance(notice, BatchHalved) for notice in notices), "it knows what does not fit"


@pytest.mark.parametrize(("kind", "arm"), [("causal", ARM), ("diffusion", shuffled())])
def test_a_run_that_is_killed_after_it_was_halved_goes_on_where_it_was(
    models: dict[str, Adapter], tmp_path: Path, kind: str, arm: Arm
) -> None:
    whole = Limited(models[kind], most=5)
    unbroken, _ = recorded(prepared(whole, arm), RunStore())
    done = 0
    for stop in range(1, 6):
        killed = Limited(models[kind], most=5, stop_after=1)
        with RunStore(tmp_path) as store:
            try:
                rollouts, _ = recorded(prepared(killed, arm), store)
                break
            except KeyboardInterrupt:
                assert stop < 5
        done += killed.done
    assert all(map(same, rollouts, unbroken))
    assert done + killed.done == whole.done, "each batch once"


def test_what_ran_in_smaller_batches_is_what_a_suite_of_smaller_batches_asks_for(
    models: dict[str, Adapter], tmp_path: Path
) -> None:
    limited, sound = Limited(models["causal"], most=4), Limited(models["causal"])
    with RunStore(tmp_path) as store:
        halved, _ = recorded(prepared(limited, batch_size=8), store)
    with RunStore(tmp_path) as store:
        declared, _ = recorded(prepared(sound, batch_size=4), store)
    assert sound.done == 0
    assert all(map(same, halved, declared))
    with RunStore(tmp_path, fresh=True) as store:
        anew, _ = recorded(prepared(sound, batch_size=8), store)
    assert {rollout.rows for rollout in anew} == {8}, "fresh forgets that they did not fit"


def test_the_rest_of_the_run_goes_on_at_the_smaller_size(models: dict[str, Adapter]) -> None:
    limited = Limited(models["diffusion"], most=5)
    arms = [ARM, shuffled("identity"), shuffled("keep-everything"), shuffled("zero"), shuffled()]
    recordings, store = [replace(prepared(limited, arms[1]), arm=arm) for arm in arms], RunStore()
    notices = list(record_all(recordings, store))
    assert [notice for notice in notices if isinstance(notice, BatchHalved)] == [
        BatchHalved(arm=ARM.label, rows=8, to=4)
    ]
    assert {r.rows for arm in arms for r in store.rollouts(arm)} == {4}
    soft, identity = (store.rollouts(arm) for arm in arms[:2])
    assert all(a.tokens == b.tokens for a, b in zip(soft, identity, strict=True))


def test_only_what_cannot_be_smaller_is_an_error(models: dict[str, Adapter]) -> None:
    with pytest.raises(UsageError) as caught:
        recorded(prepared(Limited(models["causal"], most=0)), RunStore())
    assert str(caught.value) == (
        "candidate on chain, as it is: a single row does not fit on the device; "
        "lower sampling.max_new_tokens, or use a device with more memory"
    )
    with pytest.raises(UsageError, match="the 2 rows that have to run side by side do not fit on the device"):
        recorded(prepared(Limited(models["diffusion"], most=1), shuffled()), RunStore())


def wrapped() -> Exception:
    error = ValueError("the model broke down")
    error.__cause__ = out_of_memory()
    return error


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (out_of_memory, True),
        (MemoryError, True),
        (partial(RuntimeError, "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (partial(RuntimeError, "CUDA error: out of memory"), True),
        (partial(RuntimeError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (partial(RuntimeError, "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"), True),
        (partial(OSError, 12, "Cannot allocate memory"), True),
        (wrapped, True),
        (partial(RuntimeError, "The size of tensor a (3) must match the size of tensor b (4)"), False),
        (partial(ValueError, "out of memory"), False),
        (partial(RuntimeError, "CUDA error: device-side assert triggered"), False),
    ],
)
def test_a_want_of_memory_is_told_from_other_failures(
    models: dict[str, Adapter], error: Callable[[], Exception], lacks: bool
) -> None:
    assert is_out_of_memory(error()) == lacks
    if lacks:
        limited = Limited(models["causal"], most=6, lack=error)
        rollouts, _ = recorded(prepared(limited, batch_size=12), RunStore())
        assert {rollout.rows for rollout in rollouts} == {6}


def test_the_allocator_of_this_machine_is_understood() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**62, dtype=torch.int8)
    assert is_out_of_memory(caught.value)
    assert not is_lost_device(caught.value)


def test_where_every_rollout_raises_the_run_ends_early(models: dict[str, Adapter]) -> None:
    limited = Limited(models["causal"], fault=lambda: AttributeError("a bug"))
    recording = prepared(limited, batch_size=12)
    limited.bad = {row.seed for row in recording.rows}
    with pytest.raises(RolloutError) as caught:
        recorded(recording, RunStore())
    assert str(caught.value).startswith(
        "candidate on chain, as it is: the first 8 rollouts raised, the last of them AttributeError: a bug ("
    )
    assert len(limited.calls) < 20


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UsageError("such a setting is not known"), UsageError),
        (RuntimeError("CUDA error: device-side assert triggered"), RolloutError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (SystemExit(3), SystemExit),
    ],
)
def test_what_is_no_matter_of_a_row_ends_the_run_at_once(
    models: dict[str, Adapter], error: BaseException, kind: type[BaseException]
) -> None:
    def fault() -> BaseException:
        return error

    limited = Limited(models["causal"], fault=fault)
    recording = prepared(limited)
    limited.bad = seeds_of(recording, [0])
    with pytest.raises(kind):
        recorded(recording, RunStore())
    assert len(limited.calls) == limited.done + 1


class Regraded:
    """A task whose grader breaks down on some problems."""

    def __init__(self, breaks: Callable[[str], bool]) -> None:
        self.breaks = breaks

    def __getattr__(self, name: str) -> Any:
        return getattr(TASK, name)

    def grade(self, problem: Any, text: str) -> Any:
        if self.breaks(problem.id):
            raise UsageError("the grader my.module:grade breaks down: KeyError: 'x'", fix="mend the function")
        return TASK.grade(problem, text)


def test_a_grader_that_breaks_down_costs_the_rollouts_that_it_breaks_down_on(models: dict[str, Adapter]) -> None:
    limited, name = Limited(models["causal"]), PROBLEMS[1].id
    rollouts, _ = recorded(prepared(limited, task=Regraded(lambda problem: problem == name)), RunStore())
    assert {r.problem.id: r.error for r in rollouts if r.raised} == {
        name: "the grader my.module:grade breaks down: KeyError: 'x'; mend the function"
    }
    assert limited.done == len(limited.calls), "nothing is generated again"
    with pytest.raises(RolloutError, match=r"my\.module:grade breaks down"):
        recorded(prepared(limited, task=Regraded(bool)), RunStore())
