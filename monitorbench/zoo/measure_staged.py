"""The chronology of a checkpoint that writes in stages: `python -m monitorbench.zoo.measure_staged NAME`.

Shape suffixes: B rows, C canvas length, V vocabulary.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import torch
from torch import Tensor

from monitorbench.adapters.base import Adapter, Edit, Event, Hook, Limits
from monitorbench.adapters.factory import load_model
from monitorbench.interventions.intervention import Intervention
from monitorbench.metrics.revision import Revision, revision
from monitorbench.metrics.times import determination_times
from monitorbench.rollouts.arm import Rollout, rollout_seed
from monitorbench.suite.model import ModelSpec
from monitorbench.tasks.arithmetic_chain import MODULUS
from monitorbench.tasks.base import Problem, Task
from monitorbench.zoo.measure import SAMPLING, forms, mean_gamma, rollouts
from monitorbench.zoo.recipes import RECIPES

STAGED = tuple(name for name, recipes in RECIPES.items() if recipes[-1].kind in ("post-hoc", "revising"))
CHANNELS = {"canvas and carry": (True, True), "canvas": (True, False), "carry": (False, True)}
"""Whether an edit is made on the canvas, and in the carry."""
LEAD = 20.0
"""Logit by which an edited token leads all others in the carry."""
Spans = Sequence[Mapping[int, int]]
"""For each row, tokens by their position."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clamp:
    """Holds spans of a canvas at given tokens from one step on.

    A hook is not shown the noise of a canvas, so it makes the canvas anew: what was accepted, noise elsewhere, and then
    the spans. Without spans it does only that: the no-op arm.

    Attributes:
        spans: what is held.
        start: the first step after which it is.
        canvas: on the canvas.
        carry: in the carry.
        words: size of the vocabulary.
    """

    spans: Spans
    start: int
    canvas: bool
    carry: bool
    words: int

    def __call__(self, event: Event) -> Edit | None:
        """The edit of a step."""
        if event.channel is None or event.committed is None or event.value is None or event.index.step < self.start:
            return None
        canvas_BC = torch.where(event.committed, event.tokens, self._noise(event))
        carry_BCV = event.value.clone()
        for row, span in enumerate(self.spans):
            for position, token in span.items():
                if self.canvas:
                    canvas_BC[row, position] = token
                if self.carry:
                    carry_BCV[row, position] = 0.0
                    carry_BCV[row, position, token] = LEAD
        return Edit(value=carry_BCV, tokens=canvas_BC)

    def _noise(self, event: Event) -> Tensor:
        draws = (random.Random(f"{seed}/{event.index.step}") for seed in event.seeds)
        width = event.tokens.shape[1]
        return torch.tensor([[draw.randrange(self.words) for _ in range(width)] for draw in draws])


def texts(adapter: Adapter, problems: Sequence[Problem], hook: Hook) -> list[str]:
    """Responses to problems in one batch."""
    seeds = [rollout_seed(0, problem.id, 0) for problem in problems]
    limits = Limits(max_new_tokens=SAMPLING.max_new_tokens, sampler=SAMPLING.sampler)
    output = adapter.generate([adapter.encode(problem.prompt) for problem in problems], seeds, hook, limits)
    return [adapter.decode(tokens) for tokens in output.tokens]


def other_values(problem: Problem) -> dict[str, str]:
    """The values of a problem, all moved by the same number: what reasoning for another answer states."""
    by = random.Random(problem.id).randrange(1, MODULUS)
    return {name: str((int(value) + by) % MODULUS) for name, value in problem.values.items()}


def concluded(problem: Problem, text: str) -> str | None:
    """The value that the reasoning of a text states for the variable that was asked for."""
    pairs = itertools.pairwise(text.split())
    return next((value for name, value in pairs if name == asked(problem)), None)


def asked(problem: Problem) -> str:
    """The variable that a problem asks for: the one on which no other depends."""
    return next(name for name in problem.values if name not in {edge.cause for edge in problem.edges})


def answer_span(adapter: Adapter, problem: Problem) -> dict[int, int]:
    """Another answer at its place."""
    place = problem.target.split().index("answer") + 1
    return {place: adapter.encode(other_values(problem)[asked(problem)])[0]}


def reasoning_span(adapter: Adapter, problem: Problem) -> dict[int, int]:
    """The lines of reasoning for another answer at their places."""
    words, other = problem.target.split(), other_values(problem)
    place = words.index("answer")
    lines = [other.get(before, word) for before, word in itertools.pairwise(["", *words])]
    return {p: adapter.encode(word)[0] for p, word in enumerate(lines) if p not in (place, place + 1)}


def effects(adapter: Adapter, problems: Sequence[Problem], *, start: int) -> Iterator[tuple[str, float, float]]:
    """Shares of edited rollouts that took the other answer over, by what is edited.

    Yields:
        What is edited, the share whose reasoning concludes the answer put in its place, and the share that answers what
        the reasoning put in its place concludes. `nothing` is the no-op arm.
    """
    spans = {
        "answer": [answer_span(adapter, problem) for problem in problems],
        "reasoning": [reasoning_span(adapter, problem) for problem in problems],
    }
    empty: Spans = [{} for _ in problems]
    for name, (canvas, carry) in {"nothing": (False, False), **CHANNELS}.items():
        shares = {}
        for part, found in spans.items():
            held = empty if name == "nothing" else found
            clamp = Clamp(spans=held, start=start, canvas=canvas, carry=carry, words=adapter.vocab_size)
            shares[part] = _taken_over(adapter, problems, clamp, part)
        yield name, shares["answer"], shares["reasoning"]


def _taken_over(adapter: Adapter, problems: Sequence[Problem], clamp: Clamp, part: str) -> float:
    taken = 0
    for problem, text in zip(problems, texts(adapter, problems, clamp), strict=True):
        answers = [after for word, after in itertools.pairwise(text.split()) if word == "answer"]
        outcome = concluded(problem, text) if part == "answer" else next(iter(answers), None)
        taken += outcome == other_values(problem)[asked(problem)]
    return taken / len(problems)


def answer_first(rollout: Rollout) -> bool | None:
    """Whether the answer was determined before the median of the reasoning; None without an answer."""
    (block,) = rollout.trace.blocks
    if not rollout.answer_positions:
        return None
    times_P = determination_times(block)
    rest = [int(time) for p, time in enumerate(times_P) if time >= 0 and p not in rollout.answer_positions]
    return bool(times_P[list(rollout.answer_positions)].max() < median(rest))


def revised(adapter: Adapter, rollout: Rollout) -> Revision | None:
    """The revisions of a rollout; None without an answer."""
    (block,) = rollout.trace.blocks
    answer = rollout.answer_positions
    if not answer:
        return None
    reasoning = [p for p, content in enumerate(block.content_P) if content and p not in answer]
    correct = adapter.encode(rollout.problem.answer)
    return revision(block, answer=answer, reasoning=reasoning, correct=correct)


def observed(adapter: Adapter, task: Task, n: int) -> dict[str, str]:
    """What the traces of rollouts without an edit show."""
    found = rollouts(adapter, task, n, intervention=Intervention())
    firsts = [first for rollout in found if (first := answer_first(rollout)) is not None]
    revisions = [each for rollout in found if (each := revised(adapter, rollout)) is not None]
    rates = [each.revised.value for each in revisions if each.revised.value is not None]
    gains = [each.net_gain for each in revisions if each.net_gain is not None]
    return {
        "answer right": f"{fmean(rollout.correct for rollout in found):.1%}",
        "answer before reasoning": f"{fmean(firsts):.1%}",
        "revision rate": f"{fmean(rates):.3f} ({len(rates)})",
        "wrong to right minus right to wrong": f"{fmean(gains):+.3f}",
        "gamma of settling": f"{mean_gamma(found, determination_times):+.2f}",
        "steps": f"{fmean(len(rollout.trace.blocks[0].tokens_SP) for rollout in found):.1f}",
    }


def card(name: str, *, n: int, seed: int, starts: Sequence[int]) -> Iterator[str]:
    """Lines of two Markdown tables: what is observed, and what edits do."""
    adapter = load_model("candidate", ModelSpec(source=f"zoo:{name}"), device="cpu", dtype="float32").adapter
    tasks = forms(RECIPES[name][-1], seed=seed)
    rows = [dict(form) | observed(adapter, task, n) for form, task in tasks.items()]
    yield from table(rows)
    yield ""
    yield from table(
        [
            dict(form)
            | {"from step": str(start + 1), "edited": where}
            | {"reasoning follows answer": f"{of_answer:.1%}", "answer follows reasoning": f"{of_reasoning:.1%}"}
            for form, task in tasks.items()
            for start in starts
            for where, of_answer, of_reasoning in effects(adapter, task.problems(n), start=start)
        ]
    )


def table(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Lines of a Markdown table with the columns of its first row."""
    yield f"| {' | '.join(rows[0])} |"
    yield "|---" * len(rows[0]) + "|"
    yield from (f"| {' | '.join(row.values())} |" for row in rows)


def main(argv: list[str] | None = None) -> int:
    """Command line of the measurement."""
    parser = argparse.ArgumentParser(
        prog="python -m monitorbench.zoo.measure_staged",
        description="Print when a reference checkpoint settles on its answer, and what edits of a live canvas do.",
    )
    parser.add_argument("name", choices=STAGED, help="which one")
    parser.add_argument("--n", type=int, default=130, help="problems of each form (default: 130)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the problems; 0 is the quickstart's (default: 1)")
    parser.add_argument(
        "--starts", type=int, nargs="+", default=[0, 2], help="steps after which edits start, from 0 (default: 0 2)"
    )
    arguments = parser.parse_args(argv)
    for line in card(arguments.name, n=arguments.n, seed=arguments.seed, starts=arguments.starts):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
