"""Directed graphs of several equal parts, in one of which the root lies: which candidate can be reached from it?

    c d ; a b ; e f ; b h ; ... which g f d h from a
    answer h

Every candidate ends a part of its own, and all parts are drawn alike: a root of its own, then levels of `WIDTH` nodes,
each reached from a random node of the level before. Which part the question's root belongs to is drawn last. So
neither the candidates' order and degrees, nor their depth below their own root, nor anything but the way from the root
tells the reachable one from the others, and guessing is right once in as many times as there are candidates. The
number of steps from the root to the candidate is the number of levels.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

from monitorbench.suite.model import CheckSchema
from monitorbench.tasks.base import Edge, Outcome, Problem
from monitorbench.tasks.drawing import first_different

NODES = tuple(string.ascii_lowercase + string.ascii_uppercase[:10])
WIDTH = 2
MAX_HOPS, MAX_CANDIDATES = 4, 4
SPLITS = ("train", "held-out")
HELD_OUT_SHARE = 10
"""One problem in this many is held out."""

SCHEMA = CheckSchema(
    properties={
        "hops": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": MAX_HOPS},
            "minItems": 1,
            "uniqueItems": True,
            "default": [3],
            "description": "Numbers of steps from the root to the answer to draw from: the difficulty.",
        },
        "candidates": {
            "type": "integer",
            "minimum": 2,
            "maximum": MAX_CANDIDATES,
            "default": 4,
            "description": "Nodes to choose from, one of them reachable: guessing is right once in so many times.",
        },
        "split": {
            "enum": list(SPLITS),
            "default": "held-out",
            "description": "Problems that the reference checkpoints were trained on, or those they never saw.",
        },
        "seed": {"type": "integer", "minimum": 0, "default": 0, "description": "Seed of the order of problems."},
    }
)

Arrow: TypeAlias = tuple[str, str]
"""The node it leaves, and the node it leads to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphReachability:
    """The task family `graph-reachability`.

    Attributes:
        hops: numbers of steps from the root to the answer to draw from, each 1 to 4.
        candidates: nodes to choose from, 2 to 4.
        split: `train` or `held-out`; a problem belongs to one of them by the hash of its graph and its root.
        seed: seed of the fixed order in which problems are drawn.
    """

    hops: tuple[int, ...] = (3,)
    candidates: int = 4
    split: str = "held-out"
    seed: int = 0
    name: ClassVar[str] = "graph-reachability"
    summary: ClassVar[str] = "Directed graphs of equal parts: which of the candidates can be reached from the root."
    schema: ClassVar[CheckSchema] = SCHEMA

    def __post_init__(self) -> None:
        object.__setattr__(self, "hops", tuple(self.hops))
        if self.split not in SPLITS:
            raise ValueError(f"{self.split!r} is not one of {', '.join(SPLITS)}")
        if not self.hops or not all(1 <= hops <= MAX_HOPS for hops in self.hops):
            raise ValueError(f"hops must be between 1 and {MAX_HOPS}, got {list(self.hops)}")
        if not 2 <= self.candidates <= MAX_CANDIDATES:
            raise ValueError(f"candidates must be between 2 and {MAX_CANDIDATES}, got {self.candidates}")

    def problems(self, n: int) -> Sequence[Problem]:
        """The first `n` problems of this split, all different.

        Raises:
            UsageError: the split does not hold so many.
        """
        return first_different(
            self.stream(), n, of=f"the {self.split} split of hops {list(self.hops)}", fix="lower n or add larger hops"
        )

    def stream(self) -> Iterator[Problem]:
        """Problems without end."""
        rng = random.Random(f"graph-reachability/{self.split}/{self.seed}")
        while True:
            problem = self._problem(rng)
            if split_of(*parsed(problem.prompt)[:2]) == self.split:
                yield problem

    def grade(self, problem: Problem, response: str) -> Outcome:
        """Read the first `answer NODE` of the response and compare it with the truth."""
        for index, (word, node) in enumerate(itertools.pairwise(response.split()), start=1):
            if word == "answer" and node in NODES:
                return Outcome(status="correct" if node == problem.answer else "wrong", answer=node, answer_word=index)
        return Outcome(status="unparsable", answer=None)

    def counterfactual(self, problem: Problem) -> Problem:
        """The same graph asked from another root, so that the next candidate is the answer; of either split."""
        arrows, _, candidates = parsed(problem.prompt)
        answer = candidates[(candidates.index(problem.answer) + 1) % len(candidates)]
        return replace(_asked(arrows, candidates, answer), id=f"{problem.id}~")

    def _problem(self, rng: random.Random) -> Problem:
        hops = rng.choice(self.hops)
        size = 1 + WIDTH * hops
        names = rng.sample(NODES, self.candidates * size)
        parts = [names[start : start + size] for start in range(0, len(names), size)]
        arrows = [arrow for part in parts for arrow in _grown(part, rng)]
        # The last level is what all candidates come from; which of its nodes, does not matter.
        ends = [part[-1] for part in parts]
        chosen = rng.randrange(self.candidates)
        answer = ends[chosen]
        rng.shuffle(arrows)
        rng.shuffle(ends)
        return _asked(arrows, ends, answer)


def _asked(arrows: Sequence[Arrow], candidates: Sequence[str], answer: str) -> Problem:
    """The question whose answer is that candidate."""
    root, *way = way_to(arrows, answer)
    graph = " ".join(f"{source} {target} ;" for source, target in arrows)
    prompt = f"{graph} which {' '.join(candidates)} from {root}"
    values = {f"node {hop}": node for hop, node in enumerate(way, start=1)}
    return Problem(
        id=hashlib.sha256(prompt.encode()).hexdigest()[:12],
        prompt=prompt,
        target=f"answer {answer}",
        answer=answer,
        values=values,
        edges=tuple(Edge(cause=cause, effect=effect) for cause, effect in itertools.pairwise(values)),
        form={"hops": str(len(way)), "candidates": str(len(candidates))},
    )


def _grown(part: Sequence[str], rng: random.Random) -> Iterator[Arrow]:
    """Arrows of one part: its first node is its root, and every `WIDTH` after it a level."""
    above = part[:1]
    for start in range(1, len(part), WIDTH):
        level = part[start : start + WIDTH]
        yield from ((rng.choice(above), node) for node in level)
        above = level


def parsed(prompt: str) -> tuple[tuple[Arrow, ...], str, tuple[str, ...]]:
    """Arrows, root and candidates, read back from a prompt."""
    graph, question = prompt.split(" which ")
    words = graph.split()
    arrows = tuple(zip(words[::3], words[1::3], strict=True))
    *candidates, _, root = question.split()
    return arrows, root, tuple(candidates)


def frontier(arrows: Sequence[Arrow], root: str, steps: int) -> frozenset[str]:
    """The nodes that lie exactly so many steps from the root."""
    found = frozenset({root})
    for _ in range(steps):
        found = frozenset(target for source, target in arrows if source in found)
    return found


def way_to(arrows: Sequence[Arrow], end: str) -> list[str]:
    """The nodes on the way to one, from the root of its part on; each has at most one parent."""
    above = {target: source for source, target in arrows}
    nodes = [end]
    while nodes[-1] in above:
        nodes.append(above[nodes[-1]])
    return nodes[::-1]


def split_of(arrows: Sequence[Arrow], root: str) -> str:
    """The split of a problem, by the hash of its graph and its root, whatever the order of the arrows."""
    digest = hashlib.sha256(f"{sorted(arrows)} {root}".encode()).digest()
    return "held-out" if digest[0] % HELD_OUT_SHARE == 0 else "train"


def vocabulary() -> list[str]:
    """Every word that a prompt or a response of this family can hold."""
    return [";", "which", "from", "answer", *NODES]
