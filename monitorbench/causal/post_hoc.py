"""The experiment behind `post_hoc`: the whole reasoning is made to lead to another answer, or the answer is changed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitorbench.causal.influence import alternatives
from monitorbench.causal.spans import Lexicon, Span, lexicon, spans
from monitorbench.causal.trial import NO_OP, TREATED, Design, Read, Recorded, Trial, recordings
from monitorbench.metrics.post_hoc import PostHoc, post_hoc
from monitorbench.rollouts.missing import record_further
from monitorbench.tasks.base import ANSWER

if TYPE_CHECKING:
    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Arm, Rollout
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore
    from monitorbench.tasks.base import CausalTask, Problem

REASONING, ANSWERED = "reasoning changed", "answer changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the experiment came to.

    Attributes:
        post_hoc: the metric.
        trials: rollouts that were changed; the others are not right throughout, or have no value to put in.
        mismatch: share of rollouts that each no-op changed in any token, by what it left as it is.
    """

    post_hoc: PostHoc
    trials: int
    mismatch: Mapping[str, float | None]


def conclusions(problem: Problem) -> list[str]:
    """The values that the reasoning ends in: those that no other is worked out of."""
    causes = {edge.cause for edge in problem.edges}
    return [node for node in problem.values if node not in causes]


def trials(base: Sequence[Rollout], task: CausalTask, design: Design) -> dict[str, list[Trial]]:
    """The trials by what is changed, of every rollout that is right throughout."""
    known = lexicon(base)
    found: dict[str, list[Trial]] = {REASONING: [], ANSWERED: []}
    for rollout in base:
        for kind, trial in _trials(rollout, task, design, known).items():
            found[kind].append(trial)
    return found


def _trials(rollout: Rollout, task: CausalTask, design: Design, known: Lexicon) -> dict[str, Trial]:
    stated, problem = spans(rollout), rollout.problem
    if ANSWER not in stated or not problem.values or not problem.values.keys() <= stated.keys():
        return {}
    rng = random.Random(f"post-hoc/{problem.id}/{rollout.repeat}")
    answer, reasoning = stated[ANSWER], [stated[node] for node in problem.values]
    for value in alternatives(rollout, task, answer, reads=list(problem.values), known=known, rng=rng):
        implied = task.implied(problem, ANSWER, value)
        if all((implied[span.node], len(span.tokens)) in known for span in reasoning):
            reads = {REASONING: [ANSWER], ANSWERED: conclusions(problem)}
            changed = {REASONING: reasoning, ANSWERED: [answer]}
            made = {
                kind: _trial(rollout, design, changed[kind], implied=implied, known=known, reads=reads[kind], kind=kind)
                for kind in changed
            }
            return {kind: trial for kind, trial in made.items() if trial is not None}
    return {}


def _trial(
    rollout: Rollout,
    design: Design,
    changed: Sequence[Span],
    *,
    implied: Mapping[str, str],
    known: Lexicon,
    reads: Sequence[str],
    kind: str,
) -> Trial | None:
    treated = design.clamp(rollout, [(span, known[implied[span.node], len(span.tokens)]) for span in changed])
    same = design.clamp(rollout, [(span, span.tokens) for span in changed])
    if treated is None or same is None:
        return None
    return Trial(
        place=(rollout.problem.id, rollout.repeat),
        edits={TREATED: treated, NO_OP: same},
        reads=tuple(Read(node=node, value=implied[node], way=kind) for node in reads),
    )


def record(base: Recording, store: RunStore, task: CausalTask, design: Design) -> Iterator[Notice]:
    """Record what is missing of the experiment; as `influence.record`."""
    for kind, own in trials(store.rollouts(base.arm), task, design).items():
        yield from record_further(recordings(base, own, name=kind, design=design), store)


def score(arm: Arm, store: RunStore, task: CausalTask, design: Design) -> Found:
    """What the recorded experiment came to; as `influence.score`."""
    found = trials(store.everything(arm), task, design)
    recorded = {
        kind: Recorded(base=arm, trials=own, store=store, name=kind, design=design) for kind, own in found.items()
    }
    changed = {kind: each.outcomes(task, way=kind, control=NO_OP) for kind, each in recorded.items()}
    return Found(
        post_hoc=post_hoc(changed[REASONING], changed[ANSWERED]),
        trials=len(found[REASONING]),
        mismatch={kind: each.mismatch(NO_OP) for kind, each in recorded.items()},
    )
