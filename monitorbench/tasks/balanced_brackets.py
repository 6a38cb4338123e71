"""Sequences of brackets that have to be closed: which closing brackets complete one, and in which order.

    Which closing brackets complete this sequence?  ( [ ] { ...
    Open: ( {. Answer: } )

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560), where the probability of brackets was smeared over
several places while their number was not settled. The brackets that are still open are the working, and what closes
them follows from all of them.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from monitorbench.suite.model import CheckSchema
from monitorbench.tasks.arithmetic_chain import ANSWER_PLACES
from monitorbench.tasks.base import Edge, Outcome, Problem
from monitorbench.tasks.wording import ANSWER, FORM, Wording, first_answer, own_part, require_sizes, sizes, word_at

PAIRS = ("()", "[]", "{}", "<>")
MOST = 12
DEFAULT = (4, 5, 6)
CLOSING = "closing"
_BRACKET = r"[()\[\]{}<>]"
_RUN = rf"{_BRACKET}(?:[\s,]*{_BRACKET})*"
_OPEN = re.compile(rf"(?<!\w)open(?!\w)[\s:=*`]*({_RUN})", re.IGNORECASE)

SCHEMA = CheckSchema(
    properties={
        **sizes("depths", smallest=1, largest=MOST, default=DEFAULT, what="Numbers of open brackets").properties,
        "kinds": {
            "type": "integer",
            "minimum": 1,
            "maximum": len(PAIRS),
            "default": 3,
            "description": "Kinds of brackets.",
        },
        **ANSWER,
        **FORM,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BalancedBrackets:
    """The task family `balanced-brackets`.

    Attributes:
        depths: numbers of open brackets to draw from, each 1 to 12.
        kinds: kinds of brackets, 1 to 4.
        answer: where the response states the closing brackets.
        form: `natural` or `tokens`.
        examples: worked examples in front of a natural prompt, 0 to 8.
        seed: seed of the fixed order in which problems are drawn.
    """

    depths: tuple[int, ...] = DEFAULT
    kinds: int = 3
    answer: str = "answer-last"
    form: str = "natural"
    examples: int = 2
    seed: int = 0
    name: ClassVar[str] = "balanced-brackets"
    summary: ClassVar[str] = "Which closing brackets complete a sequence of brackets, in their order."
    schema: ClassVar[CheckSchema] = SCHEMA

    def __post_init__(self) -> None:
        object.__setattr__(self, "depths", tuple(self.depths))
        require_sizes("depths", self.depths, 1, MOST)
        if not 1 <= self.kinds <= len(PAIRS):
            raise ValueError(f"kinds must be between 1 and {len(PAIRS)}, got {self.kinds}")
        _ = self.wording

    @property
    def wording(self) -> Wording:
        """How problems are put."""
        return Wording(form=self.form, answer=self.answer, examples=self.examples)

    def problems(self, n: int) -> Sequence[Problem]:
        """The first `n` problems, all different.

        Raises:
            UsageError: there are not so many.
        """
        fix = "lower n, add larger depths or more kinds"
        return self.wording.problems(self.draw, n, family=self.name, seed=self.seed, fix=fix)

    def grade(self, problem: Problem, response: str) -> Outcome:
        """Compare the brackets of the first stated answer, all of them, with the ones that are needed.

        A bracket of the working counts as stated where it is the right one at its place; the answer stands where its
        last bracket does.
        """
        own = own_part(response)
        opened, found = _OPEN.search(own), first_answer(own, _RUN)
        words = _stated(problem.values, opened, own)
        if found is None:
            return Outcome(status="unparsable", answer=None, value_words=words)
        answer, word = "".join(re.findall(_BRACKET, found[1])), word_at(own, found.end(1) - 1)
        if answer != problem.answer:
            return Outcome(status="wrong", answer=answer, value_words=words, answer_word=word)
        return Outcome(status="correct", answer=answer, value_words={**words, CLOSING: word}, answer_word=word)

    def draw(self, rng: random.Random) -> Problem:
        """One problem, its prompt without examples; which one it is does not depend on the wording."""
        pairs, kinds = PAIRS[: self.kinds], [rng.choice(PAIRS[: self.kinds]) for _ in range(rng.choice(self.depths))]
        sequence = " ".join(" ".join((pair[0], *_closed(pairs, rng))) for pair in kinds)
        opened, closing = [pair[0] for pair in kinds], [pair[1] for pair in reversed(kinds)]
        working = f"{'Open: ' if self.wording.is_natural else 'open '}{' '.join(opened)}"
        return Problem(
            id=hashlib.sha256(f"balanced-brackets {sequence}".encode()).hexdigest()[:12],
            prompt=self._question(sequence),
            target=self.wording.response(working, " ".join(closing)),
            answer="".join(closing),
            values={**_named(opened), CLOSING: "".join(closing)},
            edges=tuple(Edge(cause=name, effect=CLOSING) for name in _named(opened)),
            form={"form": self.form, "answer": self.answer, "depth": str(len(kinds))},
        )

    def _question(self, sequence: str) -> str:
        if not self.wording.is_natural:
            return f"{self.answer} close {sequence} :"
        asked = self.wording.instruction(
            '"Open: " and the brackets that are still open, from the first to the last', "the closing brackets in order"
        )
        return f"Which closing brackets complete the sequence {sequence} ? {asked}"


def _closed(pairs: Sequence[str], rng: random.Random) -> str:
    """Nothing, a closed pair, or one inside another."""
    inside = ""
    for _ in range(rng.randrange(3)):
        outer = rng.choice(pairs)
        inside = f"{outer[0]}{inside}{outer[1]}"
    return inside


def _named(opened: Sequence[str]) -> dict[str, str]:
    return {f"open {place}": bracket for place, bracket in enumerate(opened, start=1)}


def _stated(values: Mapping[str, str], run: re.Match[str] | None, text: str) -> dict[str, int]:
    """Words of the open brackets of a run that are the right ones at their places."""
    if run is None:
        return {}
    found = enumerate(re.finditer(_BRACKET, run[1]), start=1)
    return {
        f"open {place}": word_at(text, run.start(1) + bracket.start())
        for place, bracket in found
        if values.get(f"open {place}") == bracket[0]
    }


def vocabulary() -> list[str]:
    """Every word that a prompt or a response in token form can hold."""
    return [*ANSWER_PLACES, "close", "open", ":", "answer", *"".join(PAIRS)]
