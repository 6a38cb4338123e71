"""The experiment behind `order_effect`: accuracy when positions may commit in a given order only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitorbench.interventions.gate import Gate
from monitorbench.metrics.effects import Effect, Outcomes, effect
from monitorbench.rollouts.edited import edited
from monitorbench.rollouts.missing import record_further

if TYPE_CHECKING:
    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Arm, Rollout
    from monitorbench.rollouts.edited import Place
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore

FREE = "free"
REASONING, ANSWER, LEFT_TO_RIGHT = "reasoning-gated", "answer-gated", "left-to-right"
SCHEDULES = (REASONING, ANSWER, LEFT_TO_RIGHT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the experiment came to.

    Attributes:
        accuracy: share of right answers under each schedule, `free` included, over the same rollouts.
        effects: accuracy under each of the others minus that when free.
        trials: rollouts; the others state no answer when free, so that its place is not known.
    """

    accuracy: Mapping[str, float]
    effects: Mapping[str, Effect]
    trials: int


def gates(rollout: Rollout) -> dict[str, Gate]:
    """The gates of the block that states the answer, by schedule; none where no answer was read.

    `reasoning-gated`: the answer commits last. `answer-gated`: it commits first.
    """
    start = 0
    for number, block in enumerate(rollout.trace.blocks):
        width = block.content_P.size
        answer = tuple(place - start for place in rollout.answer_positions if start <= place < start + width)
        if answer:
            others = tuple(position for position in range(width) if position not in answer)
            waves = {
                REASONING: (others, answer),
                ANSWER: (answer, others),
                LEFT_TO_RIGHT: tuple((position,) for position in range(width)),
            }
            return {name: Gate(waves=wave, block=number) for name, wave in waves.items()}
        start += width
    return {}


def record(base: Recording, store: RunStore) -> Iterator[Notice]:
    """Record what is missing of the experiment.

    Args:
        base: the arm as it is, whose rollouts are in the store; its model has to honour positions that must not commit.
        store: where rollouts are kept.
    """
    gated = _gated(store.rollouts(base.arm))
    arms = [
        edited(base, _name(schedule), {place: found[schedule] for place, found in gated.items()})
        for schedule in SCHEDULES
    ]
    yield from record_further(arms if gated else [], store)


def score(arm: Arm, store: RunStore) -> Found:
    """What the recorded experiment came to.

    Args:
        arm: the arm as it is.
        store: where rollouts are kept, those of the experiment among them.
    """
    rollouts = store.rollouts(arm)
    gated = _gated(rollouts)
    right = {FREE: {place: right for place, right in _right(rollouts).items() if place in gated}}
    for schedule in SCHEDULES:
        right[schedule] = _right(store.rollouts(replace(arm, edit=_name(schedule)))) if gated else {}
    return Found(
        accuracy={name: sum(each.values()) / len(each) for name, each in right.items() if each},
        effects={name: effect(_paired(right[name], right[FREE])) for name in SCHEDULES},
        trials=len(gated),
    )


def _name(schedule: str) -> str:
    return f"order {schedule}"


def _gated(rollouts: Sequence[Rollout]) -> dict[Place, dict[str, Gate]]:
    found = {(rollout.problem.id, rollout.repeat): gates(rollout) for rollout in rollouts}
    return {place: own for place, own in found.items() if own}


def _right(rollouts: Sequence[Rollout]) -> dict[Place, float]:
    return {(rollout.problem.id, rollout.repeat): float(rollout.correct) for rollout in rollouts}


def _paired(gated: Mapping[Place, float], free: Mapping[Place, float]) -> Outcomes:
    return Outcomes.of([(place[0], gated[place], right, 0) for place, right in sorted(free.items())])
