"""One rollout that is run again under several edits, and what is read off each time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitorbench.causal.spans import Span, moment
from monitorbench.interventions.clamp import Clamp
from monitorbench.metrics.effects import Outcomes
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.edited import Place, edited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore
    from monitorbench.tasks.base import CausalTask

TREATED, CONTROL, NO_OP, RESEED = "treated", "placebo", "no-op", "re-seed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """How spans are clamped.

    Attributes:
        moment: when, one of `spans.MOMENTS`.
        canvas: whether on the canvas.
        channel: in which channel too; empty for none.
        persistent: from then on at every step, or once.
        continuations: how often each clamped rollout goes on from there, each time under other draws.
    """

    moment: str = "start"
    canvas: bool = True
    channel: str = ""
    persistent: bool = True
    continuations: int = 1

    @property
    def label(self) -> str:
        """A name for people."""
        where = " and ".join(["canvas"] * self.canvas + [self.channel] * bool(self.channel))
        return f"{where} {self.moment}" + ("" if self.persistent else " once")

    def clamp(self, rollout: Rollout, put: Iterable[tuple[Span, Sequence[int]]]) -> Clamp | None:
        """Tokens in place of those of spans, which are of one block; None where the moment never comes."""
        pairs = [(span, tuple(tokens)) for span, tokens in put]
        blocks = {span.block for span, _ in pairs}
        if len(blocks) != 1:
            return None
        (block,) = blocks
        step = moment(rollout, self.moment, block)
        if step is None:
            return None
        return Clamp(
            step=step,
            block=block,
            positions=tuple(position for span, _ in pairs for position in span.positions),
            tokens=tuple(token for _, tokens in pairs for token in tokens),
            canvas=self.canvas,
            channel=self.channel,
            persistent=self.persistent,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What is read off a response.

    Attributes:
        node: which value, or `ANSWER`.
        value: what it would be if the intervention had its way.
        way: what the outcome is sorted by, such as `forward`.
        distance: tokens between what is changed and what is read.
    """

    node: str
    value: str
    way: str
    distance: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One rollout that is run again.

    Attributes:
        place: its problem and repeat.
        edits: what is done in each arm, by the arm's name.
        reads: what is read off in every arm.
    """

    place: Place
    edits: Mapping[str, Clamp]
    reads: tuple[Read, ...]


def edit_name(name: str, design: Design, arm: str) -> str:
    """What an arm of an experiment is called."""
    return f"{name} {design.label}: {arm}"


def recordings(base: Recording, trials: Sequence[Trial], *, name: str, design: Design) -> list[Recording]:
    """The arms of an experiment, each an edited form of the base arm."""
    return [
        edited(
            base,
            edit_name(name, design, arm),
            {trial.place: _continued(trial.edits[arm], trial.place, design) for trial in trials if arm in trial.edits},
        )
        for arm in dict.fromkeys(arm for trial in trials for arm in trial.edits)
    ]


def _continued(clamp: Clamp, place: Place, design: Design) -> list[Clamp]:
    return [replace(clamp, reseed=_seed(place, number)) if number else clamp for number in range(design.continuations)]


def reseeded(clamp: Clamp, place: Place) -> Clamp:
    """Nothing but other draws from the clamp's step on."""
    return replace(clamp, positions=(), tokens=(), reseed=_seed(place, 0))


def _seed(place: Place, number: int) -> int:
    digest = hashlib.blake2b(f"continuation/{place[0]}/{place[1]}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The rollouts of an experiment, read from the store alone.

    Attributes:
        base: the arm as it is.
        trials: what was done.
        store: where rollouts are kept.
        name: what the experiment is called.
        design: how spans were clamped.
    """

    base: Arm
    trials: Sequence[Trial]
    store: RunStore
    name: str
    design: Design

    def rollouts(self, arm: str) -> dict[Place, list[Rollout]]:
        """The continuations of every trial in an arm."""
        if not any(arm in trial.edits for trial in self.trials):
            return {}
        found: dict[Place, list[Rollout]] = {}
        for rollout in self.store.rollouts(replace(self.base, edit=edit_name(self.name, self.design, arm))):
            place = rollout.problem.id, rollout.repeat // self.design.continuations
            found.setdefault(place, []).append(rollout)
        return found

    def outcomes(self, task: CausalTask, *, way: str, control: str) -> Outcomes:
        """Whether what was to follow did, in the treated arm and in a control, for every read that goes that way."""
        treated, other = self.rollouts(TREATED), self.rollouts(control)
        return Outcomes.of(
            [
                (
                    trial.place[0],
                    share(treated[trial.place], read, task),
                    share(other[trial.place], read, task),
                    read.distance,
                )
                for trial in self.trials
                if not self.store.leaves_out(self.base, trial.place[0])
                for read in trial.reads
                if read.way == way
            ]
        )

    def mismatch(self, arm: str) -> float | None:
        """Share of rollouts whose tokens differ between the arm as it is and one that should change nothing.

        Of several continuations only the first, which draws as the rollout itself did, is looked at. None for none.
        """
        own = {(rollout.problem.id, rollout.repeat): rollout.tokens for rollout in self.store.rollouts(self.base)}
        different = [own[place] != continued[0].tokens for place, continued in self.rollouts(arm).items()]
        return sum(different) / len(different) if different else None


def share(rollouts: Sequence[Rollout], read: Read, task: CausalTask) -> float:
    """Share of the continuations in which the value is what it would be."""
    hits = [task.stated(rollout.problem, rollout.text).get(read.node) == read.value for rollout in rollouts]
    return sum(hits) / len(hits)
