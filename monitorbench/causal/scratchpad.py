"""The experiment behind `scratchpad`: the padding behind the end of a text is overwritten, and the answer is read."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitorbench.causal.mediation import answers
from monitorbench.causal.spans import tail
from monitorbench.causal.trial import NO_OP, TREATED, Design, Read, Recorded, Trial, recordings
from monitorbench.metrics.effects import Effect, effect
from monitorbench.rollouts.missing import record_further
from monitorbench.tasks.base import ANSWER

if TYPE_CHECKING:
    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Arm, Rollout
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


def record(base: Recording, store: RunStore, task: CausalTask, design: Design) -> Iterator[Notice]:
    """Record what is missing of the experiment; as `influence.record`."""
    found = _trials(base.arm, store, task, design, left_to_right=base.adapter.left_to_right)
    yield from record_further(recordings(base, found, name=NAME, design=design), store)


def score(arm: Arm, store: RunStore, task: CausalTask, design: Design, *, left_to_right: bool = False) -> Found:
    """What the recorded experiment came to; as `influence.score`."""
    found = _trials(arm, store, task, design, left_to_right=left_to_right)
    recorded = Recorded(base=arm, trials=found, store=store, name=NAME, design=design)
    kept = recorded.outcomes(task, way=NAME, control=NO_OP)
    changed = replace(kept, treated_N=1.0 - kept.treated_N, control_N=1.0 - kept.control_N)
    return Found(effect=effect(changed), trials=len(found), mismatch=recorded.mismatch(NO_OP))


def _trials(arm: Arm, store: RunStore, task: CausalTask, design: Design, *, left_to_right: bool) -> list[Trial]:
    return [] if left_to_right else trials(store.everything(arm), task, design)
