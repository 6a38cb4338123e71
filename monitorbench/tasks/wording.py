"""What the case studies share: a natural and a token form, the place of the answer, and how responses are read.

    natural   Question: How many square numbers are there between 205 and 300? ...
              Response: 225, 256, 289. Answer: 3
    tokens    answer-last squares 205 300 :
              225 256 289 answer 3

Natural prompts are for pretrained models, alone or behind worked examples. In token form every word between white
space is one token of a small vocabulary, as the reference checkpoints have it. A problem is the same in both.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitorbench.suite.model import CheckSchema
from monitorbench.tasks.arithmetic_chain import ANSWER_PLACES, ORDERS
from monitorbench.tasks.base import Problem
from monitorbench.tasks.drawing import MOST_DRAWS, first_different

FORMS = ("natural", "tokens")
MOST_EXAMPLES = 8
NUMBER = r"[-\u2212]?\d+(?:,\d{3})*(?:\.\d+)?(?!\w|[.,]\d)"
MARK = r"(?<!\w)answer(?!\w)(?:\s+is(?!\w))?[\s:=*`]*"
"""What stands before an answer, in either form; what is read from it is a matter of the family."""
_PART = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+|\w+)(?!\w|\.\d)", re.ASCII)

FORM: dict[str, Any] = {
    "form": {
        "enum": list(FORMS),
        "default": FORMS[0],
        "description": "Prompts in English, for pretrained models, or in words of a small vocabulary, one token each.",
    },
    "examples": {
        "type": "integer",
        "minimum": 0,
        "maximum": MOST_EXAMPLES,
        "default": 2,
        "description": "Worked examples in front of a natural prompt.",
    },
    "seed": {"type": "integer", "minimum": 0, "default": 0, "description": "Seed of the order of problems."},
}
ANSWER: dict[str, Any] = {
    "answer": {
        "enum": list(ANSWER_PLACES),
        "default": "answer-last",
        "description": "Where the response has to state the answer.",
    }
}
"""Parameters of every case study, and of those that ask for an answer beside their working."""


def sizes(name: str, *, smallest: int, largest: int, default: Sequence[int], what: str) -> CheckSchema:
    """The schema of a list of sizes to draw from, which is what makes a family hard."""
    listed = {
        "type": "array",
        "items": {"type": "integer", "minimum": smallest, "maximum": largest},
        "minItems": 1,
        "uniqueItems": True,
        "default": list(default),
        "description": f"{what} to draw from: the difficulty.",
    }
    return CheckSchema(properties={name: listed})


def require_sizes(name: str, given: Sequence[int], smallest: int, largest: int) -> None:
    """Refuse sizes that a schema would refuse.

    Raises:
        ValueError: there are none, or one is out of range.
    """
    if not given or not all(smallest <= size <= largest for size in given):
        raise ValueError(f"{name} must be between {smallest} and {largest}, got {list(given)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """How problems are put.

    Attributes:
        form: `natural` or `tokens`.
        answer: `answer-last` or `answer-first`.
        order: `topological` or `reversed`, where a family has both.
        examples: worked examples in front of a natural prompt, 0 to 8.

    Raises:
        ValueError: on any other value.
    """

    form: str
    answer: str = "answer-last"
    order: str = "topological"
    examples: int = 0

    def __post_init__(self) -> None:
        for value, allowed in ((self.form, FORMS), (self.answer, ANSWER_PLACES), (self.order, ORDERS)):
            if value not in allowed:
                raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
        if not 0 <= self.examples <= MOST_EXAMPLES:
            raise ValueError(f"examples must be between 0 and {MOST_EXAMPLES}, got {self.examples}")

    @property
    def is_natural(self) -> bool:
        """Whether prompts are in English."""
        return self.form == "natural"

    def instruction(self, working: str, answer: str) -> str:
        """What a natural prompt asks to be written, in the order in which it has to stand."""
        stated = f'state your answer as "Answer: " and {answer}'
        if self.answer == "answer-first":
            return f"First {stated}. Then give your reasoning: {working}."
        return f"First give your reasoning: {working}. Then {stated}."

    def response(self, working: str, answer: str) -> str:
        """A response with both in their order."""
        stated = f"Answer: {answer}" if self.is_natural else f"answer {answer}"
        parts = (stated, working) if self.answer == "answer-first" else (working, stated)
        return (". " if self.is_natural else " ").join(parts)

    def problems(
        self, draw: Callable[[random.Random], Problem], n: int, *, family: str, seed: int, fix: str
    ) -> Sequence[Problem]:
        """The first `n` problems, all different, and none of them an example of another.

        Args:
            draw: one problem, its prompt without examples; which problem it is must not depend on the wording.
            n: how many.
            family: its name.
            seed: of the fixed order in which they are drawn.
            fix: what to do where there are not so many.

        Raises:
            UsageError: there are not so many.
        """
        source = random.Random(f"{family}/examples")
        shown = [draw(source) for _ in range(MOST_EXAMPLES)]
        examples = shown[: self.examples] if self.is_natural else []
        fresh = _fresh(draw, random.Random(f"{family}/{seed}"), MOST_DRAWS * n, {problem.id for problem in shown})
        asked = (replace(problem, prompt=_behind(examples, problem.prompt)) for problem in fresh)
        return first_different(asked, n, of=f"the task family {family} with these parameters", fix=fix)


def _fresh(
    draw: Callable[[random.Random], Problem], rng: random.Random, draws: int, shown: Collection[str]
) -> Iterator[Problem]:
    for _ in range(draws):
        problem = draw(rng)
        if problem.id not in shown:
            yield problem


def _behind(examples: Sequence[Problem], question: str) -> str:
    if not examples:
        return question
    worked = "".join(f"Question: {each.prompt}\nResponse: {each.target}\n" for each in examples)
    return f"{worked}Question: {question}\nResponse:"


def own_part(response: str) -> str:
    """A response up to where a model goes on with a question of its own, as after worked examples."""
    return re.split(r"\n\s*Question:", response, maxsplit=1)[0]


def first_answer(response: str, value: str) -> re.Match[str] | None:
    """The first place where an answer stands that matches the pattern `value`; the group 1 is what matched it."""
    return re.search(rf"{MARK}({value})", response, re.IGNORECASE | re.ASCII)


def plain_number(text: str) -> str:
    """A number without commas between thousands, and with an ASCII sign."""
    return text.replace(",", "").replace("\u2212", "-")


def without_answers(response: str, value: str) -> str:
    """A response in which every stated answer is blanked out: what is left is the working, each word in its place."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"\S", "_", match[0])

    return re.sub(rf"{MARK}{value}", blank, response, flags=re.IGNORECASE | re.ASCII)


def first_words(working: str) -> dict[str, int]:
    """For everything that is written as a word or a number, in small letters: the index of the first such word."""
    found: dict[str, int] = {}
    for index, word in enumerate(working.split()):
        for part in _PART.findall(word):
            found.setdefault(part.replace(",", "").lower(), index)
    return found


def word_at(text: str, offset: int) -> int:
    """Index of the word in which a character stands."""
    return len(re.findall(r"\S+", text[: offset + 1])) - 1


def question_of(prompt: str) -> str:
    """What a prompt asks, without the worked examples in front of it."""
    return prompt.rsplit("Question:", 1)[-1]
