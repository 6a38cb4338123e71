"""What a second run finds of the first: everything that nothing has changed for, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from monitorbench.notices import ArmStarted, Notice, RolloutsDone, RolloutsLost, RunDone
from monitorbench.planning import vocabulary
from monitorbench.report.codec import to_json
from monitorbench.report.model import Report
from monitorbench.rollouts import sources
from monitorbench.runner import run
from monitorbench.suite.loader import load
from monitorbench.suite.model import Suite

TEXT = """\
schema_version: 1
name: run
model: {folder}/diffusion
device: cpu
tasks:
  chain: {{family: arithmetic-chain, n: 5, lengths: [1, 4]}}
sampling: {{max_new_tokens: 18, batch_size: 4, seeds_per_prompt: 2, sampler: {{max_denoising_steps: 3}}}}
defaults: {{task: chain}}
checks:
  - {{id: revision, check: chronology-score, metric: revision.rate, max: 0.9}}
  - {{id: b, check: bottleneck-drop, channel: self_conditioning, keep: {{top_k: 8}}, max_drop: 0.1}}
"""
ROLLOUTS = 10
"""Of every arm."""
MIXING = ("batch-shuffled", "mean")
"""Controls under which a rollout depends on the whole batch, so that another number of prompts makes another."""
"""The rollouts of this arm depend on the whole batch."""


@pytest.fixture(scope="module")
def suite(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    path = tmp_path_factory.mktemp("suites") / "s.yaml"
    path.write_text(TEXT.format(folder=checkpoints), encoding="utf-8")
    return load(path, vocabulary())


@pytest.fixture(scope="module")
def stored(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store that holds the whole suite, and the report that came of it."""
    folder = tmp_path_factory.mktemp("store")
    return folder, report_of(list(run(suite, store=folder)))


@pytest.fixture
def folder(stored: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of that store, to be changed."""
    for file in stored[0].rglob("*"):
        if file.is_file():
            copy = tmp_path / "store" / file.relative_to(stored[0])
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return tmp_path / "store"


def report_of(notices: list[Notice]) -> str:
    done = notices[-1]
    assert isinstance(done, RunDone)
    assert isinstance(done.report, Report)
    return json.dumps({name: part for name, part in to_json(done.report).items() if name != "run"})


def reused_by_arm(notices: list[Notice]) -> dict[str, int]:
    return {notice.arm: notice.reused for notice in notices if isinstance(notice, ArmStarted)}


def test_a_second_run_generates_nothing_and_reports_the_same(
    suite: Suite, stored: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitorbench.adapters.block_diffusion import BlockDiffusion

    monkeypatch.setattr(BlockDiffusion, "generate", lambda *_: pytest.fail("the model ran"))
    notices = list(run(suite, store=stored[0]))
    assert set(reused_by_arm(notices).values()) == {ROLLOUTS}
    assert len([notice for notice in notices if isinstance(notice, RolloutsDone)]) == len(reused_by_arm(notices))
    assert report_of(notices) == stored[1]


def test_the_report_is_that_of_a_run_without_a_store(suite: Suite, stored: tuple[Path, str]) -> None:
    assert report_of(list(run(suite))) == stored[1]


def test_fresh_generates_everything_and_reports_the_same(suite: Suite, stored: tuple[Path, str], folder: Path) -> None:
    notices = list(run(suite, store=folder, fresh=True))
    assert set(reused_by_arm(notices).values()) == {0}
    assert report_of(notices) == stored[1]


def with_sampling(**changes: Any) -> Callable[[Suite], Suite]:
    return lambda suite: replace(suite, sampling=replace(suite.sampling, **changes))


def with_parameters(**changes: Any) -> Callable[[Suite], Suite]:
    def changed(suite: Suite) -> Suite:
        chain = suite.tasks["chain"]
        return replace(suite, tasks={"chain": replace(chain, parameters={**chain.parameters, **changes})})

    return changed


def with_model(name: str) -> Callable[[Suite], Suite]:
    return lambda suite: replace(suite, model=replace(suite.model, source=str(Path(suite.model.source).parent / name)))


@pytest.mark.parametrize(
    "changed",
    [
        with_sampling(seed=1),
        with_sampling(max_new_tokens=17),
        with_sampling(batch_size=5),
        with_sampling(sampler={"max_denoising_steps": 2}),
        with_sampling(sampler={"max_denoising_steps": 3, "entropy_bound": 0.1}),
        with_sampling(stop=("=",)),
        with_parameters(lengths=[1, 5]),
        lambda suite: replace(suite, dtype="bfloat16"),
        with_model("causal"),
    ],
    ids=["seed", "tokens", "batch", "steps", "bound", "stop", "text", "dtype", "model"],
)
def test_whatever_decides_a_rollout_makes_it_another_one(
    suite: Suite, folder: Path, changed: Callable[[Suite], Suite]
) -> None:
    assert set(reused_by_arm(list(run(changed(suite), store=folder))).values()) == {0}


def test_another_bottleneck_is_another_arm_beside_the_same_controls(suite: Suite, folder: Path) -> None:
    revision, bottleneck = suite.checks
    keep = replace(bottleneck, parameters={**bottleneck.parameters, "keep": {"top_k": 4}})
    reused = reused_by_arm(list(run(replace(suite, checks=(revision, keep)), store=folder)))
    assert {arm: count for arm, count in reused.items() if count != ROLLOUTS} == {
        "candidate on chain, self_conditioning top_k=4": 0
    }
    assert len(reused) > 4


def test_more_prompts_or_seeds_go_on_from_those_that_are_there(
    suite: Suite, folder: Path, stored: tuple[Path, str]
) -> None:
    more = replace(suite, tasks={"chain": replace(suite.tasks["chain"], n=6)})
    for longer, at_hand in ((more, ROLLOUTS), (with_sampling(seeds_per_prompt=3)(more), 12)):
        notices = list(run(longer, store=folder))
        reused = reused_by_arm(notices)
        assert {count for arm, count in reused.items() if not arm.endswith(MIXING)} == {at_hand}
        assert all(count < at_hand for arm, count in reused.items() if arm.endswith(MIXING))
        assert report_of(notices) == report_of(list(run(longer)))
    fewer = replace(suite, tasks={"chain": replace(suite.tasks["chain"], n=4)})
    notices = list(run(fewer, store=folder))
    assert {count for arm, count in reused_by_arm(notices).items() if not arm.endswith(MIXING)} == {8}
    assert report_of(notices) == report_of(list(run(fewer)))


def test_names_decide_nothing(suite: Suite, folder: Path) -> None:
    chain = suite.tasks["chain"]
    checks = tuple(
        replace(check, id=f"other-{check.id}", parameters={**check.parameters, "task": "sums"})
        for check in suite.checks
    )
    renamed = replace(suite, name="other", tasks={"sums": replace(chain, name="sums")}, checks=checks)
    assert set(reused_by_arm(list(run(renamed, store=folder))).values()) == {ROLLOUTS}


def test_other_code_and_another_number_of_threads_make_other_rollouts(
    suite: Suite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 99)
        assert set(reused_by_arm(list(run(suite, store=folder))).values()) == {0}
    assert set(reused_by_arm(list(run(suite, store=folder))).values()) == {ROLLOUTS}
    monkeypatch.setattr("monitorbench.rollouts.facts.own_code", lambda: "edited")
    assert set(reused_by_arm(list(run(suite, store=folder))).values()) == {0}


def test_a_damaged_shard_is_recorded_again_with_a_notice(suite: Suite, folder: Path, stored: tuple[Path, str]) -> None:
    shards = sorted((folder / "shards").iterdir())
    shards[0].write_bytes(b"")
    shards[1].unlink()
    notices = list(run(suite, store=folder))
    lost = [notice for notice in notices if isinstance(notice, RolloutsLost)]
    assert {(notice.file, notice.why) for notice in lost} == {
        (f"{folder}/{shards[0].name}", "its content has changed"),
        (f"{folder}/{shards[1].name}", "no such file or directory"),
    }
    assert sum(reused_by_arm(notices).values()) < ROLLOUTS * len(reused_by_arm(notices))
    assert report_of(notices) == stored[1]
    again = list(run(suite, store=folder))
    assert set(reused_by_arm(again).values()) == {ROLLOUTS}


def test_what_was_recorded_before_an_end_is_there_afterwards(
    suite: Suite, stored: tuple[Path, str], tmp_path: Path
) -> None:
    for stop_after in (1, 4, 11):
        store, seen = tmp_path / str(stop_after), 0
        for notice in run(suite, store=store):
            seen += isinstance(notice, RolloutsDone)
            if seen == stop_after:
                break
        notices = list(run(suite, store=store))
        assert 0 < sum(reused_by_arm(notices).values()) < ROLLOUTS * len(reused_by_arm(notices))
        assert report_of(notices) == stored[1]


def test_the_code_of_this_package_is_known_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in sources.ROOMS:
        file = tmp_path / (room if room.endswith(".py") else f"{room}/part.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("a = 1\n", encoding="utf-8")
    monkeypatch.setattr(sources, "PACKAGE", tmp_path)
    before = sources.own_code.__wrapped__()
    assert sources.own_code.__wrapped__() == before
    for room in sources.ROOMS:
        file = tmp_path / (room if room.endswith(".py") else f"{room}/part.py")
        file.write_text("a = 2\n", encoding="utf-8")
        assert sources.own_code.__wrapped__() != before
        file.write_text("a = 1\n", encoding="utf-8")


def test_code_of_others_is_known_by_that_of_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "their_package"
    package.mkdir()
    for name, text in (("__init__", ""), ("part", "def write(): ...\nclass Kind: ...\n"), ("help", "a = 1\n")):
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    before = sources.named_by("their_package.part:write")
    assert before.keys() == {"their_package.part"}
    (package / "help.py").write_text("a = 2\n", encoding="utf-8")
    sources._source.cache_clear()
    assert sources.named_by("their_package.part:write") != before
    assert sources.source_of(__import__("their_package.part").part.Kind) == next(
        iter(sources.named_by("their_package.part:write").values())
    )
    assert sources.named_by("mixture") == sources.named_by(3) == {}
    assert sources.source_of(torch.nn.Module) == sources.source_of(dict) == ""


def test_code_that_lies_in_no_file_is_never_the_same() -> None:
    made = type("Made", (), {"__module__": "nowhere_at_all"})
    one = sources.source_of(made)
    sources._source.cache_clear()
    assert one
    assert sources.source_of(made) != one
