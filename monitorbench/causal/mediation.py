"""The experiment behind `mediation`: two rollouts exchange what they have come to, once.

The two are of one problem and of its counterfactual, in which one figure differs: what a rollout takes over fits its own
prompt in all but the values.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitorbench.interventions.intervention import Intervention
from monitorbench.metrics.effects import Outcomes
from monitorbench.metrics.mediation import Mediation, mediation
from monitorbench.rollouts.edited import Place, under, with_partners
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
    base: Recording, store: RunStore, task: CausalTask, *, step: int, channel: str, seed: int = 0
) -> Generator[Notice, None, Found]:
    """Record what is missing, and measure.

    Args:
        base: the arm as it is, whose rollouts are in the store.
        store: where rollouts are kept.
        task: its task.
        step: the step after which the exchange happens, from 0.
        channel: what is carried beside the canvas; empty for a model that carries nothing.
        seed: base seed of the run.
    """
    swaps = {
        "canvas": Intervention(kind="swap", canvas=True, step=step),
        "channel": Intervention(kind="swap", channel=channel, step=step),
        "both": Intervention(kind="swap", channel=channel, canvas=True, step=step),
    }
    pairs = with_partners(base, task.counterfactual, name="with counterfactuals", seed=seed)
    # Without a channel there is nothing but the canvas to exchange: the first and the last arm are one.
    arms = {name: under(pairs, swap) for name, swap in swaps.items() if channel or swap.canvas}
    distinct = {recording.arm: recording for recording in (pairs, *arms.values())}
    yield from record_all(list(distinct.values()), store)
    own = answers(store.rollouts(pairs.arm), task)
    places = [row.place for row in pairs.rows]
    partners = {place: places[index ^ 1] for index, place in enumerate(places)}
    wanted = {place: own[other] for place, other in partners.items() if own[other] and own[other] != own[place]}
    # The two of a pair share all but a figure: they are one prompt to the statistics.
    prompts = {place: places[index - index % 2][0] for index, place in enumerate(places)}
    found = {}
    for name in swaps:
        after = answers(store.rollouts(arms[name].arm), task) if name in arms else own
        taken = [(prompts[place], float(after[place] == value), 0.0, 0) for place, value in sorted(wanted.items())]
        found[name] = Outcomes.of(taken)
    return Found(mediation=mediation(**found), pairs=len(wanted))


def answers(rollouts: Sequence[Rollout], task: CausalTask) -> dict[Place, str]:
    """The answer that each rollout states; empty where it states none."""
    return {
        (rollout.problem.id, rollout.repeat): task.stated(rollout.problem, rollout.text).get(ANSWER, "")
        for rollout in rollouts
    }
