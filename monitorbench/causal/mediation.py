"""The experiment behind `mediation`: two rollouts exchange what they have come to, once.

The two are of one problem and of its counterfactual, in which one figure differs: what a rollout takes over fits its
own prompt in all but the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitorbench.interventions.intervention import Intervention
from monitorbench.metrics.effects import Outcomes
from monitorbench.metrics.mediation import Mediation, mediation
from monitorbench.rollouts.edited import Place, under, with_partners
from monitorbench.rollouts.missing import record_further
from monitorbench.tasks.base import ANSWER

if TYPE_CHECKING:
    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Arm, Rollout
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore
    from monitorbench.tasks.base import CausalTask


PAIRS = "beside counterfactuals"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the experiment came to.

    Attributes:
        mediation: the metric.
        pairs: rollouts whose answer differs from that of the rollout they took over from.
    """

    mediation: Mediation
    pairs: int


def record(
    base: Recording, store: RunStore, task: CausalTask, *, step: int, channel: str, seed: int = 0
) -> Iterator[Notice]:
    """Record what is missing of the experiment.

    Args:
        base: the arm as it is, whose rollouts are in the store.
        store: where rollouts are kept.
        task: its task.
        step: the step after which the exchange happens, from 0.
        channel: what is carried beside the canvas; empty for a model that carries nothing.
        seed: base seed of the run.
    """
    pairs = with_partners(base, task.counterfactual, name=PAIRS, seed=seed)
    arms = [under(pairs, swap) for swap in dict.fromkeys(swaps(step=step, channel=channel).values())]
    yield from record_further([pairs, *arms], store)


def swaps(*, step: int, channel: str) -> dict[str, Intervention]:
    """The exchanges by what is exchanged; without a channel there is nothing but the canvas, and both is the canvas."""
    canvas = Intervention(kind="swap", canvas=True, step=step)
    beside = {"channel": Intervention(kind="swap", channel=channel, step=step)} if channel else {}
    return {"canvas": canvas, **beside, "both": replace(canvas, channel=channel)}


def score(arm: Arm, store: RunStore, task: CausalTask, *, step: int, channel: str) -> Found:
    """What the recorded experiment came to; as `record`.

    Args:
        arm: the arm as it is.
        store: where rollouts are kept, those of the experiment among them.
        task: its task.
        step: the step after which the exchange happened.
        channel: what is carried beside the canvas.
    """
    pairs = replace(arm, edit=PAIRS)
    own = answers(store.rollouts(pairs), task)
    problems = {rollout.problem.id: rollout.problem for rollout in store.rollouts(arm)}
    # The two of a pair share all but a figure: they are one prompt to the statistics.
    wanted: dict[Place, tuple[str, str]] = {}
    for name, problem in problems.items():
        for repeat in {repeat for other, repeat in own if other == name}:
            one, two = (name, repeat), (task.counterfactual(problem).id, repeat)
            if any(store.leaves_out(arm, prompt) for prompt, _ in (one, two)):
                continue
            if own[one] and own[two] and own[one] != own[two]:
                wanted |= {one: (name, own[two]), two: (name, own[one])}
    made = swaps(step=step, channel=channel)
    found = {}
    for what in ("canvas", "channel", "both"):
        after = answers(store.rollouts(replace(pairs, intervention=made[what])), task) if what in made else own
        taken = [(prompt, float(after[place] == value), 0.0, 0) for place, (prompt, value) in sorted(wanted.items())]
        found[what] = Outcomes.of(taken)
    return Found(mediation=mediation(**found), pairs=len(wanted))


def answers(rollouts: Sequence[Rollout], task: CausalTask) -> dict[Place, str]:
    """The answer that each rollout states; empty where it states none."""
    return {
        (rollout.problem.id, rollout.repeat): task.stated(rollout.problem, rollout.text).get(ANSWER, "")
        for rollout in rollouts
    }
