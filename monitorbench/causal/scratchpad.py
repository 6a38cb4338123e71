"""The experiment behind `scratchpad`: the padding behind the end of a text is overwritten, and the answer is read."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitorbench.causal.mediation import answers
from monitorbench.causal.spans import tail
from monitorbench.causal.trial import NO_OP, TREATED, Design, Read, Trial, mismatch, outcomes, recordings
from monitorbench.metrics.effects import Effect, Outcomes, effect
from monitorbench.rollouts.missing import record_all
from monitorbench.tasks.base import ANSWER

if TYPE_CHECKING:
    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Rollout
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore
    from monitorbench.tasks.base import CausalTask

NAME = "scratchpad"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the experiment came to.

    Attributes:
        effect: P(the answer is another one given a tail of other text) - the same for the tail put back as it was; 0 by
            construction where text comes left to right, for then nothing stands behind its end.
        trials: rollouts with a tail.
        mismatch: share of rollouts that the no-op changed in any token; None without any.
    """

    effect: Effect
    trials: int
    mismatch: float | None


def trials(base: Sequence[Rollout], task: CausalTask, design: Design) -> list[Trial]:
    """One trial for every rollout that has a tail and states an answer; it is filled with tokens of all the texts."""
    words = sorted({token for rollout in base for token in rollout.tokens})
    own = answers(base, task)
    found = []
    for rollout in base:
        span, place = tail(rollout), (rollout.problem.id, rollout.repeat)
        if span is None or not own[place]:
            continue
        rng = random.Random(f"{NAME}/{place[0]}/{place[1]}")
        treated = design.clamp(rollout, [(span, rng.choices(words, k=len(span.positions)))])
        same = design.clamp(rollout, [(span, span.tokens)])
        if treated is not None and same is not None:
            reads = (Read(node=ANSWER, value=own[place], way=NAME),)
            found.append(Trial(place=place, edits={TREATED: treated, NO_OP: same}, reads=reads))
    return found


def measure(
    base: Recording, store: RunStore, task: CausalTask, design: Design, *, left_to_right: bool = False
) -> Generator[Notice, None, Found]:
    """Record what is missing, and measure; as `influence.measure`."""
    rollouts = store.rollouts(base.arm)
    found = [] if left_to_right else trials(rollouts, task, design)
    arms = recordings(base, found, name=NAME, design=design)
    yield from record_all(list(arms.values()), store)
    kept = outcomes(found, arms, store, task, way=NAME, control=NO_OP)
    changed = Outcomes(
        prompt_N=kept.prompt_N,
        treated_N=1.0 - kept.treated_N,
        control_N=1.0 - kept.control_N,
        distance_N=kept.distance_N,
    )
    no_op = store.rollouts(arms[NO_OP].arm) if found else []
    return Found(effect=effect(changed), trials=len(found), mismatch=mismatch(rollouts, no_op, design.continuations))
