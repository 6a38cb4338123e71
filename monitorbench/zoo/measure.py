"""The figures of a reference checkpoint's card: `python -m monitorbench.zoo.measure NAME`."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitorbench.adapters.base import Adapter
from monitorbench.adapters.checkpoint import zoo_names
from monitorbench.adapters.factory import load_model
from monitorbench.interventions.intervention import Intervention
from monitorbench.metrics.order import rollout_order
from monitorbench.metrics.times import Clock, commit_times, determination_times, trace_times
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.recorder import record
from monitorbench.suite.model import ModelSpec, Sampling
from monitorbench.tasks.arithmetic_chain import ANSWER_PLACES, ORDERS, ArithmeticChain
from monitorbench.zoo.models import CANVAS_LENGTH
from monitorbench.zoo.recipes import RECIPES

SAMPLING = Sampling(
    max_new_tokens=CANVAS_LENGTH, batch_size=40, sampler={"max_denoising_steps": 8, "entropy_bound": 0.1}
)
"""What the quickstart samples with; a family takes the settings that are its own."""
FORMS = tuple(itertools.product(ORDERS, ANSWER_PLACES))
REMASKING = ("confidence", "left-to-right", "random")


def interventions(adapter: Adapter) -> dict[str, Intervention]:
    """What is done to the checkpoint's carry, in words; a model without one runs only as it is."""
    if not adapter.channels:
        return {"as it is": Intervention()}
    channel = adapter.channels[0].name
    return {
        "as it is": Intervention(),
        "top 8 tokens": Intervention(kind="keep", channel=channel, keep=("top_k", 8)),
        "another prompt's": Intervention(kind="batch-shuffled", channel=channel),
        "nothing": Intervention(kind="zero", channel=channel),
    }


def rollouts(
    adapter: Adapter, task: ArithmeticChain, n: int, *, intervention: Intervention, sampling: Sampling = SAMPLING
) -> list[Rollout]:
    """The rollouts of the first `n` problems of a task, in the order of their ids."""
    arm = Arm(role="candidate", task=task.name, intervention=intervention)
    batches = record(arm, adapter=adapter, task=task, problems=task.problems(n), sampling=sampling)
    return sorted(itertools.chain.from_iterable(batches), key=lambda rollout: rollout.problem.id)


def card(name: str, *, n: int, seed: int) -> Iterator[str]:
    """Lines of Markdown tables: by text form and carry, or by remasking rule where a canvas of masks is filled."""
    adapter = load_model("candidate", ModelSpec(source=f"zoo:{name}"), device="cpu", dtype="float32").adapter
    recipe = RECIPES[name][-1]
    lengths, forms = recipe.stages[-1].lengths, tuple(dict.fromkeys(recipe.forms or FORMS))
    if adapter.family == "masked-diffusion":
        for order, answer in forms:
            yield from by_remasking(adapter, ArithmeticChain(lengths=lengths, order=order, answer=answer, seed=seed), n)
        return
    kinds = interventions(adapter)
    yield "| text order | answer | whole response right |" + "".join(f" {kind} |" for kind in kinds)
    yield "|---|---|---|" + "---|" * len(kinds)
    for order, answer in forms:
        task = ArithmeticChain(lengths=lengths, order=order, answer=answer, seed=seed)
        found = [rollouts(adapter, task, n, intervention=intervention) for intervention in kinds.values()]
        whole = sum(rollout.text == rollout.problem.target for rollout in found[0]) / n
        shares = [whole, *(sum(rollout.correct for rollout in each) / n for each in found)]
        cells = [order, answer.removeprefix("answer-"), *(f"{share:.1%}" for share in shares)]
        yield f"| {' | '.join(cells)} |"


def by_remasking(adapter: Adapter, task: ArithmeticChain, n: int) -> Iterator[str]:
    """Lines of a Markdown table: what is right, and in which order the text was filled in, and was settled before that.

    A position is settled from where on its likeliest token is the final one, masked or not.
    """
    yield "| text order | remasking | answer right | whole response right | gamma of filling | gamma of settling |"
    yield "|---|---|---|---|---|---|"
    for rule in REMASKING:
        sampling = replace(SAMPLING, sampler={"remasking": rule})
        found = rollouts(adapter, task, n, intervention=Intervention(), sampling=sampling)
        right = sum(rollout.correct for rollout in found) / n
        whole = sum(rollout.text == rollout.problem.target for rollout in found) / n
        gammas = [f"{mean_gamma(found, clock):.2f}" for clock in (commit_times, determination_times)]
        yield f"| {' | '.join([task.order, rule, f'{right:.1%}', f'{whole:.1%}', *gammas])} |"


def mean_gamma(found: Sequence[Rollout], clock: Clock) -> float:
    """The mean of the order's gamma on a clock over the rollouts that have one; NaN where none has."""
    gammas = [rollout_order(trace_times(rollout.trace, clock)).gamma.value for rollout in found]
    defined = [gamma for gamma in gammas if gamma is not None]
    return sum(defined) / len(defined) if defined else float("nan")


def main(argv: list[str] | None = None) -> int:
    """Command line of the measurement."""
    parser = argparse.ArgumentParser(
        prog="python -m monitorbench.zoo.measure",
        description="Print a reference checkpoint's accuracy on held-out problems, by text form and by carry.",
    )
    parser.add_argument("name", choices=zoo_names(), help="which one")
    parser.add_argument("--n", type=int, default=400, help="problems of each form (default: 400)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the problems; 0 is the quickstart's (default: 1)")
    arguments = parser.parse_args(argv)
    for line in card(arguments.name, n=arguments.n, seed=arguments.seed):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
