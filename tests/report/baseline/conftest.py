"""Runs of one check, with what each prompt contributed, and what a baseline file holds of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.baseline.update import Request, updated
from monitorbench.report.model import Bound, CheckReport, Interval, Report, RunFacts

DAY = "2027-01-01"
TASKS = {"chain": {"family": "arithmetic-chain", "n": 200, "seed": 0}}


@pytest.fixture(scope="session")
def ran(make_check: Callable[..., CheckReport], make_report: Callable[..., Report]) -> Callable[..., Report]:
    """A run of the check `bottleneck`, whose drop may be 5 points at most.

    Keywords: `value` and `half`, half the width of its interval; `prompts`, what each contributed, by id; `tolerance`
    and `versus`, what the suite says of accepted values; `day` of the run; `seed` of its sampling; `weights` of its
    checkpoint; the others are fields of the check.
    """

    def make(
        value: float | None = 0.01,
        half: float = 0.02,
        *,
        prompts: Mapping[str, float] | None = None,
        tolerance: Mapping[str, float] | None = None,
        versus: bool = False,
        day: str = DAY,
        seed: int = 0,
        weights: str = "a",
        **changes: Any,
    ) -> Report:
        evidence: dict[str, Any] = {}
        if prompts:
            held = {"ids": list(prompts), "values": list(prompts.values()), "low": -1.0, "high": 1.0}
            evidence = {"per_prompt": held}
            value = sum(prompts.values()) / len(prompts)
        ends = None if value is None else Interval(low=value - half, high=value + half, level=0.9, method="made")
        usual = {
            "estimate": value,
            "interval": ends,
            "bound": Bound(max=0.05),
            "parameters": {"task": "chain", "max_drop": 0.05, "keep": {"top_k": 8}},
            "evidence": evidence,
        }
        check = make_check(**usual | changes)
        asked: dict[str, Any] = {"id": check.id}
        asked |= {"tolerance": dict(tolerance)} if tolerance else {}
        asked |= {"max_drop_vs": "previous"} if versus else {}
        suite = {"name": "s", "sampling": {"seed": seed}, "tasks": TASKS, "checks": [asked]}
        facts = RunFacts(started=f"{day}T03:04:05+00:00", seconds=1.0, host="h", platform="p")
        report = make_report(check, suite=suite, run=facts)
        (model,) = report.models
        return replace(report, models=(replace(model, weights_sha256=weights * 64),))

    return make


@pytest.fixture(scope="session")
def accepting() -> Callable[..., BaselineFile]:
    """The file after an update with a report; keywords are those of `Request`."""

    def accept(report: Report, file: BaselineFile | None = None, **asked: Any) -> BaselineFile:
        given: dict[str, Any] = {"today": date.fromisoformat(DAY), "reason": "as it is"} | asked
        return updated(file or BaselineFile(), report, Request(**given))[0]

    return accept
