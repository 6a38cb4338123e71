"""Sequences in which every term follows from the one before, written in either order and with the last as the answer.

What the families `hidden-digit`, `reverse-chain` and `collatz` share: they differ in the rule alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from monitorbench.tasks.arithmetic_chain import ORDERS
from monitorbench.tasks.base import Edge, Outcome, Problem
from monitorbench.tasks.wording import (
    NUMBER,
    Wording,
    first_answer,
    first_words,
    own_part,
    plain_number,
    without_answers,
    word_at,
)

DIRECTIONS = {"topological": "from the first to the last", "reversed": "from the last to the first"}
WRITTEN = " as written"
"""Ends the name of a value that stands for a term which may not be stated."""


def order(default: str) -> dict[str, Any]:
    """The parameter that sets the order of the terms."""
    what = "Order in which the response states the terms: reversed is from the last to the first."
    return {"order": {"enum": list(ORDERS), "default": default, "description": what}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """One sequence.

    Attributes:
        rule: what decides it, in words that belong to no form; the problem's id is made from it.
        values: its terms, all different.
        written: the terms that have to be written in another way than as numbers, by their index.
    """

    rule: str
    values: tuple[int, ...]
    written: Mapping[int, str] = field(default_factory=dict)

    def problem(self, wording: Wording, *, question: str, form: Mapping[str, str]) -> Problem:
        """The problem that asks for the sequence.

        Args:
            wording: how it is put.
            question: the prompt without examples.
            form: further settings of the form.
        """
        texts = [self.written.get(index, str(value)) for index, value in enumerate(self.values)]
        if wording.order == "reversed":
            texts.reverse()
        answer = str(self.values[-1])
        return Problem(
            id=hashlib.sha256(self.rule.encode()).hexdigest()[:12],
            prompt=question,
            target=wording.response((", " if wording.is_natural else " ").join(texts), answer),
            answer=answer,
            values=self._nodes(),
            edges=self._edges(),
            form={"form": wording.form, "order": wording.order, "answer": wording.answer, **form},
        )

    def _nodes(self) -> dict[str, str]:
        stated = {f"t{index}": str(value) for index, value in enumerate(self.values)}
        return stated | {f"t{index}{WRITTEN}": text for index, text in self.written.items()}

    def _edges(self) -> tuple[Edge, ...]:
        names = [f"t{index}" for index in range(len(self.values))]
        chain = tuple(Edge(cause=cause, effect=effect) for cause, effect in pairwise(names))
        return chain + tuple(Edge(cause=f"t{index}", effect=f"t{index}{WRITTEN}") for index in self.written)


def asked(wording: Wording, *, terms: str, last: str = "the last term") -> str:
    """The end of a natural question: what has to be written."""
    return wording.instruction(f"{terms}, {DIRECTIONS[wording.order]}, separated by commas", last)


def grade(problem: Problem, response: str) -> Outcome:
    """Read the first stated answer; a value counts where the working first states it.

    What a model writes after a further question of its own does not count.
    """
    own = own_part(response)
    stated = first_words(without_answers(own, NUMBER))
    words = {name: stated[text.lower()] for name, text in problem.values.items() if text.lower() in stated}
    found = first_answer(own, NUMBER)
    if found is None:
        return Outcome(status="unparsable", answer=None, value_words=words)
    answer = plain_number(found[1])
    status = "correct" if answer == problem.answer else "wrong"
    return Outcome(status=status, answer=answer, value_words=words, answer_word=word_at(own, found.start(1)))


def tokens_prompt(wording: Wording, words: Sequence[object]) -> str:
    """A prompt in token form: the tags of the form, then the words of the problem."""
    return " ".join([wording.order, wording.answer, *map(str, words), ":"])
