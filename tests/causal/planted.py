"""Toy models of the chains task whose links between values are planted, run by the code that runs every model.

They know the right response to each prompt, write it at every step, and differ in what they do about a value on their
canvas that is not their own.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch

from monitorbench.adapters.base import Channel, Edit, Event, Hook, Index, Limits, Output
from monitorbench.causal.trial import Design
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.missing import record_all
from monitorbench.rollouts.recorder import Recording, prepare
from monitorbench.rollouts.store import RunStore
from monitorbench.suite.model import Sampling
from monitorbench.tasks.arithmetic_chain import MODULUS, ArithmeticChain, vocabulary

WORDS = ["<end>", *vocabulary()]
STEPS, WIDTH = 4, 18
LINKS = ("forward", "backward", "symmetric", "disconnected", "unstable")


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A model whose canvas is text from the first step on.

    Attributes:
        links: which values follow one that was changed: later ones, earlier ones, all, none, or none but at random.
        targets: the right response by prompt.
        carry: whether what follows is carried in a channel beside the canvas, and not on the canvas.
        tail: whether the answer moves when the padding behind the text is changed.
    """

    links: str
    targets: Mapping[str, str]
    carry: bool = False
    tail: bool = False
    family: ClassVar[str] = "planted"
    summary: ClassVar[str] = "A toy."
    settings: ClassVar[tuple[str, ...]] = ()
    left_to_right: ClassVar[bool] = False
    vocab_size: ClassVar[int] = len(WORDS)
    max_length: ClassVar[int] = 1000
    model: Any = field(default_factory=torch.nn.Module)

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (Channel(name="memo", axis="step", kind="logits", exact=True),) if self.carry else ()

    def carries(self, _: Any) -> tuple[Channel, ...]:
        return self.channels

    def under(self, _: Any) -> Planted:
        return self

    def extra_positions(self, _: Limits) -> int:
        return 0

    def encode(self, prompt: str) -> list[int]:
        return [WORDS.index(word) for word in prompt.split()]

    def decode(self, tokens: Sequence[int]) -> str:
        return " ".join(WORDS[token] for token in tokens if token)

    def read(self, _: str, value: Any) -> Any:
        return value

    def write(self, _: str, logits: Any, like: Any) -> Any:
        return logits.to(like.dtype)

    def generate(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], hook: Hook | None, limits: Limits
    ) -> Output:
        del limits
        own = [self.encode(self.targets[self.decode(prompt)]) for prompt in prompts]
        own = [[*row, *[0] * (WIDTH - len(row))] for row in own]
        changed: list[dict[int, int]] = [{} for _ in prompts]
        for step in range(STEPS):
            canvas = [self.written(*each, step) for each in zip(own, changed, seeds, strict=True)]
            if hook is not None:
                self.show(hook, step, seeds, canvas, changed)
        ends = [row.index(0) if 0 in row else WIDTH for row in canvas]
        return Output(
            tokens=tuple(tuple(row[:end]) for row, end in zip(canvas, ends, strict=True)),
            finished=tuple(end < WIDTH for end in ends),
        )

    def show(self, hook: Hook, step: int, seeds: Any, canvas: Any, changed: Any) -> None:
        """Show the step, and keep where the hook leaves something else than was written or carried."""
        tokens_BP = torch.tensor(canvas)
        memo_BPV = torch.nn.functional.one_hot(tokens_BP, len(WORDS)).float().log()
        common: dict[str, Any] = {"index": Index(block=0, step=step), "seeds": seeds, "tokens": tokens_BP}
        common |= {"live": torch.ones(len(canvas), dtype=torch.bool), "committed": torch.ones_like(tokens_BP).bool()}
        events = [Event(**common, logits=memo_BPV)]
        events += [Event(**common, channel="memo", value=memo_BPV)] if self.carry else []
        for event in events:
            edit = hook(event) or Edit()
            found_BP = edit.tokens if event.channel is None else None
            if isinstance(edit.value, torch.Tensor):
                found_BP = edit.value.argmax(-1)
            if found_BP is None or self.carry != (event.channel is not None):
                continue
            for row, (was, now) in enumerate(zip(canvas, found_BP.tolist(), strict=True)):
                changed[row] |= {place: now[place] for place in range(WIDTH) if was[place] != now[place]}

    def written(self, own: list[int], changed: dict[int, int], seed: int, step: int) -> list[int]:
        """What stands on the canvas after a step."""
        rng = random.Random(f"{seed}/{step}/{sorted(changed.items())}")
        text = [
            self.moved(own, changed, place, rng) if WORDS[own[place]].isdigit() else own[place]
            for place in range(WIDTH)
        ]
        return [changed.get(place, token) for place, token in enumerate(text)]

    def moved(self, own: list[int], changed: dict[int, int], place: int, rng: random.Random) -> int:
        text = [other for other in changed if WORDS[own[other]].isdigit() and WORDS[changed[other]].isdigit()]
        if self.tail and set(changed) - set(text):
            return WORDS.index(str((int(WORDS[own[place]]) + 1) % MODULUS))
        near = sorted((other for other in text if self.follows(place, other)), key=lambda other: abs(other - place))
        if self.links == "unstable" and text:
            return WORDS.index(str(rng.randrange(MODULUS)))
        if not near:
            return own[place]
        by = int(WORDS[changed[near[0]]]) - int(WORDS[own[near[0]]])
        return WORDS.index(str((int(WORDS[own[place]]) + by) % MODULUS))

    def follows(self, place: int, other: int) -> bool:
        ways = {"forward": other < place, "backward": other > place, "symmetric": True}
        return ways.get(self.links, False)


def recorded(task: ArithmeticChain, n: int = 24, **model: Any) -> tuple[Recording, RunStore]:
    """The rollouts of a planted model, as it is."""
    problems = task.problems(n)
    known = [*problems, *map(task.counterfactual, problems)]
    adapter: Any = Planted(targets={problem.prompt: problem.target for problem in known}, **model)
    return of_adapter(adapter, task, problems, batch_size=5)


def of_adapter(adapter: Any, task: ArithmeticChain, problems: Any, **sampling: Any) -> tuple[Recording, RunStore]:
    """The rollouts of any model, as it is."""
    settings = replace(Sampling(max_new_tokens=WIDTH), **sampling)
    base = prepare(
        Arm(role="candidate", task="chain"), adapter=adapter, task=task, problems=problems, sampling=settings
    )
    store = RunStore()
    list(record_all([base], store))
    return base, store


DESIGN = Design()


def measured(experiment: Any, base: Recording, store: RunStore, *how: Any, **settings: Any) -> Any:
    """Record an experiment and score it from the store alone."""
    list(experiment.record(base, store, *how, **settings))
    return experiment.score(base.arm, store, *how, **settings)
