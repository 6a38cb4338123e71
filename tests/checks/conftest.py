"""Recorded runs made by hand, so that a check can be judged without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from bottleneck_runs import N, arm_name, seen

from monitorbench.adapters.base import Channel
from monitorbench.checks.base import CheckType, Evidence
from monitorbench.checks.bottleneck_drop import BottleneckDrop
from monitorbench.checks.bottleneck_finding import FLOORS
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


@pytest.fixture
def judge_bottleneck(
    suite: Suite, candidate: Candidate, spec: Callable[..., CheckSpec], evidence: Callable[..., Evidence]
) -> Callable[..., CheckReport]:
    """Judges the check on so many right prompts per arm.

    `replaced` names arms whose tokens differ everywhere; `felt` and `unfelt` those that are observed otherwise than the
    soft arm, or as it is: all but the floors are, where nothing is said; `lost`
    has the fields of the rollouts that an arm does not get right, and `counts` what it counted on every rollout.
    """

    check = BottleneckDrop()

    def judge(
        right: dict[str, int],
        *,
        replaced: tuple[str, ...] = (),
        felt: tuple[str, ...] = (),
        unfelt: tuple[str, ...] = (),
        lost: Mapping[str, Mapping[str, Any]] | None = None,
        counts: Mapping[str, Mapping[str, int]] | None = None,
        n: int = N,
        **fields: Any,
    ) -> CheckReport:
        parameters = {"task": "chain", "channel": "carry", "keep": {"top_k": 8}, "max_drop": 0.1}
        declared = spec(check, **{**parameters, **fields.pop("parameters", {})})
        tested = fields.get("adapters", {}).get("candidate", candidate)
        arms = check.arms(declared, suite=suite, candidate=tested)
        recorded: dict[Arm, list[Rollout]] = {}
        for arm in arms:
            name = arm_name(arm)
            trace = seen(entropy=0.25 if name in (*FLOORS, *felt) and name not in unfelt else 0.5)
            usual = {"trace": trace, "counts": (counts or {}).get(name, {})}
            good = usual | {"status": "correct", "tokens": (True, name in replaced)}
            bad = usual | {"status": "wrong", "tokens": (False, name in replaced)} | {**(lost or {}).get(name, {})}
            recorded[arm] = [rollout(f"p{i:03}", **(good if i < right[name] else bad)) for i in range(n)]
        return check.judge(declared, evidence(recorded, **fields))

    return judge
