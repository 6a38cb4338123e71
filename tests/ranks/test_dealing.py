"""Batches are dealt to ranks, here threads of one process, and come to what they come to in one."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitorbench.errors import UsageError
from monitorbench.notices import ArmStarted, BatchHalved, Notice, RolloutsRaised, RunDone
from monitorbench.planning import vocabulary
from monitorbench.ranks import follower as following
from monitorbench.ranks import leader as leading
from monitorbench.ranks.environment import Ranks
from monitorbench.ranks.follower import Follower
from monitorbench.ranks.leader import Leader, RankLostError, batch_name, claimed, result_name
from monitorbench.ranks.post import Post
from monitorbench.ranks.wire import batch_from_bytes, rollouts_to_bytes
from monitorbench.report.codec import to_json
from monitorbench.report.model import Report
from monitorbench.rollouts.memory import DoesNotFitError
from monitorbench.rollouts.recorder import run_batch
from monitorbench.runner import Models, finished, follow, load_models, run
from monitorbench.suite.loader import load
from monitorbench.suite.model import Suite

TEXT = """\
schema_version: 1
name: dealt
model: {folder}/diffusion
device: cpu
tasks:
  chain: {{family: arithmetic-chain, n: 9, lengths: [2]}}
sampling: {{max_new_tokens: 18, batch_size: 3, sampler: {{max_denoising_steps: 3}}}}
defaults: {{task: chain}}
checks:
  - {{id: order, check: chronology-score, metric: order.gamma, min: 0}}
  - {{id: b, check: bottleneck-drop, channel: self_conditioning, keep: {{top_k: 8}}, max_drop: 0.1}}
"""


CAUSAL = """\
schema_version: 1
name: causal
model: zoo:diffusion-chain
device: cpu
tasks:
  chain: {family: arithmetic-chain, n: 6, lengths: [2]}
sampling: {max_new_tokens: 18, batch_size: 3, sampler: {max_denoising_steps: 3}}
defaults: {task: chain}
checks:
  - {id: revision, check: chronology-score, metric: revision.rate, max: 0.9, causal: true}
"""


@pytest.fixture(scope="module")
def suite(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    path = tmp_path_factory.mktemp("suites") / "s.yaml"
    path.write_text(TEXT.format(folder=checkpoints), encoding="utf-8")
    return load(path, vocabulary())


@pytest.fixture(scope="module")
def models(suite: Suite) -> tuple[Models, Models]:
    """Those of the two ranks. Transformers cannot load two models at once in one process."""
    one, other = (finished(load_models(suite, "cpu")) for _ in range(2))
    return one, other


@contextmanager
def helped(post: Post, suite: Suite, models: Models) -> Iterator[list[Exception]]:
    """A second rank, in a thread; what it raised."""
    raised: list[Exception] = []

    def work() -> None:
        try:
            follow(suite, Follower(Ranks(rank=1, size=2), post.copy()), models=models)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    yield raised
    thread.join(60)
    assert not thread.is_alive()


def facts(report: Any) -> str:
    return json.dumps({name: part for name, part in to_json(report).items() if name != "run"})


def report_of(suite: Suite, models: Models, post: Post | None = None, *, told: list[Any] | None = None) -> str:
    """The report of a suite, run by this process or led by it."""
    if post is None:
        *_, done = run(suite, models=models)
    else:
        with Leader(Ranks(rank=0, size=2), post.copy()) as leader:
            *before, done = run(suite, leader=leader, models=models)
            (told if told is not None else []).extend(before)
    assert isinstance(done, RunDone)
    assert isinstance(done.report, Report)
    return facts(done.report)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many batches each of the two ran."""
    count: Counter[str] = Counter()

    def counting(who: str) -> Callable[..., Any]:
        def counted(group: Any, batch: Any) -> Any:
            count[who] += 1
            return run_batch(group, batch)

        return counted

    monkeypatch.setattr(leading, "run_batch", counting("leader"))
    monkeypatch.setattr(following, "run_batch", counting("follower"))
    return count


@pytest.fixture(scope="module")
def whole(suite: Suite, models: tuple[Models, Models]) -> str:
    return report_of(suite, models[0])


def test_two_ranks_come_to_the_report_of_one(
    suite: Suite, whole: str, models: tuple[Models, Models], post: Post, runs: Counter[str]
) -> None:
    with helped(post, suite, models[1]) as raised:
        assert report_of(suite, models[0], post) == whole
    assert not raised
    assert runs["leader"]
    assert runs["follower"]


def test_a_rank_that_never_comes_is_not_waited_for(
    suite: Suite, whole: str, models: tuple[Models, Models], post: Post
) -> None:
    assert report_of(suite, models[0], post) == whole


def test_a_sequential_run_stops_where_it_stops_in_one_process(
    suite: Suite, models: tuple[Models, Models], post: Post
) -> None:
    sequential = replace(suite, sampling=replace(suite.sampling, sequential=True))
    with helped(post, sequential, models[1]) as raised:
        assert report_of(sequential, models[0], post) == report_of(sequential, models[0])
    assert not raised


def test_what_rests_on_what_came_out_is_dealt_too(tmp_path: Path, post: Post, runs: Counter[str]) -> None:
    """Rollouts are edited in the light of what they came to, which only the leader knows."""
    (tmp_path / "s.yaml").write_text(CAUSAL, encoding="utf-8")
    causal = load(tmp_path / "s.yaml", vocabulary())
    models = [finished(load_models(causal, "cpu")) for _ in range(2)]
    alone = report_of(causal, models[0])
    with helped(post, causal, models[1]) as raised:
        assert report_of(causal, models[0], post) == alone
    assert not raised
    assert runs["leader"]
    assert runs["follower"]


def test_rows_that_raise_elsewhere_are_found_by_the_leader(
    suite: Suite, models: tuple[Models, Models], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(group: Any, batch: Any) -> Any:
        if any(row.problem.id == bad for row in batch.rows):
            raise ValueError("no")
        return run_batch(group, batch)

    bad, told = sorted(problem_ids(suite))[0], list[Any]()
    monkeypatch.setattr("monitorbench.rollouts.recorder.run_batch", failing)
    alone = report_of(suite, models[0])
    monkeypatch.setattr(leading, "run_batch", failing)
    monkeypatch.setattr(following, "run_batch", failing)
    with helped(post, suite, models[1]) as raised:
        assert report_of(suite, models[0], post, told=told) == alone
    assert not raised
    assert {notice.why.partition(" (")[0] for notice in told if isinstance(notice, RolloutsRaised)} == {
        "ValueError: no"
    }


def test_a_batch_that_does_not_fit_is_halved_for_all(
    suite: Suite, models: tuple[Models, Models], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitting(group: Any, batch: Any) -> Any:
        if len(batch.rows) > 2:
            raise DoesNotFitError("too large")
        return run_batch(group, batch)

    monkeypatch.setattr(leading, "run_batch", fitting)
    monkeypatch.setattr(following, "run_batch", fitting)
    wide = replace(suite, sampling=replace(suite.sampling, batch_size=4))
    narrow = replace(suite, sampling=replace(suite.sampling, batch_size=2))
    told: list[Any] = []
    with helped(post, wide, models[1]) as raised:
        found = json.loads(report_of(wide, models[0], post, told=told))
    assert not raised
    assert [(notice.rows, notice.to) for notice in told if isinstance(notice, BatchHalved)] == [(4, 2)]
    expected = json.loads(report_of(narrow, models[0]))
    assert [check["estimate"] for check in found["checks"]] == [check["estimate"] for check in expected["checks"]]


def test_a_rank_that_computes_otherwise_does_not_help(
    suite: Suite, models: tuple[Models, Models], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    hotter = replace(suite, sampling=replace(suite.sampling, sampler={"max_denoising_steps": 4}))
    with helped(post, hotter, models[1]) as raised:
        report_of(suite, models[0], post)
    (error,) = raised
    assert isinstance(error, UsageError)
    assert "limits.sampler.max_denoising_steps is 4 here, and 3 on rank 0" in str(error)


def test_a_rank_that_is_lost_ends_the_run_and_what_was_finished_is_kept(
    suite: Suite, models: tuple[Models, Models], whole: str, post: Post, tmp_path: Path
) -> None:
    """The leader learns of it in the midst of a batch of its own; what others had finished lies there for it."""
    store = tmp_path / "store"
    leader = Leader(Ranks(rank=0, size=2), post.copy())
    found: list[Notice] = []

    def lost_in_the_midst(group: Any, batch: Any) -> Any:
        job = post.add("jobs", 0)
        for index in claimed(post, job, [0] * len(group[0].rows), Ranks(rank=1, size=2)):
            if not post.has(batch_name(job, index)):
                break
            theirs = batch_from_bytes(post.take(batch_name(job, index)))
            post.put(result_name(job, index), rollouts_to_bytes(run_batch(group, theirs)))
        leader._alarm("rank 1 died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leading, "run_batch", lost_in_the_midst)
        with pytest.raises(RankLostError) as lost, leader:
            found.extend(run(suite, store=store, leader=leader, models=models[0]))
    assert str(lost.value).startswith("rank 1 died; 6 rollouts that this run recorded are kept; run it again, ")
    told = list(run(suite, store=store, models=models[0]))
    assert sum(notice.reused for notice in told if isinstance(notice, ArmStarted)) == 6
    assert isinstance(told[-1], RunDone)
    assert facts(told[-1].report) == whole


def test_each_batch_is_claimed_once_and_those_of_a_prompt_by_one_rank(post: Post) -> None:
    orders = [0, 1, 2, 0, 1, 2]
    first, second = (claimed(post, 1, orders, Ranks(rank=rank, size=2)) for rank in (0, 1))
    assert [next(first), next(second), next(first), next(second)] == [0, 1, 2, 4]
    assert [*first, *second] == [3, 5]


def problem_ids(suite: Suite) -> list[str]:
    from monitorbench.planning import build_task

    spec = suite.tasks["chain"]
    return [problem.id for problem in build_task(spec, {}).problems(spec.n)]
