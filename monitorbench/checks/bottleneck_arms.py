"""The arms of one bottleneck check: the untouched model, the rungs, and the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from monitorbench.checks.bottleneck_finding import FLOORS, ZERO
from monitorbench.checks.bottleneck_ladder import Rung, gate_of, rungs_of
from monitorbench.suite.model import CheckSpec

if TYPE_CHECKING:
    from monitorbench.adapters.base import Channel
    from monitorbench.interventions.intervention import Intervention
    from monitorbench.rollouts.arm import Arm

SOFT = "soft"
IDENTITY, EVERYTHING = "identity", "keep-everything"
MEAN, RANDOM = "mean", "random-tokens"


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """What a check compares with what.

    Attributes:
        channel: the channel that is forced through tokens.
        rungs: in the order of the suite; none for a state, which has no reading.
        gate: name of the arm whose drop decides: a rung's, and `zero` for a state.
        replays: controls that change nothing.
        further: controls that are told and decide nothing.
        arms: every arm by name.
    """

    channel: Channel
    rungs: tuple[Rung, ...]
    gate: str
    replays: tuple[str, ...]
    further: tuple[str, ...]
    arms: Mapping[str, Arm] = field(default_factory=dict)

    @property
    def bottlenecks(self) -> tuple[str, ...]:
        """Names of the arms whose drop is asked about."""
        return tuple(rung.name for rung in self.rungs) or (self.gate,)


def design(spec: CheckSpec, carried: Sequence[Channel]) -> Design | None:
    """The comparison that a check declares; None where its channel is not among those that are carried.

    A channel of kind `state` has no token reading: nothing of it gets through tokens, so that its bottleneck is to
    carry nothing.
    """
    from monitorbench.interventions.intervention import Intervention

    channel = next((channel for channel in carried if channel.name == spec.parameters["channel"]), None)
    if channel is None:
        return None
    drawn = outline(spec, channel)
    interventions = {SOFT: Intervention()}
    interventions |= {rung.name: _truncation(rung, channel.name, spec.parameters["fill"]) for rung in drawn.rungs}
    kinds = (*drawn.replays, *FLOORS, *drawn.further)
    interventions |= {kind: Intervention(kind=kind, channel=channel.name) for kind in kinds}
    return replace(drawn, arms={name: _arm(spec, intervention) for name, intervention in interventions.items()})


def outline(spec: CheckSpec, channel: Channel) -> Design:
    """The comparison without its arms: all of it that a verdict rests on."""
    stateful = channel.kind == "state"
    return Design(
        channel=channel,
        rungs=() if stateful else rungs_of(spec.parameters),
        gate=ZERO if stateful else gate_of(spec.parameters).name,
        replays=(IDENTITY,) if stateful else (IDENTITY, EVERYTHING),
        further=(MEAN,) if stateful else (MEAN, RANDOM),
    )


def _truncation(rung: Rung, channel: str, fill: str) -> Intervention:
    from monitorbench.interventions.intervention import Intervention

    return Intervention(kind="keep", channel=channel, keep=(rung.keep, float(rung.value)), fill=fill)


def _arm(spec: CheckSpec, intervention: Intervention) -> Arm:
    from monitorbench.rollouts.arm import Arm

    return Arm(role="candidate", task=spec.parameters["task"], intervention=intervention)
