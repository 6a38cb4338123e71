"""Makers of pairs of reports that differ in what a test is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from monitorbench.report.model import CheckReport, Report

Suite = dict[str, Any]


@pytest.fixture(scope="session")
def suite() -> Suite:
    """What the runs were asked for."""
    return {
        "name": "s",
        "sampling": {"seed": 0, "sampler": {"steps": 8}, "sequential": False},
        "tasks": {"chain": {"family": "arithmetic-chain", "n": 40, "seed": 0}},
        "checks": [{"id": "bottleneck", "tolerance": {"abs": 0.01}}],
    }


@pytest.fixture(scope="session")
def make_run(
    make_check: Callable[..., CheckReport], make_report: Callable[..., Report], suite: Suite
) -> Callable[..., Report]:
    """A report on one check, with values by prompt and fields of the check changed."""

    def make(values: Mapping[str, float] | None = None, asked: Suite | None = None, **changes: Any) -> Report:
        evidence: dict[str, Any] = {}
        if values:
            ids, found = list(values), list(values.values())
            evidence = {"per_prompt": {"ids": ids, "values": found, "low": -1.0, "high": 1.0, "left_out": 0}}
            changes.setdefault("estimate", sum(found) / len(found))
        parameters = {"task": "chain", "max_drop": 0.05, "keep": {"top_k": 8}}
        return make_report(
            make_check(**{"parameters": parameters, "evidence": evidence} | changes), suite=asked or suite
        )

    return make
