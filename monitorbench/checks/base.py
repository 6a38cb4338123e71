"""What a check type is: the arms it needs, and how it turns what was recorded into a verdict."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from monitorbench.report.model import Bound, CheckReport, Interval, Report, Verdict
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import Estimate
from monitorbench.suite.model import CheckSchema, CheckSpec, Suite

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter, Channel
    from monitorbench.rollouts.arm import Arm
    from monitorbench.rollouts.store import RunStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that a check may look at.

    Attributes:
        suite: the suite.
        adapters: the loaded models by role, `candidate` and, where the suite has one, `baseline`.
        store: what was recorded.
        judged: reports of the checks judged before this one, by id.
        exact_replay: whether the same rollout has to come out bit for bit on this device.
        estimators: what every sampled estimate has to be made by.
        earlier: where no model is at hand, the report whose rollouts are judged again: what was traced stands there.
        kept: what a check keeps while it is judged by one bound after another: what is costly and rests on no bound.
    """

    suite: Suite
    adapters: Mapping[str, Adapter]
    store: RunStore
    judged: Mapping[str, CheckReport]
    exact_replay: bool
    estimators: Estimators = field(default_factory=Estimators)
    earlier: Report | None = None
    kept: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def candidate(self) -> Adapter:
        """The model under test."""
        return self.adapters["candidate"]

    @property
    def carried(self) -> tuple[Channel, ...]:
        """The channels of the model under test, under the suite's sampler settings."""
        from monitorbench.adapters.batches import carried_channels

        return carried_channels(self.candidate, self.suite.sampling.sampler)


@dataclass(frozen=True, kw_only=True, slots=True)
class Foresight:
    """What a declared number of prompts can tell, before anything is recorded.

    Attributes:
        n: prompts.
        words: what they can tell, as a sentence without its end.
        figures: the same, strict JSON.
        warning: why they can hardly decide; empty where they can.
    """

    n: int
    words: str
    figures: Mapping[str, Any]
    warning: str = ""


class CheckType(Protocol):
    """One check type. Adding one is one file and one registry line."""

    name: str
    summary: str
    schema: CheckSchema

    def arms(self, spec: CheckSpec, *, suite: Suite, candidate: Adapter) -> tuple[Arm, ...]:
        """The arms that have to be recorded; none where the check does not apply to this candidate."""

    def needs_baseline(self, spec: CheckSpec) -> bool:
        """Whether the check, as it is declared, compares with a baseline."""

    def foresight(self, spec: CheckSpec, *, suite: Suite, power: float) -> Foresight | None:
        """What the declared prompts can tell with this probability; None where a check type cannot say."""

    def judge(self, spec: CheckSpec, evidence: Evidence) -> CheckReport:
        """Measure and judge."""


LOOKED = " Looked at as prompts came in, "
"""Begins what a sequential run adds to a reason."""


def report(spec: CheckSpec, verdict: Verdict, reason: str, **found: Any) -> CheckReport:
    """A check report that carries the check's identity; `found` are further fields of it."""
    return CheckReport(
        id=spec.id,
        type=spec.type,
        file=spec.file,
        line=spec.line,
        gated=spec.gated,
        severity=spec.severity,
        parameters=spec.parameters,
        verdict=verdict,
        reason=reason,
        **found,
    )


def interval(estimate: Estimate) -> Interval:
    """The interval of an estimate as a report holds it."""
    return Interval(low=estimate.low, high=estimate.high, level=estimate.level, method=estimate.method)


def bound(spec: CheckSpec) -> Bound:
    """The bound that a check's `min` and `max` declare."""
    return Bound(min=spec.parameters.get("min"), max=spec.parameters.get("max"))
