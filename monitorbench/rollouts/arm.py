"""Arms and rollouts: one way of running a model, and what one prompt under one seed came to in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitorbench.interventions.intervention import Intervention
from monitorbench.metrics.trace import Trace
from monitorbench.tasks.base import Problem

RAISED = "error"
"""Status of a rollout that raised."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """Model x task x intervention, under the suite's sampling. Equal arms are recorded once.

    Attributes:
        role: `candidate` or `baseline`.
        task: name of a task of the suite.
        intervention: what is done to a channel.
        form: task parameters that differ from the suite's, such as another text order.
        edit: name of what is done to each rollout by itself; empty for nothing.
        watch: how many of the most probable tokens of what is carried from step to step, or of each thought, are kept
            in the trace.
        neighbours: how many neighbours of each final token are kept in the trace.

    The last two say what is kept of a run, not what is run: arms that differ in them alone are equal.
    """

    role: str
    task: str
    intervention: Intervention = field(default_factory=Intervention)
    form: tuple[tuple[str, str], ...] = ()
    edit: str = ""
    watch: int = field(default=0, compare=False)
    neighbours: int = field(default=0, compare=False)

    @property
    def label(self) -> str:
        """A name for people."""
        form = "".join(f" {value}" for _, value in self.form)
        done = self.intervention.label if self.intervention.kind != "none" else "" if self.edit else "as it is"
        return ", ".join([f"{self.role} on {self.task}{form}", *filter(None, (self.edit, done))])


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """One prompt under one seed in one arm.

    Attributes:
        problem: what was asked.
        repeat: which of the prompt's seeds it is, from 0.
        text: the response.
        finished: whether the text ended by itself.
        status: the grader's `correct`, `wrong` or `unparsable`; `error` where it raised.
        trace: what was seen of every step.
        value_positions: token positions at which the response states each value of the graph.
        answer_positions: token positions of the answer; empty when none could be read.
        counts: what the intervention counted on the way, by name; empty where it counts nothing.
        rows: rows of the batch in which it ran, another number of which may round differently; 0 where not known.
        error: what it raised, in one line; there is no text and no trace then.
    """

    problem: Problem
    repeat: int
    text: str
    tokens: tuple[int, ...]
    finished: bool
    status: str
    trace: Trace
    value_positions: Mapping[str, tuple[int, ...]]
    answer_positions: tuple[int, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    error: str = ""

    @property
    def raised(self) -> bool:
        """Whether it raised, so that nothing is known of it."""
        return self.status == RAISED

    @property
    def correct(self) -> bool:
        """Whether the grader found the right answer."""
        return self.status == "correct"


def rollout_seed(base: int, problem_id: str, repeat: int) -> int:
    """Seed of one rollout: the same in every arm, so that arms are paired, and independent of every other rollout."""
    digest = hashlib.blake2b(f"{base}/{problem_id}/{repeat}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
