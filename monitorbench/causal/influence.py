"""The experiment behind `influence`: one value of a rollout is changed, and all others are read.

The placebo puts yet another value into the same span at the same moment and asks for the same outcome. It is of equal
length at equal distance by construction, and on the same side of what is read, so that a model that reads from left to
right has a backward influence of exactly 0; what a change does to an unsteady model, whatever is put in, is in both.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitorbench.causal.spans import Lexicon, Span, lexicon, spans
from monitorbench.causal.trial import (
    CONTROL,
    NO_OP,
    RESEED,
    TREATED,
    Design,
    Read,
    Recorded,
    Trial,
    recordings,
    reseeded,
)
from monitorbench.metrics.influence import Influence, influence
from monitorbench.rollouts.missing import record_further
from monitorbench.tasks.base import ANSWER

if TYPE_CHECKING:
    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Arm, Rollout
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore
    from monitorbench.tasks.base import CausalTask

NAME = "influence"
FORWARD, BACKWARD = "forward", "backward"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the experiment came to.

    Attributes:
        influence: the metric.
        trials: rollouts that were changed; the others state fewer than two values, or have no value to put in.
        mismatch: share of rollouts that the no-op changed in any token; None without any.
        unsteady: share of rollouts that other draws from the moment on changed in any token.
    """

    influence: Influence
    trials: int
    mismatch: float | None
    unsteady: float | None


def trials(base: Sequence[Rollout], task: CausalTask, design: Design) -> list[Trial]:
    """One trial for every rollout that states two values of which one can be changed."""
    known = lexicon(base)
    found = (_trial(rollout, task, design, known) for rollout in base)
    return [trial for trial in found if trial is not None]


def _trial(rollout: Rollout, task: CausalTask, design: Design, known: Lexicon) -> Trial | None:
    stated = {name: span for name, span in spans(rollout).items() if name != ANSWER}
    rng = random.Random(f"{NAME}/{rollout.problem.id}/{rollout.repeat}")
    if len(stated) < 2:
        return None
    span = stated[rng.choice(sorted(stated))]
    others = [other for name, other in stated.items() if name != span.node and other.block == span.block]
    drawn = alternatives(rollout, task, span, reads=[other.node for other in others], known=known, rng=rng)
    put, placebo = next(drawn, None), next(drawn, None)
    if put is None or placebo is None or not others:
        return None
    tokens = {TREATED: known[put, len(span.tokens)], CONTROL: known[placebo, len(span.tokens)], NO_OP: span.tokens}
    clamps = {arm: design.clamp(rollout, [(span, put_in)]) for arm, put_in in tokens.items()}
    edits = {arm: clamp for arm, clamp in clamps.items() if clamp is not None}
    if not edits:
        return None
    place = rollout.problem.id, rollout.repeat
    implied = task.implied(rollout.problem, span.node, put)
    reads = tuple(_read(span, other, implied[other.node]) for other in others)
    return Trial(place=place, edits={**edits, RESEED: reseeded(edits[NO_OP], place)}, reads=reads)


def alternatives(
    rollout: Rollout, task: CausalTask, span: Span, *, reads: Sequence[str], known: Lexicon, rng: random.Random
) -> Iterator[str]:
    """Values that could stand in a span, in drawn order; no two of them, nor the rollout as it is, imply the same for
    any value that is read.
    """
    taken: dict[str, set[str]] = {}
    for node, value in task.stated(rollout.problem, rollout.text).items():
        taken.setdefault(node, set()).add(value)
    values = sorted({value for value, length in known if length == len(span.tokens)})
    for value in rng.sample(values, len(values)):
        implied = task.implied(rollout.problem, span.node, value)
        if all(implied[node] not in taken.get(node, ()) for node in (span.node, *reads)):
            for node in (span.node, *reads):
                taken.setdefault(node, set()).add(implied[node])
            yield value


def _read(changed: Span, other: Span, value: str) -> Read:
    ahead = changed.positions[0] < other.positions[0]
    way, distance = (FORWARD if ahead else BACKWARD), abs(changed.positions[0] - other.positions[0])
    return Read(node=other.node, value=value, way=way, distance=distance)


def record(base: Recording, store: RunStore, task: CausalTask, design: Design) -> Iterator[Notice]:
    """Record what is missing of the experiment.

    Args:
        base: the arm as it is, whose rollouts are in the store.
        store: where rollouts are kept.
        task: its task.
        design: how spans are clamped.
    """
    found = trials(store.rollouts(base.arm), task, design)
    yield from record_further(recordings(base, found, name=NAME, design=design), store)


def score(arm: Arm, store: RunStore, task: CausalTask, design: Design) -> Found:
    """What the recorded experiment came to.

    Args:
        arm: the arm as it is.
        store: where rollouts are kept, those of the experiment among them.
        task: its task.
        design: how spans were clamped.
    """
    found = trials(store.everything(arm), task, design)
    recorded = Recorded(base=arm, trials=found, store=store, name=NAME, design=design)
    forward, backward = (recorded.outcomes(task, way=way, control=CONTROL) for way in (FORWARD, BACKWARD))
    return Found(
        influence=influence(forward, backward),
        trials=len(found),
        mismatch=recorded.mismatch(NO_OP),
        unsteady=recorded.mismatch(RESEED),
    )
