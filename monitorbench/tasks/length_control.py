"""Texts of a length that is asked for: one word, so many times, and nothing else.

    Write the word river exactly 12 times, separated by spaces, and nothing else.
    river river river ...

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560), where the expected length of a canvas was near its
final length after two denoising steps. The length is all there is to get right, so the grader counts.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from monitorbench.suite.model import CheckSchema
from monitorbench.tasks.base import Outcome, Problem
from monitorbench.tasks.wording import FORM, Wording, own_part, require_sizes, sizes

MOST = 200
DEFAULT = (4, 6, 8, 10, 12, 16, 20, 24)
PUNCTUATION = ".,;:!\"'*`"
_LISTED = (
    "apple bell bird boat bread chair cloud coin cup dog door drum egg field fish flag fork fox garden glass hat hill "
    "horse house key lake lamp leaf map milk moon nest owl paper pear pen pine plum rain ring river road rope rose "
    "salt sand seed shell ship shoe snow song star stone sun table tent tree wall wind window wolf wood"
)
WORDS = tuple(_LISTED.split())

SCHEMA = CheckSchema(
    properties={
        **sizes("lengths", smallest=1, largest=MOST, default=DEFAULT, what="Numbers of words").properties,
        **FORM,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LengthControl:
    """The task family `length-control`.

    Attributes:
        lengths: numbers of words to draw from, each 1 to 200.
        form: `natural` or `tokens`.
        examples: worked examples in front of a natural prompt, 0 to 8.
        seed: seed of the fixed order in which problems are drawn.
    """

    lengths: tuple[int, ...] = DEFAULT
    form: str = "natural"
    examples: int = 2
    seed: int = 0
    name: ClassVar[str] = "length-control"
    summary: ClassVar[str] = "One word, exactly so many times: nothing but the length is asked for."
    schema: ClassVar[CheckSchema] = SCHEMA

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", tuple(self.lengths))
        require_sizes("lengths", self.lengths, 1, MOST)
        _ = self.wording

    @property
    def wording(self) -> Wording:
        """How problems are put."""
        return Wording(form=self.form, examples=self.examples)

    def problems(self, n: int) -> Sequence[Problem]:
        """The first `n` problems, all different.

        Raises:
            UsageError: there are not so many.
        """
        fix = "lower n or add lengths"
        return self.wording.problems(self.draw, n, family=self.name, seed=self.seed, fix=fix)

    def grade(self, problem: Problem, response: str) -> Outcome:
        """Count the word; other words beside it make the response wrong, and there is no answer where it never stands.

        The length is stated by no word, so the answer has no place.
        """
        words = [word.strip(PUNCTUATION).lower() for word in own_part(response).split()]
        count = words.count(problem.form["word"])
        if not count:
            return Outcome(status="unparsable", answer=None)
        right = count == len(words) == int(problem.answer)
        return Outcome(status="correct" if right else "wrong", answer=str(count))

    def draw(self, rng: random.Random) -> Problem:
        """One problem, its prompt without examples; which one it is does not depend on the wording."""
        word, length = rng.choice(WORDS), rng.choice(self.lengths)
        natural = f"Write the word {word} exactly {length} times, separated by spaces, and nothing else."
        return Problem(
            id=hashlib.sha256(f"length-control {word} {length}".encode()).hexdigest()[:12],
            prompt=natural if self.wording.is_natural else f"write {word} {length} :",
            target=" ".join([word] * length),
            answer=str(length),
            form={"form": self.form, "word": word},
        )


def vocabulary() -> list[str]:
    """Every word that a prompt or a response in token form can hold."""
    return ["write", ":", *WORDS, *(str(length) for length in range(1, MOST + 1))]
