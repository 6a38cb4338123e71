"""Long work deep inside of a call says how far it is, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.commands.report_traces import traces_of
from monitorbench.depth import depth_of, weightless
from monitorbench.notices import Notice, TraceStarted, Working, hearing
from monitorbench.report.write import read
from monitorbench.rollouts import neighbours
from monitorbench.tasks.graders import Grader
from monitorbench.tasks.rows import Reading


@pytest.fixture
def heard() -> list[Notice]:
    return []


def counts(heard: list[Notice]) -> list[tuple[int, int | None]]:
    return [(notice.done, notice.total) for notice in heard if isinstance(notice, Working) and notice.unit]


def test_problems_that_are_read(heard: list[Notice]) -> None:
    rows = ((f"row {number}", {"prompt": f"p{number}", "answer": "a"}) for number in range(1000))
    with hearing(heard.append):
        Reading(prompt="prompt", answer="answer", grader=Grader(kind="exact")).problems(rows, 250, of="f")
    assert counts(heard) == [(0, 250), (100, 250), (200, 250), (250, 250)]


def test_tokens_whose_neighbours_are_looked_up(heard: list[Notice], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(neighbours, "AT_ONCE", 4)
    with hearing(heard.append):
        neighbours.Neighbours(torch.rand(12, 3, generator=torch.Generator().manual_seed(7)), 2).of(range(10))
    assert counts(heard) == [(4, 10), (8, 10), (10, 10)]


def test_segments_that_are_traced(heard: list[Notice]) -> None:
    with hearing(heard.append):
        depth_of(weightless("zoo:diffusion-chain"), context=64)
    traced = [(notice.number, notice.total) for notice in heard if isinstance(notice, TraceStarted)]
    assert traced == [(number + 1, len(traced)) for number in range(len(traced))]
    assert len(traced) > 1


def test_segments_that_a_check_traces_and_rollouts_that_a_page_shows(
    tmp_path: Path,
    checkpoints: Path,
    command: Callable[..., object],
    heard: list[Notice],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(
        f"{{schema_version: 1, name: s, model: {checkpoints}/causal, sampling: {{max_new_tokens: 4}}, "
        "tasks: {chain: {family: arithmetic-chain, n: 3}}, checks: ["
        "{id: order, check: chronology-score, task: chain, metric: order.gamma, min: 0.5}, "
        "{id: depth, check: opaque-depth-ratio, context_length: 32, max_depth: 9}]}",
        encoding="utf-8",
    )
    from monitorbench.api import load_suite
    from monitorbench.runner import run

    with hearing(heard.append):
        list(run(load_suite("s.yaml")))
    assert any(isinstance(notice, TraceStarted) for notice in heard)
    command("run", "s.yaml", "--quiet")
    heard.clear()
    with hearing(heard.append):
        shown = traces_of(read(Path("reports/runs/s.json")), Path("reports/runs/s.json"), most=2)
    assert len(shown.examples) == 2
    assert counts(heard) == [(0, 2), (1, 2)]
