"""Sums in plain English, with worked examples in front, for models that nobody trained for a task of ours.

    Question: Lily has 5 coins and gets 4 more. How many coins does Lily have?
    Answer: 5 + 4 = 9
    Question: Ben has 2 books and gets 7 more. How many books does Ben have?
    Answer:

A model trained on text alone goes on in the form of the examples. They show the working or only the result, so that
one problem can be asked with and without room to think in the text.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from monitorbench.errors import UsageError
from monitorbench.suite.model import CheckSchema
from monitorbench.tasks.base import Outcome, Problem
from monitorbench.tasks.drawing import MOST_DRAWS

OPERATIONS = {"add": ("+", "gets {change} more"), "subtract": ("-", "gives away {change}")}
WORKINGS = ("shown", "hidden")
NAMES = ("Anna", "Ben", "Eve", "Lily", "Max", "Mia", "Sam", "Tom")
THINGS = ("apples", "books", "coins", "cups", "shells", "stamps")
SMALLEST = 2
"""Smallest number that a question names: there is no `1 apples`."""
MOST_EXAMPLES = 8
NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*", re.ASCII)

SCHEMA = CheckSchema(
    properties={
        "operations": {
            "type": "array",
            "items": {"enum": list(OPERATIONS)},
            "minItems": 1,
            "uniqueItems": True,
            "default": ["add"],
            "description": "Operations to draw from.",
        },
        "largest": {
            "type": "integer",
            "minimum": SMALLEST,
            "default": 9,
            "description": "Largest number that a question names: the difficulty.",
        },
        "examples": {
            "type": "integer",
            "minimum": 0,
            "maximum": MOST_EXAMPLES,
            "default": 3,
            "description": "Worked examples in front of the question.",
        },
        "working": {
            "enum": list(WORKINGS),
            "default": WORKINGS[0],
            "description": "Whether the examples show how the result comes about, or the result only.",
        },
        "seed": {"type": "integer", "minimum": 0, "default": 0, "description": "Seed of the order of problems."},
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """One question: somebody has `start` things, and `change` more or fewer.

    No result is negative.
    """

    name: str
    thing: str
    operation: str
    start: int
    change: int

    @property
    def result(self) -> int:
        """How many things there are in the end."""
        return self.start + self.change if self.operation == "add" else self.start - self.change

    @property
    def question(self) -> str:
        """The question in words."""
        what = OPERATIONS[self.operation][1].format(change=self.change)
        return f"{self.name} has {self.start} {self.thing} and {what}. How many {self.thing} does {self.name} have?"

    def answer(self, working: str) -> str:
        """The right answer, with its working where it is `shown`."""
        sign = OPERATIONS[self.operation][0]
        return f"{self.start} {sign} {self.change} = {self.result}" if working == "shown" else str(self.result)


@dataclass(frozen=True, kw_only=True, slots=True)
class WordProblems:
    """The task family `word-problems`.

    Attributes:
        operations: `add`, `subtract`, or both, to draw from.
        largest: largest number that a question names, at least 2.
        examples: worked examples in front of the question, 0 to 8; they are the same for every problem.
        working: `shown` or `hidden`: whether examples and target say how the result comes about.
        seed: seed of the fixed order in which problems are drawn.
    """

    operations: tuple[str, ...] = ("add",)
    largest: int = 9
    examples: int = 3
    working: str = "shown"
    seed: int = 0
    name: ClassVar[str] = "word-problems"
    summary: ClassVar[str] = "Sums in plain English with worked examples in front, for pretrained models."
    schema: ClassVar[CheckSchema] = SCHEMA

    def __post_init__(self) -> None:
        object.__setattr__(self, "operations", tuple(self.operations))
        for value, allowed in (*((operation, OPERATIONS) for operation in self.operations), (self.working, WORKINGS)):
            if value not in allowed:
                raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
        if not self.operations or self.largest < SMALLEST or not 0 <= self.examples <= MOST_EXAMPLES:
            raise ValueError(
                f"there must be operations, numbers up to {SMALLEST} or more, 0 to {MOST_EXAMPLES} examples"
            )

    def problems(self, n: int) -> Sequence[Problem]:
        """The first `n` problems, all different, and none of them an example of another.

        Raises:
            UsageError: there are not so many.
        """
        rng, examples = random.Random(f"word-problems/{self.seed}"), self._examples()
        found: dict[Story, None] = {}
        for _ in range(MOST_DRAWS * n):
            story = self._story(rng, rng.choice(self.operations))
            if story not in examples:
                found.setdefault(story)
            if len(found) >= n:
                return [self._problem(story, examples[: self.examples]) for story in found]
        raise UsageError(
            f"there are no {n} different problems with numbers up to {self.largest}",
            fix="lower n or raise largest",
        )

    def grade(self, problem: Problem, response: str) -> Outcome:
        """Compare the last number of the first line that holds one with the truth.

        What a model writes after that line, such as further questions of its own, does not count.
        """
        first = NUMBER.search(response)
        if first is None:
            return Outcome(status="unparsable", answer=None)
        end = response.find("\n", first.start())
        *_, last = NUMBER.finditer(response, first.start(), end if end >= 0 else len(response))
        answer, word = last.group(), len(response[: last.end()].split()) - 1
        if answer != problem.answer:
            return Outcome(status="wrong", answer=answer, answer_word=word)
        return Outcome(status="correct", answer=answer, value_words={"result": word}, answer_word=word)

    def _examples(self) -> list[Story]:
        """As many as any task shows, so that all forms ask the same questions; every operation has its turn."""
        rng = random.Random("word-problems/examples")
        return [self._story(rng, self.operations[place % len(self.operations)]) for place in range(MOST_EXAMPLES)]

    def _story(self, rng: random.Random, operation: str) -> Story:
        start, change = rng.randint(SMALLEST, self.largest), rng.randint(SMALLEST, self.largest)
        if operation == "subtract":
            start, change = max(start, change), min(start, change)
        return Story(name=rng.choice(NAMES), thing=rng.choice(THINGS), operation=operation, start=start, change=change)

    def _problem(self, story: Story, examples: Sequence[Story]) -> Problem:
        lines = [f"Question: {example.question}\nAnswer: {example.answer(self.working)}\n" for example in examples]
        return Problem(
            id=hashlib.sha256(story.question.encode()).hexdigest()[:12],
            prompt=f"{''.join(lines)}Question: {story.question}\nAnswer:",
            target=story.answer(self.working),
            answer=str(story.result),
            values={"result": str(story.result)},
            form={"working": self.working},
        )
