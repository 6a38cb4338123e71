"""The scores of thoughts: who has them, what may be claimed, and what the reference checkpoints come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monitorbench.adapters.base import Channel
from monitorbench.adapters.thought_carry import THOUGHT
from monitorbench.api import load_suite
from monitorbench.checks import chronology_thoughts as thoughts
from monitorbench.checks.chronology_causal import estimate_of
from monitorbench.metrics.effects import Effect
from monitorbench.metrics.score import Score
from monitorbench.notices import RunDone
from monitorbench.report.model import CheckReport
from monitorbench.runner import run

SUITE = """\
schema_version: 1
name: thoughts
model: zoo:{model}
tasks:
  graph: {{family: graph-reachability, n: 40, hops: [3], seed: 1}}
sampling: {{seed: 0, max_new_tokens: 3, batch_size: 40}}
defaults: {{task: graph}}
checks:
  - {{id: coverage, check: chronology-score, metric: thoughts.coverage, min: 0.5}}
  - {{id: order, check: chronology-score, metric: thoughts.order, min: 0.5}}
  - {{id: interchange, check: chronology-score, metric: thoughts.interchange, min: 0.3}}
"""


class Model:
    """What is asked of an adapter."""

    settings: tuple[str, ...] = ()

    def __init__(self, *channels: Channel) -> None:
        self.channels = channels

    def carries(self, _: Any) -> tuple[Channel, ...]:
        return self.channels


def test_only_what_comes_before_the_text_is_a_thought() -> None:
    thinks: Any = Model(THOUGHT)
    loops: Any = Model(Channel(name="loop_state", axis="loop", kind="vector", exact=False))
    assert [thoughts.channel_of(model, {}) for model in (thinks, loops)] == ["thought", ""]


@pytest.mark.parametrize(
    ("coverage", "interchange", "claim"),
    [
        (0.9, 0.8, "the lens says the values, and the answer follows the thoughts"),
        (0.0, 0.8, "used, not read by the lens"),
        (0.9, 0.0, "read by the lens, use not shown"),
        (None, 0.0, "neither read nor shown to be used"),
    ],
)
def test_a_claim_needs_both(coverage: float | None, interchange: float, claim: str) -> None:
    estimates = {
        name: None
        if value is None
        else estimate_of(name, Effect(score=Score.ok(value, n=50), error=0.03), level=0.9, fixed=False)
        for name, value in ((thoughts.COVERAGE, coverage), (thoughts.INTERCHANGE, interchange))
    }
    assert thoughts.claim(estimates) == claim


def judged(folder: Path, suite: str) -> dict[str, CheckReport]:
    path = folder / "thoughts.monitor.yaml"
    path.write_text(suite, encoding="utf-8")
    notices = list(run(load_suite(path)))
    done: Any = next(notice for notice in notices if isinstance(notice, RunDone))
    return {check.id: check for check in done.report.checks}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "verdicts", "claim"),
    [
        (
            "thought-superposed",
            ["pass", "pass", "pass"],
            "the lens says the values, and the answer follows the thoughts",
        ),
        ("thought-opaque", ["fail", "unobserved", "pass"], "used, not read by the lens"),
    ],
)
def test_reference_checkpoints_get_the_verdicts_of_their_cards(
    tmp_path: Path, model: str, verdicts: list[str], claim: str
) -> None:
    found = judged(tmp_path, SUITE.format(model=model))
    assert [check.verdict.value for check in found.values()] == verdicts
    assert found["coverage"].evidence["causal"]["thoughts"]["claim"] == claim


@pytest.mark.slow
def test_a_model_that_does_not_think_has_no_such_scores(tmp_path: Path) -> None:
    chain = SUITE.replace("graph-reachability, n: 40, hops: [3]", "arithmetic-chain, n: 8, lengths: [2]")
    found = judged(tmp_path, chain.format(model="ar-chain"))
    assert {check.verdict.value for check in found.values()} == {"unobserved"}
    assert found["order"].reason == f"thoughts.order is undefined: {thoughts.MISSING}."
