"""The experiment behind `thoughts.interchange`: a rollout goes on from the thoughts of another one.

All thoughts are taken over, as another rollout has them that nothing is done to: one of the problem's counterfactual.
The placebo are the thoughts of the counterfactual of another problem, held against the same answer: what any other
thought does is in both. It is the interchange intervention of Geiger et al. (arXiv 2106.02997).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from monitorbench.interventions.intervention import Intervention
from monitorbench.metrics.effects import Effect, Outcomes, effect
from monitorbench.metrics.thoughts import Coverage, coverage, said, thought_order
from monitorbench.rollouts.edited import Place, under, with_partners
from monitorbench.rollouts.missing import record_further
from monitorbench.tasks.base import Problem, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitorbench.notices import Notice
    from monitorbench.rollouts.arm import Arm, Rollout
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore

OWN, OTHER = "thoughts of counterfactuals", "thoughts of other problems"


class PairedTask(Task, Protocol):
    """A task that has for each problem another one like it with another answer."""

    def counterfactual(self, problem: Problem) -> Problem:
        """As `CausalTask.counterfactual`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the experiment came to.

    Attributes:
        effect: P(the answer is that of the thoughts' rollout) - P(it is so given the thoughts of another problem).
        taken: the first of the two.
        placebo: the second.
        pairs: rollouts whose answer differs from that of the rollout they took over from.
    """

    effect: Effect
    taken: float | None
    placebo: float | None
    pairs: int


def record(base: Recording, store: RunStore, task: PairedTask, *, channel: str, seed: int = 0) -> Iterator[Notice]:
    """Record what is missing of the experiment.

    Args:
        base: the arm as it is, whose rollouts are in the store.
        store: where rollouts are kept.
        task: its task.
        channel: the thoughts.
        seed: base seed of the run.
    """
    problems = list({row.problem.id: row.problem for row in base.rows}.values())
    following = {one.id: other for one, other in zip(problems, [*problems[1:], *problems[:1]], strict=True)}
    partners: dict[str, Callable[[Problem], Problem]] = {
        OWN: task.counterfactual,
        OTHER: lambda problem: task.counterfactual(following[problem.id]),
    }
    arms = [
        under(with_partners(base, partner, name=name, seed=seed), _interchange(channel))
        for name, partner in partners.items()
    ]
    yield from record_further(arms, store)


def score(arm: Arm, store: RunStore, task: PairedTask, *, channel: str) -> Found:
    """What the recorded experiment came to; as `record`."""
    before = store.rollouts(arm)
    own, treated, placebo = (
        _answers(rollouts, task)
        for rollouts in (before, *(store.rollouts(_arm(arm, name, channel)) for name in (OWN, OTHER)))
    )
    found = []
    for rollout in before:
        place, donor = (rollout.problem.id, rollout.repeat), task.counterfactual(rollout.problem).id
        if store.leaves_out(arm, donor):
            continue
        wanted = treated[donor, rollout.repeat]
        if wanted and own[place] and wanted != own[place]:
            found.append((place[0], float(treated[place] == wanted), float(placebo[place] == wanted), 0))
    outcomes = Outcomes.of(found)
    return Found(
        effect=effect(outcomes),
        taken=float(outcomes.treated_N.mean()) if found else None,
        placebo=float(outcomes.control_N.mean()) if found else None,
        pairs=len(found),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Lens:
    """What the lens finds of the problems' values.

    Attributes:
        coverage: of the tokens that it says.
        by_rank: of all the tokens that are kept, however flat the reading: what a ranking gives away.
        order: of the values that it says, averaged over prompts.
    """

    coverage: Coverage
    by_rank: Coverage
    order: Effect


def lens(rollouts: Sequence[Rollout], word: Callable[[int], str], vocabulary: int) -> Lens:
    """What the lens finds, by the first seed of each prompt.

    Args:
        rollouts: of an arm that is watched.
        word: the text of a token; a value that takes several tokens is never found.
        vocabulary: tokens that there are.
    """
    problems, ranked, found = [], [], []
    for rollout in {rollout.problem.id: rollout for rollout in reversed(rollouts)}.values():
        block = next(iter(rollout.trace.blocks), None)
        if block is not None and block.thought_ids_LK is not None and block.thought_probabilities_LK is not None:
            problems.append(rollout.problem)
            ranked.append(block.thought_ids_LK)
            found.append(said(block.thought_ids_LK, block.thought_probabilities_LK, vocabulary))
    known: dict[str, list[int]] = {}
    for token in sorted({int(token) for ids_LK in ranked for token in np.unique(ids_LK) if token >= 0}):
        known.setdefault(word(token).strip(), []).append(token)
    values = [[known.get(value, []) for value in problem.values.values()] for problem in problems]
    gammas = [
        (problem.id, thought_order(ids_LK, tokens, _edges(problem)).value)
        for problem, ids_LK, tokens in zip(problems, found, values, strict=True)
    ]
    ordered = Outcomes.of([(name, gamma, 0.0, 0) for name, gamma in gammas if gamma is not None])
    return Lens(coverage=coverage(found, values), by_rank=coverage(ranked, values), order=effect(ordered))


def _edges(problem: Problem) -> list[tuple[int, int]]:
    names = list(problem.values)
    return [(names.index(edge.cause), names.index(edge.effect)) for edge in problem.edges]


def _interchange(channel: str) -> Intervention:
    return Intervention(kind="interchange", channel=channel)


def _arm(arm: Arm, name: str, channel: str) -> Arm:
    return replace(arm, edit=name, intervention=_interchange(channel))


def _answers(rollouts: Sequence[Rollout], task: PairedTask) -> Mapping[Place, str]:
    return {
        (rollout.problem.id, rollout.repeat): task.grade(rollout.problem, rollout.text).answer or ""
        for rollout in rollouts
    }
