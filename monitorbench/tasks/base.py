"""What every task family provides: problems with known answers, and an exact grader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from monitorbench.suite.model import CheckSchema


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """The value named `cause` is needed to work out the value named `effect`."""

    cause: str
    effect: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One prompt with everything needed to grade a response to it.

    Attributes:
        id: stable name of the problem, the same in every run and in every text form of it.
        prompt: the text given to the model.
        target: one correct response, worked out in full.
        answer: the value that a correct response ends in.
        values: value of every node of the value graph, by name.
        edges: which value is needed for which.
        form: named settings of the text form (order of the text, place of the answer).
    """

    id: str
    prompt: str
    target: str
    answer: str
    values: Mapping[str, str] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the grader found in one response.

    Attributes:
        status: `correct`, `wrong`, or `unparsable` when no answer could be read.
        answer: the answer value as read, or None.
        value_words: for every value of the graph found in the response, the index of the word that states it.
        answer_word: index of the word that states the answer, or None.
    """

    status: str
    answer: str | None
    value_words: Mapping[str, int] = field(default_factory=dict)
    answer_word: int | None = None

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return self.status == "correct"


class Task(Protocol):
    """A family of problems in a fixed order, so that a longer run extends a shorter one."""

    name: ClassVar[str]
    summary: ClassVar[str]
    schema: ClassVar[CheckSchema]

    def problems(self, n: int) -> Sequence[Problem]:
        """The first `n` problems."""

    def grade(self, problem: Problem, response: str) -> Outcome:
        """What the response to a problem is worth."""


ANSWER = "answer"
"""The name under which a task speaks of the answer among the values of a problem."""


class CausalTask(Task, Protocol):
    """A task whose values follow from each other, so that a changed one says what the others would have to be."""

    def implied(self, problem: Problem, node: str, value: str) -> Mapping[str, str]:
        """Every value of the graph, and the `ANSWER`, as they fit together where one of them has this value.

        Values that are worked out of it follow from it, and those that it is worked out of are those that give it.
        The problem's own figures stay: they say how one value follows from another, and not where the first comes from.
        """

    def stated(self, problem: Problem, response: str) -> Mapping[str, str]:
        """The values that a response states, right or wrong, and its `ANSWER`."""

    def counterfactual(self, problem: Problem) -> Problem:
        """The same problem, of another id, with one figure changed so that every value and the answer differ.

        Its prompt and its response are worded as before, so that both can be laid over each other.
        """


def fingerprint(task: Task) -> str:
    """What the problems and grades of a task depend on beside its family and its parameters, such as a user's own code.

    A task says so by a property of this name; a generator has none, and its fingerprint is empty.
    """
    return str(getattr(task, "fingerprint", ""))
