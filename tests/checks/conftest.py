"""Recorded runs made by hand, so that a check can be judged without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from monitorbench.adapters.base import Channel
from monitorbench.checks.base import CheckType, Evidence
from monitorbench.metrics.trace import Trace
from monitorbench.report.model import CheckReport, Verdict
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.store import RunStore
from monitorbench.suite.model import CheckSpec, ModelSpec, Sampling, Suite, TaskSpec
from monitorbench.tasks.base import Problem

CARRY = Channel(name="carry", axis="step", kind="logits", exact=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """What checks ask of an adapter before anything is traced."""

    family: str = "toy"
    channels: tuple[Channel, ...] = (CARRY,)
    left_to_right: bool = False
    vocab_size: int = 64
    settings: tuple[str, ...] = ()

    def carries(self, sampler: Mapping[str, Any]) -> tuple[Channel, ...]:
        del sampler
        return self.channels


def rollout(name: str = "p", **fields: Any) -> Rollout:
    empty = Rollout(
        problem=Problem(id=name, prompt="", target="", answer=""),
        repeat=0,
        text="",
        tokens=(),
        finished=True,
        status="wrong",
        trace=Trace(blocks=()),
        value_positions={},
        answer_positions=(),
    )
    return replace(empty, **fields)


@pytest.fixture
def make_rollout() -> Callable[..., Rollout]:
    """A rollout of which the fields given are filled in."""
    return rollout


@pytest.fixture
def candidate() -> Candidate:
    return Candidate()


@pytest.fixture
def suite() -> Suite:
    """A suite with one task; checks are judged against it, not loaded from it."""
    return Suite(
        path=Path("s.yaml"),
        name="s",
        schema_version=1,
        model=ModelSpec(source="m"),
        baseline=None,
        tasks={"chain": TaskSpec(name="chain", family="arithmetic-chain", n=3, parameters={"order": "topological"})},
        sampling=Sampling(),
        checks=(),
    )


@pytest.fixture
def spec() -> Callable[..., CheckSpec]:
    """A declared check, its defaults filled in from the schema of its type."""

    def spec(kind: CheckType, **parameters: Any) -> CheckSpec:
        defaults = {name: value["default"] for name, value in kind.schema.properties.items() if "default" in value}
        return CheckSpec(id="c", type=kind.name, parameters=defaults | parameters, file="s.yaml", line=1)

    return spec


@pytest.fixture
def evidence(suite: Suite, candidate: Candidate) -> Callable[..., Evidence]:
    """Evidence from recorded arms; keywords replace its other fields."""

    def evidence(recorded: Mapping[Arm, list[Rollout]], **fields: Any) -> Evidence:
        store = RunStore()
        for arm, rollouts in recorded.items():
            store.add(arm, rollouts)
        whole: dict[str, Any] = {
            "suite": suite,
            "adapters": {"candidate": candidate},
            "store": store,
            "judged": {},
            "exact_replay": True,
        }
        return Evidence(**{**whole, **fields})

    return evidence


@pytest.fixture
def judged() -> Callable[..., dict[str, CheckReport]]:
    """The report of an earlier check called `shown`."""

    def judged(
        verdict: Verdict, reason: str = "It is so.", *, channel: str = "carry", **found: Any
    ) -> dict[str, CheckReport]:
        return {
            "shown": CheckReport(
                id="shown",
                type="bottleneck-drop",
                line=1,
                file="s.yaml",
                gated=True,
                verdict=verdict,
                reason=reason,
                parameters={"channel": channel},
                evidence=found,
            )
        }

    return judged
