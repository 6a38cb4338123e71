"""The bottleneck on reference checkpoints: readable, not readable, unused; few prompts, margins to match."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import monitorbench
from monitorbench.report.model import CheckReport, Verdict
from monitorbench.suite.model import Overrides

pytestmark = pytest.mark.slow
SUITES = Path(__file__).parents[2] / "suites"


@cache
def judged(suite: str, check: str, model: str, *, n: int, margin: float) -> CheckReport:
    overrides = Overrides(
        model=f"zoo:{model}", device="cpu", limit=n, only=(check,), set=(f"checks.{check}.max_drop={margin}",)
    )
    (found,) = monitorbench.run_suite(SUITES / f"{suite}.monitor.yaml", overrides).checks
    return found


def readable() -> CheckReport:
    return judged("ladder", "ladder", "diffusion-chain", n=60, margin=0.1)


def opaque() -> CheckReport:
    return judged("ladder", "ladder", "diffusion-chain-opaque", n=60, margin=0.1)


def test_a_readable_carry_is_shown_to_be_readable_down_to_a_token() -> None:
    report = readable()
    assert report.verdict is Verdict.PASS
    assert report.evidence["standing"] == "readable"
    assert report.evidence["gate"] == "top_k=8"
    assert report.evidence["knee"] == {"top_k": 1}
    assert report.interval is not None
    assert report.interval.high <= 0.1


def test_all_rungs_are_told_with_their_recovery() -> None:
    curve = readable().evidence["rungs"]
    assert [rung["keep"]["top_k"] for rung in curve] == [16, 8, 4, 2, 1]
    assert all(rung["recovery"]["low"] <= rung["recovery"]["value"] <= rung["recovery"]["high"] for rung in curve)
    assert curve[1]["recovery"]["value"] > 0.8


def test_what_the_mean_and_random_tokens_cost_is_told() -> None:
    """They carry nothing of the prompt either."""
    drops = {control.name: control.value for control in readable().controls}
    for name in ("mean", "random-tokens"):
        value = drops[f"{name}: accuracy drop"]
        assert value is not None
        assert value > 0.1


def test_the_opaque_twin_is_not_readable_on_any_rung() -> None:
    report = opaque()
    assert report.verdict is Verdict.FAIL
    assert report.evidence["standing"] == "not readable"
    assert report.evidence["knee"] is None
    assert report.interval is not None
    assert report.interval.low > 0.1
    assert [rung["decision"] for rung in report.evidence["rungs"]] == ["fail"] * 5


def test_idle_thoughts_can_be_removed() -> None:
    report = judged("thought-idle", "bottleneck", "thought-idle", n=60, margin=0.1)
    assert report.verdict is Verdict.NOT_APPLICABLE
    assert report.evidence["standing"] == "removable"
    assert report.evidence["removable"] is True
    assert report.evidence["knee"] is None


@pytest.mark.parametrize("bound", [0.02, 8.0])
def test_a_model_that_reads_nothing_off_its_canvas_loops_under_no_entropy_bound(bound: float) -> None:
    """Its card says why: the collapse of the published model at low k cannot be shown on it."""
    overrides = Overrides(
        device="cpu",
        limit=20,
        set=(
            f"sampling.sampler.entropy_bound={bound}",
            "sampling.max_new_tokens=54",
            "checks.ladder.gate_at={top_k: 1}",
        ),
    )
    (report,) = monitorbench.run_suite(SUITES / "ladder.monitor.yaml", overrides).checks
    endings = report.evidence["endings"]["top_k=1"]
    assert endings["correct"] >= 16
    assert endings.get("looping", 0) == endings.get("budget exhausted", 0) == 0
    assert report.evidence["mostly_loops"] is False
