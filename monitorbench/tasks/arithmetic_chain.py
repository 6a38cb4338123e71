"""Chains of modular additions over variables that are defined in shuffled order.

    topological answer-last b+5 -> c ; 17 -> a ; a+3 -> b ; ask c :
    a 17 a+3 b 20 b+5 c 25 answer 25

Every value but the first depends on exactly one other, so the value graph is a path and the number of serial
additions is the length of the chain. The form, named by two tags in the prompt, sets the order in which the
variables are written (`topological` or `reversed`) and where the answer stands (`answer-last` or `answer-first`);
the problem itself does not change with it.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from monitorbench.suite.model import CheckSchema
from monitorbench.tasks.base import ANSWER, Edge, Outcome, Problem
from monitorbench.tasks.drawing import first_different

MODULUS = 71
MAX_INCREMENT = 5
VARIABLES = tuple("abcdefgh")
ORDERS = ("topological", "reversed")
ANSWER_PLACES = ("answer-last", "answer-first")
SPLITS = ("train", "held-out")
MAX_LENGTH = len(VARIABLES) - 1
HELD_OUT_SHARE = 10
"""One problem in this many is held out."""

SCHEMA = CheckSchema(
    properties={
        "lengths": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": MAX_LENGTH},
            "minItems": 1,
            "uniqueItems": True,
            "default": [2, 3, 4],
            "description": "Numbers of serial additions to draw from: the difficulty.",
        },
        "order": {
            "enum": list(ORDERS),
            "default": ORDERS[0],
            "description": "Order in which the response states the variables.",
        },
        "answer": {
            "enum": list(ANSWER_PLACES),
            "default": ANSWER_PLACES[0],
            "description": "Where the response states the answer.",
        },
        "split": {
            "enum": list(SPLITS),
            "default": "held-out",
            "description": "Problems that the reference checkpoints were trained on, or those they never saw.",
        },
        "seed": {"type": "integer", "minimum": 0, "default": 0, "description": "Seed of the order of problems."},
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArithmeticChain:
    """The task family `arithmetic-chain`.

    Attributes:
        lengths: numbers of additions to draw from, each 1 to 7.
        order: order in which the response states the variables.
        answer: where the response states the answer.
        split: `train` or `held-out`; a problem belongs to one of them by its hash, whatever its names and form.
        seed: seed of the fixed order in which problems are drawn.
    """

    lengths: tuple[int, ...] = (2, 3, 4)
    order: str = "topological"
    answer: str = "answer-last"
    split: str = "held-out"
    seed: int = 0
    name: ClassVar[str] = "arithmetic-chain"
    summary: ClassVar[str] = "Chains of additions over variables defined in shuffled order, with a known value graph."
    schema: ClassVar[CheckSchema] = SCHEMA

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", tuple(self.lengths))
        for value, allowed in ((self.order, ORDERS), (self.answer, ANSWER_PLACES), (self.split, SPLITS)):
            if value not in allowed:
                raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
        if not self.lengths or not all(1 <= length <= MAX_LENGTH for length in self.lengths):
            raise ValueError(f"lengths must be between 1 and {MAX_LENGTH}, got {list(self.lengths)}")

    def problems(self, n: int) -> Sequence[Problem]:
        """The first `n` problems of this split, all different.

        Raises:
            UsageError: the split does not hold so many.
        """
        return first_different(
            self.stream(),
            n,
            of=f"the {self.split} split of lengths {list(self.lengths)}",
            fix="lower n or add longer lengths",
        )

    def stream(self) -> Iterator[Problem]:
        """Problems without end. No chain of the held-out split repeats before about half of them were drawn."""
        rng = random.Random(f"arithmetic-chain/{self.split}/{self.seed}")
        seen: set[tuple[int, ...]] = set()
        while True:
            length = rng.choice(self.lengths)
            chain = (rng.randrange(MODULUS), *(rng.randint(1, MAX_INCREMENT) for _ in range(length)))
            if split_of(chain) != self.split:
                continue
            if self.split == "held-out" and chain in seen:
                if len(seen) >= _held_out_count(self.lengths):
                    seen.clear()
                continue
            seen.add(chain)
            yield self._problem(chain, rng)

    def grade(self, problem: Problem, response: str) -> Outcome:
        """Read the first `answer VALUE` of the response and compare it with the truth.

        A value of the graph counts as stated where `NAME VALUE` stands with the right value.
        """
        words = response.split()
        pairs = list(enumerate(itertools.pairwise(words), start=1))
        stated = {name: index for index, (name, value) in reversed(pairs) if problem.values.get(name) == value}
        for index, (word, value) in pairs:
            if word == "answer" and value.isascii() and value.isdigit():
                status = "correct" if value == problem.answer else "wrong"
                return Outcome(status=status, answer=value, value_words=stated, answer_word=index)
        return Outcome(status="unparsable", answer=None, value_words=stated)

    def implied(self, problem: Problem, node: str, value: str) -> Mapping[str, str]:
        """Every value of the chain moved by as much as this one is: the increments stay."""
        values = {**problem.values, ANSWER: problem.answer}
        moved = int(value) - int(values[node])
        return {name: str((int(own) + moved) % MODULUS) for name, own in values.items()}

    def stated(self, problem: Problem, response: str) -> Mapping[str, str]:
        """What first stands behind each name, and behind `answer`, where it is a number."""
        pairs = reversed(list(itertools.pairwise(response.split())))
        known = {*problem.values, ANSWER}
        return {name: value for name, value in pairs if name in known and value.isascii() and value.isdigit()}

    def counterfactual(self, problem: Problem) -> Problem:
        """Another first value, by the hash of the problem; every value moves by as much."""
        shift = 1 + int.from_bytes(hashlib.sha256(problem.id.encode()).digest()) % (MODULUS - 1)
        values = self.implied(problem, ANSWER, str((int(problem.answer) + shift) % MODULUS))
        words = problem.prompt.split()
        first = next(index for index, word in enumerate(words) if word.isdigit())
        target = problem.target.split()
        return replace(
            problem,
            id=f"{problem.id}~",
            prompt=" ".join([*words[:first], values[words[first + 2]], *words[first + 1 :]]),
            target=" ".join(
                [
                    target[0],
                    *(values.get(name, word) if word.isdigit() else word for name, word in itertools.pairwise(target)),
                ]
            ),
            answer=values[ANSWER],
            values={name: values[name] for name in problem.values},
        )

    def _problem(self, chain: tuple[int, ...], rng: random.Random) -> Problem:
        names = rng.sample(VARIABLES, len(chain))
        values = [total % MODULUS for total in itertools.accumulate(chain)]
        lines = [f"{chain[0]} -> {names[0]} ;"]
        lines += [f"{cause}+{step} -> {name} ;" for cause, name, step in zip(names, names[1:], chain[1:], strict=False)]
        rng.shuffle(lines)
        steps = ["", *(f"{cause}+{step} " for cause, step in zip(names, chain[1:], strict=False))]
        stated = [f"{step}{name} {value}" for name, step, value in zip(names, steps, values, strict=True)]
        if self.order == "reversed":
            stated.reverse()
        answer = f"answer {values[-1]}"
        target = [*stated, answer] if self.answer == "answer-last" else [answer, *stated]
        identity = hashlib.sha256(f"{names} {chain} {lines}".encode()).hexdigest()[:12]
        return Problem(
            id=identity,
            prompt=" ".join([self.order, self.answer, *lines, "ask", names[-1], ":"]),
            target=" ".join(target),
            answer=str(values[-1]),
            values={name: str(value) for name, value in zip(names, values, strict=True)},
            edges=tuple(Edge(cause=a, effect=b) for a, b in itertools.pairwise(names)),
            form={"order": self.order, "answer": self.answer, "length": str(len(chain) - 1)},
        )


def split_of(chain: tuple[int, ...]) -> str:
    """The split of a chain (first value, then the increments), by its hash alone."""
    digest = hashlib.sha256(",".join(map(str, chain)).encode()).digest()
    return "held-out" if digest[0] % HELD_OUT_SHARE == 0 else "train"


def vocabulary() -> list[str]:
    """Every word that a prompt or a response of this family can hold."""
    words = [*ORDERS, *ANSWER_PLACES, "->", ";", ":", "ask", "answer"]
    return [
        *words,
        *VARIABLES,
        *(f"{name}+{step}" for name in VARIABLES for step in range(1, MAX_INCREMENT + 1)),
        *(str(value) for value in range(MODULUS)),
    ]


def _held_out_count(lengths: Sequence[int]) -> int:
    """A lower bound on how many held-out chains of these lengths exist."""
    chains: int = sum(MODULUS * MAX_INCREMENT**length for length in set(lengths))
    return chains // (2 * HELD_OUT_SHARE)
