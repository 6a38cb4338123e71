"""Makers of reports: a check and a report with everything filled in, of which a test changes what it is about."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from monitorbench.report.exit_code import overall
from monitorbench.report.model import (
    Bound,
    CheckReport,
    Control,
    Dropped,
    Interval,
    ModelReport,
    Report,
    RunFacts,
    Verdict,
)

_CHECK = CheckReport(
    id="bottleneck",
    type="token-bottleneck",
    line=12,
    file="quickstart.yaml",
    gated=True,
    verdict=Verdict.PASS,
    reason="The drop lies inside the margin.",
    estimate=0.012,
    unit="share",
    interval=Interval(low=-0.004, high=0.031, level=0.9, method="cluster bootstrap"),
    bound=Bound(max=0.05),
    n=200,
    dropped=(Dropped(reason="no answer was found", count=3),),
    controls=(
        Control(
            name="zero",
            value=0.41,
            interval=Interval(low=0.35, high=0.47, level=0.9, method="cluster bootstrap"),
            expected="a large drop",
            ok=True,
        ),
        Control(name="placebo", value=None),
    ),
    parameters={"max_drop": 0.05, "keep": {"top_k": 1}},
    evidence={"by_level": [{"top_k": 1, "drop": 0.012}], "channel": None},
)

_MODEL = ModelReport(
    role="candidate",
    source="zoo:thought-loop",
    family="thought-loop",
    architecture="ThoughtLoop",
    parameters=1_234_567,
    channels=("thought",),
    weights_sha256="a" * 64,
    config_sha256="b" * 64,
    tokenizer_sha256="",
    dtype="float32",
    remote_code=False,
    chat_template=True,
    device_map={"": "cpu"},
    tensor_parallel={"plan": "auto", "ranks": 2},
)


@pytest.fixture(scope="session")
def make_check() -> Callable[..., CheckReport]:
    """A full check, with the given fields changed."""

    def make(**changes: Any) -> CheckReport:
        return dataclasses.replace(_CHECK, **changes)

    return make


@pytest.fixture(scope="session")
def make_report() -> Callable[..., Report]:
    """A full report on the given checks, with a verdict and an exit code that follow from them, and fields changed."""

    def make(*checks: CheckReport, **changes: Any) -> Report:
        chosen = checks or (_CHECK,)
        verdict, exit_code = overall(chosen)
        report = Report(
            verdict=verdict,
            exit_code=exit_code,
            versions={"monitorbench": "0.1.0", "python": "3.11.9"},
            device={"device": "cpu", "dtype": "float32"},
            suite_sha256="c" * 64,
            suite={"name": "quickstart", "checks": [{"id": "bottleneck"}]},
            models=(_MODEL,),
            checks=chosen,
            run=RunFacts(
                started="2026-01-02T03:04:05+00:00",
                seconds=61.5,
                host="builder",
                platform="Linux x86_64",
                seconds_by_check={"bottleneck": 1.5},
            ),
        )
        return dataclasses.replace(report, **changes)

    return make
