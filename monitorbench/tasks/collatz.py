"""Collatz sequences: half of an even number, three times an odd one plus one; each term has one place of its own.

    Start with 13. ... write the start and the 4 terms after it ...
    13, 40, 20, 10, 5. Answer: 5

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560): the negative control of token smearing. Terms differ,
and a term that moved by one place would follow from nothing, so that its probability has no reason to spread.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from monitorbench.suite.model import CheckSchema
from monitorbench.tasks import sequences
from monitorbench.tasks.arithmetic_chain import ANSWER_PLACES, ORDERS
from monitorbench.tasks.base import Outcome, Problem
from monitorbench.tasks.wording import ANSWER, FORM, Wording, require_sizes, sizes

MOST = 20
LARGEST = 10_000
DEFAULT = (4, 5, 6)

SCHEMA = CheckSchema(
    properties={
        **sizes("lengths", smallest=1, largest=MOST, default=DEFAULT, what="Numbers of steps").properties,
        "largest": {
            "type": "integer",
            "minimum": 2,
            "maximum": LARGEST,
            "default": 999,
            "description": "Largest number that a sequence reaches.",
        },
        **sequences.order("topological"),
        **ANSWER,
        **FORM,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Collatz:
    """The task family `collatz`.

    Attributes:
        lengths: numbers of steps to draw from, each 1 to 20.
        largest: largest number that a sequence reaches.
        order: order in which the response states the terms.
        answer: where the response states the last term.
        form: `natural` or `tokens`.
        examples: worked examples in front of a natural prompt, 0 to 8.
        seed: seed of the fixed order in which problems are drawn.
    """

    lengths: tuple[int, ...] = DEFAULT
    largest: int = 999
    order: str = "topological"
    answer: str = "answer-last"
    form: str = "natural"
    examples: int = 2
    seed: int = 0
    name: ClassVar[str] = "collatz"
    summary: ClassVar[str] = "Collatz sequences, whose terms have one place each: the control of token smearing."
    schema: ClassVar[CheckSchema] = SCHEMA

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", tuple(self.lengths))
        require_sizes("lengths", self.lengths, 1, MOST)
        if not 2 <= self.largest <= LARGEST or not all(_starts(length, self.largest) for length in self.lengths):
            raise ValueError(f"no sequence of {max(self.lengths)} steps stays within largest {self.largest}")
        _ = self.wording

    @property
    def wording(self) -> Wording:
        """How problems are put."""
        return Wording(form=self.form, answer=self.answer, order=self.order, examples=self.examples)

    def problems(self, n: int) -> Sequence[Problem]:
        """The first `n` problems, all different.

        Raises:
            UsageError: there are not so many.
        """
        fix = "lower n, raise largest or add lengths"
        return self.wording.problems(self.draw, n, family=self.name, seed=self.seed, fix=fix)

    def grade(self, problem: Problem, response: str) -> Outcome:
        """Compare the first stated answer with the last term; a term counts where the working first states it."""
        return sequences.grade(problem, response)

    def draw(self, rng: random.Random) -> Problem:
        """One problem, its prompt without examples; which one it is does not depend on the wording."""
        length = rng.choice(self.lengths)
        start = rng.choice(_starts(length, self.largest))
        values = trajectory(start, length)
        terms = sequences.Terms(rule=f"collatz {start} {length}", values=values)
        return terms.problem(self.wording, question=self._question(start, length), form={"length": str(length)})

    def _question(self, start: int, length: int) -> str:
        if not self.wording.is_natural:
            return sequences.tokens_prompt(self.wording, ["start", start, "steps", length])
        after = "the term after it" if length == 1 else f"the {length} terms after it"
        return (
            f"Start with {start}. After an even number comes its half, after an odd number three times the number "
            f"plus one. " + sequences.asked(self.wording, terms=f"the start and {after}")
        )


def trajectory(start: int, length: int) -> tuple[int, ...]:
    """A number and so many terms after it."""
    values = [start]
    for _ in range(length):
        values.append(values[-1] * 3 + 1 if values[-1] % 2 else values[-1] // 2)
    return tuple(values)


@cache
def _starts(length: int, largest: int) -> tuple[int, ...]:
    """Numbers from which so many steps stay within bounds and never come back to a number."""
    found = ((start, trajectory(start, length)) for start in range(2, largest + 1))
    return tuple(start for start, values in found if max(values) <= largest and len(set(values)) == len(values))


def vocabulary(largest: int) -> list[str]:
    """Every word that a prompt or a response in token form can hold, where no sequence goes beyond `largest`."""
    numbers = [str(number) for number in range(1, max(largest, MOST) + 1)]
    return [*ORDERS, *ANSWER_PLACES, "start", "steps", ":", "answer", *numbers]
