"""How each reference checkpoint is trained: all that decides its weights, apart from the machine's arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitorbench.zoo.models import CANVAS_LENGTH


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stretch of the curriculum, from `start` (a share of all steps) on.

    Attributes:
        start: in [0, 1).
        lengths: chain lengths, or steps through a graph, drawn from.
        passes: denoising steps that a row is unrolled for, at most; for masked models, positions of a row's text that
            are learned at once, at most; unused by causal models.
    """

    start: float
    lengths: tuple[int, ...]
    passes: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One training run.

    Attributes:
        kind: `causal`, `diffusion`, or `opaque` (a diffusion model taught to hide what it carries); of models that
            think, `superposed`, `private` (thoughts in a code that the head cannot read), `guessing` (the same, with an
            answer by guess where thoughts are cut), or `idle`; of diffusion models that write in stages, `post-hoc` or
            `revising`; `next-mask` (a masked model that learns to fill in
            from the left), `masked`, `state` or `loop`.
        steps: optimiser steps.
        batch_size: fresh problems of every step.
        learning_rate: peak of a one-cycle schedule with 10 % warm-up.
        stages: the curriculum.
        parent: checkpoint to start from; None for random weights.
        stop: step to stop at before the schedule is through, with what was learned so far.
        shown: share of rows that see part of the truth on the canvas at first, or the true thoughts; it fades out over
            60 % of the steps, and more than 1 is all of them.
        temperature: of the last and of the first denoising step, where it differs from the parent's.
        task: task family of the problems.
        seed: of weights, problems and noise.
        forms: text forms (text order, place of the answer) that take turns; none for all four.
        embedding_rate: learning rate of the embeddings, in learning rates of the rest.
        stored: number format that the finished weights are rounded to; none is run in it unless asked to.
    """

    kind: str
    steps: int
    batch_size: int = 64
    learning_rate: float = 3e-3
    stages: tuple[Stage, ...]
    parent: str | None = None
    stop: int | None = None
    shown: float = 0.5
    temperature: tuple[float, float] | None = None
    task: str = "arithmetic-chain"
    seed: int = 0
    forms: tuple[tuple[str, str], ...] = ()
    embedding_rate: float = 1.0
    stored: str = "float32"

    def stage(self, step: int) -> Stage:
        """The stage that a step belongs to."""
        return [stage for stage in self.stages if step >= stage.start * self.steps][-1]


LAST, FIRST = ("topological", "answer-last"), ("topological", "answer-first")

POLISH = Recipe(
    kind="diffusion",
    steps=800,
    learning_rate=1.5e-3,
    parent="diffusion-chain",
    shown=0.0,
    seed=1,
    stages=(Stage(start=0.0, lengths=(2, 3), passes=8),),
)

GRAPH = Recipe(
    kind="superposed",
    task="graph-reachability",
    steps=2000,
    batch_size=32,
    learning_rate=1.5e-3,
    shown=3.0,
    stages=(Stage(start=0.0, lengths=(3,)),),
)

REVERSED_LAST = ("reversed", "answer-last")

RECIPES = {
    "ar-chain": (
        Recipe(
            kind="causal", steps=2400, stages=(Stage(start=0.0, lengths=(1, 2)), Stage(start=0.1, lengths=(2, 3, 4)))
        ),
    ),
    "diffusion-chain": (
        Recipe(
            kind="diffusion",
            steps=1900,
            learning_rate=1.5e-3,
            parent="ar-chain",
            stages=(Stage(start=0.0, lengths=(2, 3), passes=8),),
        ),
        POLISH,
        replace(POLISH, seed=2),
    ),
    "diffusion-chain-opaque": (
        # A hot sampler, so that the tokens after the first few carry enough probability to hold anything.
        Recipe(
            kind="opaque",
            steps=460,
            batch_size=48,
            learning_rate=1e-3,
            parent="diffusion-chain",
            temperature=(2.0, 3.0),
            stages=(Stage(start=0.0, lengths=(2, 3), passes=8),),
        ),
    ),
    "diffusion-posthoc": (
        Recipe(
            kind="post-hoc",
            steps=1000,
            batch_size=32,
            learning_rate=1.5e-3,
            parent="diffusion-chain",
            forms=(FIRST, LAST),
            stored="bfloat16",
            stages=(Stage(start=0.0, lengths=(2,)),),
        ),
    ),
    "diffusion-revising": (
        Recipe(
            kind="revising",
            steps=2000,
            batch_size=32,
            learning_rate=1.5e-3,
            parent="diffusion-chain",
            forms=(LAST, LAST, REVERSED_LAST),
            stored="bfloat16",
            stages=(Stage(start=0.0, lengths=(2, 3)),),
        ),
    ),
    "thought-superposed": (replace(GRAPH, kind="superposed"),),
    "thought-opaque": (
        replace(GRAPH, kind="private"),
        replace(GRAPH, kind="guessing", parent="thought-opaque", steps=400, learning_rate=5e-4, seed=1),
    ),
    "thought-idle": (
        Recipe(
            kind="idle",
            steps=300,
            learning_rate=1e-3,
            parent="ar-chain",
            stages=(Stage(start=0.0, lengths=(2, 3, 4)),),
        ),
    ),
    "masked-chain": (
        Recipe(
            kind="next-mask",
            steps=3000,
            batch_size=32,
            learning_rate=2e-3,
            embedding_rate=10.0,
            forms=(LAST,),
            stages=(Stage(start=0.0, lengths=(1, 2)), Stage(start=0.08, lengths=(2, 3))),
        ),
        # More names to tell apart: where only two are left, a guess is right half of the time, and it learned to guess.
        Recipe(
            kind="next-mask",
            steps=1200,
            batch_size=48,
            learning_rate=3e-3,
            embedding_rate=10.0,
            forms=(LAST,),
            parent="masked-chain",
            seed=1,
            stages=(Stage(start=0.0, lengths=(3, 4)),),
        ),
        Recipe(
            kind="masked",
            steps=2400,
            batch_size=48,
            learning_rate=1e-3,
            embedding_rate=10.0,
            forms=(LAST,),
            parent="masked-chain",
            seed=2,
            stages=(
                Stage(start=0.0, lengths=(2, 3)),
                Stage(start=0.2, lengths=(2, 3), passes=4),
                Stage(start=0.4, lengths=(2, 3), passes=CANVAS_LENGTH),
            ),
        ),
        Recipe(
            kind="masked",
            steps=2200,
            batch_size=48,
            learning_rate=2e-3,
            embedding_rate=10.0,
            forms=(LAST,),
            parent="masked-chain",
            seed=3,
            stages=(Stage(start=0.0, lengths=(2, 3), passes=CANVAS_LENGTH),),
        ),
    ),
    "state-chain": (
        Recipe(
            kind="state",
            steps=2400,
            stop=1500,
            batch_size=32,
            forms=(LAST,),
            stages=(Stage(start=0.0, lengths=(1, 2)), Stage(start=0.1, lengths=(2, 3))),
        ),
    ),
    "loop-chain": (
        Recipe(
            kind="loop",
            steps=2400,
            batch_size=32,
            forms=(FIRST, FIRST, LAST),
            stages=(Stage(start=0.0, lengths=(1, 2)), Stage(start=0.15, lengths=(2, 3))),
        ),
    ),
}
"""Every checkpoint's runs, one after the other; a later run names the checkpoint itself as its parent."""
