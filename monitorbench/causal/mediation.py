"""The experiment behind `mediation`: two rollouts of a batch exchange what they have come to, once."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitorbench.interventions.intervention import Intervention
from monitorbench.metrics.effects import Outcomes
from monitorbench.metrics.mediation import Mediation, mediation
from monitorbench.rollouts.edited import Place, rows_before, under
from monitorbench.rollouts.missing import record_all
from monitorbench.tasks.base import ANSWER

if TYPE_CHECKING:
    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Rollout
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore
    from monitorbench.tasks.base import CausalTask


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the experiment came to.

    Attributes:
        mediation: the metric.
        pairs: rollouts whose answer differs from that of the rollout they took over from.
    """

    mediation: Mediation
    pairs: int


def measure(
    base: Recording, store: RunStore, task: CausalTask, *, step: int, channel: str
) -> Generator[Notice, None, Found]:
    """Record what is missing, and measure.

    Args:
        base: the arm as it is, whose rollouts are in the store.
        store: where rollouts are kept.
        task: its task.
        step: the step after which the exchange happens, from 0.
        channel: what is carried beside the canvas; empty for a model that carries nothing.
    """
    swaps = {
        "canvas": Intervention(kind="swap", canvas=True, step=step),
        "channel": Intervention(kind="swap", channel=channel, step=step),
        "both": Intervention(kind="swap", channel=channel, canvas=True, step=step),
    }
    # Without a channel there is nothing but the canvas to exchange: the first and the last arm are one.
    arms = {name: under(base, swap) for name, swap in swaps.items() if channel or swap.canvas}
    yield from record_all(list({recording.arm: recording for recording in arms.values()}.values()), store)
    before = rows_before(arms["both"])
    own = answers(store.rollouts(base.arm), task)
    pairs = {place: own[other] for place, other in before.items() if own[other] and own[other] != own[place]}
    found = {
        name: outcomes(answers(store.rollouts(arms[name].arm), task) if name in arms else own, pairs) for name in swaps
    }
    return Found(mediation=mediation(**found), pairs=len(pairs))


def answers(rollouts: Sequence[Rollout], task: CausalTask) -> dict[Place, str]:
    """The answer that each rollout states; empty where it states none."""
    return {
        (rollout.problem.id, rollout.repeat): task.stated(rollout.problem, rollout.text).get(ANSWER, "")
        for rollout in rollouts
    }


def outcomes(found: Mapping[Place, str], wanted: Mapping[Place, str]) -> Outcomes:
    """Whether each answer became the other rollout's, which without an exchange none is."""
    return Outcomes.of([(place[0], float(found[place] == value), 0.0, 0) for place, value in sorted(wanted.items())])
