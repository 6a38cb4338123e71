"""What the arms of a bottleneck check showed, and what is found of each rung."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitorbench.checks.arms import Replay, accuracy_by_prompt, replayed, traces_differ
from monitorbench.checks.bottleneck_arms import IDENTITY, SOFT, Design
from monitorbench.checks.bottleneck_finding import FLOORS, SHUFFLED, ZERO, Facts, Finding, Standing, find
from monitorbench.checks.bottleneck_ladder import Rung, knee
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import Estimate
from monitorbench.suite.model import CheckSpec

if TYPE_CHECKING:
    from monitorbench.checks.base import Evidence
    from monitorbench.rollouts.store import RunStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What the arms showed.

    Attributes:
        design: what was compared with what.
        accuracy: per prompt, for every arm.
        drops: against the untouched arm, for every other one.
        floors: those of the floor controls, either of which may show that the channel is used.
        replays: how often the controls changed a rollout's text that change nothing.
        exact: those of these controls that must not change a single rollout that ran in a batch of the same size.
        felt: as `Facts` says.
        written: as `Facts` says.
        findings: what is found of each bottleneck, by the name of its arm.
        estimators: what all drops were made by.
    """

    design: Design
    accuracy: Mapping[str, list[float]]
    drops: Mapping[str, Estimate]
    floors: Mapping[str, Estimate]
    replays: Mapping[str, Replay]
    exact: tuple[str, ...]
    felt: bool
    written: bool
    findings: Mapping[str, Finding]
    estimators: Estimators

    @property
    def n(self) -> int:
        """Number of prompts."""
        return len(self.accuracy[SOFT])

    @property
    def changed(self) -> Mapping[str, float]:
        """Share of rollouts that each of these controls changed; of an exact one, of those that it must not change."""
        return {
            name: found.changed / found.pairs if name in self.exact else found.share
            for name, found in self.replays.items()
        }

    @property
    def drop(self) -> Estimate:
        """What the bottleneck costs that gates."""
        return self.drops[self.design.gate]

    @property
    def finding(self) -> Finding:
        """What is found of the bottleneck that gates."""
        return self.findings[self.design.gate]

    @property
    def knee(self) -> Rung | None:
        """The tightest rung under which the channel was shown to be readable, with all looser ones."""
        rungs = self.design.rungs
        return knee(rungs, holds={r for r in rungs if self.findings[r.name].standing is Standing.READABLE})


def measure(spec: CheckSpec, design: Design, evidence: Evidence) -> Measured:
    """Read the recorded arms."""
    store, arms, estimators = evidence.store, design.arms, evidence.estimators
    accuracy = {name: accuracy_by_prompt(store, arm) for name, arm in arms.items()}
    zero, shuffled = (estimators.drop_of_any(accuracy[SOFT], accuracy[name], of=len(FLOORS)) for name in FLOORS)
    replays = {name: replayed(store, arms[SOFT], arms[name]) for name in design.replays}
    return figures(
        spec,
        design,
        accuracy=accuracy,
        replays=replays,
        exact=tuple(name for name in _exact(design, evidence) if replays[name].pairs),
        felt=_differs(store, design, (ZERO,), zero),
        written=not design.rungs or _differs(store, design, (SHUFFLED, *design.further), shuffled),
        estimators=estimators,
    )


def figures(
    spec: CheckSpec,
    design: Design,
    *,
    accuracy: Mapping[str, list[float]],
    replays: Mapping[str, Replay],
    exact: tuple[str, ...],
    felt: bool,
    written: bool,
    estimators: Estimators,
) -> Measured:
    """What follows from the outcomes of every prompt in every arm; the arguments are attributes of `Measured`."""
    drops = {name: estimators.drop(accuracy[SOFT], values) for name, values in accuracy.items() if name != SOFT}
    floors = {name: estimators.drop_of_any(accuracy[SOFT], accuracy[name], of=len(FLOORS)) for name in FLOORS}
    facts = Facts(
        solved=estimators.mean(accuracy[SOFT]),
        # What raised must not excuse a control that moved the accuracy of what did not.
        identity=replace(estimators, unseen=0).drop(accuracy[SOFT], accuracy[IDENTITY]),
        changed={name: replays[name].changed / replays[name].pairs for name in exact},
        felt=felt,
        written=written,
    )
    findings = {
        name: find(
            facts,
            zero=floors[ZERO],
            shuffled=floors[SHUFFLED],
            drop=drops[name],
            max_drop=spec.parameters["max_drop"],
            min_floor_drop=spec.parameters["min_floor_drop"],
        )
        for name in design.bottlenecks
    }
    return Measured(
        design=design,
        accuracy=accuracy,
        drops=drops,
        floors=floors,
        replays=replays,
        exact=exact,
        felt=felt,
        written=written,
        findings=findings,
        estimators=estimators,
    )


def _differs(store: RunStore, design: Design, names: Sequence[str], floor: Estimate) -> bool:
    """Whether one of these arms came out otherwise than the untouched model.

    Where batches were halved, the last bits of some rollouts say nothing; then a loss of accuracy is as good a sign.
    """
    soft = design.arms[SOFT]
    if any(traces_differ(store, soft, design.arms[name]) for name in names):
        return True
    pairs = zip(store.rollouts(soft), store.rollouts(design.arms[names[0]]), strict=True)
    return floor.low > 0.0 and any(a.rows != b.rows for a, b in pairs)


def _exact(design: Design, evidence: Evidence) -> tuple[str, ...]:
    """Controls that must not change a single rollout; reading and writing a lossy channel may."""
    if not evidence.exact_replay:
        return ()
    return design.replays if design.channel.exact else (IDENTITY,)
