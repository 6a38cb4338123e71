"""The figures of a reference checkpoint's card: `python -m monitorbench.zoo.measure NAME`."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitorbench.adapters.base import Adapter, Channel
from monitorbench.adapters.batches import carried_channels
from monitorbench.adapters.checkpoint import zoo_names
from monitorbench.adapters.factory import load_model
from monitorbench.interventions.intervention import Intervention
from monitorbench.metrics.order import rollout_order
from monitorbench.metrics.times import Clock, commit_times, determination_times, trace_times
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.recorder import record
from monitorbench.suite.model import ModelSpec, Sampling
from monitorbench.tasks.arithmetic_chain import ANSWER_PLACES, ORDERS, ArithmeticChain
from monitorbench.tasks.base import Task
from monitorbench.tasks.graph_reachability import GraphReachability
from monitorbench.zoo.models import CANVAS_LENGTH
from monitorbench.zoo.recipes import RECIPES, Recipe

SAMPLING = Sampling(
    max_new_tokens=CANVAS_LENGTH, batch_size=40, sampler={"max_denoising_steps": 8, "entropy_bound": 0.1}
)
"""What the quickstart samples with; a family takes the settings that are its own."""
FORMS = tuple(itertools.product(ORDERS, ANSWER_PLACES))
REMASKING = ("confidence", "left-to-right", "random")
BY_REMASKING = ("remasking", "answer right", "whole response right", "gamma of filling", "gamma of settling")


def interventions(adapter: Adapter) -> dict[str, Intervention]:
    """What is done to the checkpoint's carry, in words; a model without one runs only as it is."""
    carried, found = carried_channels(adapter, SAMPLING.sampler), {"as it is": Intervention()}
    for channel in carried:
        prefix = f"{channel.name}: " if len(carried) > 1 else ""
        found |= {f"{prefix}{word}": intervention for word, intervention in _of_channel(channel)}
    return found


def _of_channel(channel: Channel) -> Iterator[tuple[str, Intervention]]:
    if channel.kind == "vector":
        # A vector stands for one position: its first token alone is a reading that some models can live on.
        yield "top token", Intervention(kind="keep", channel=channel.name, keep=("top_k", 1))
    if channel.kind != "state":
        yield "top 8 tokens", Intervention(kind="keep", channel=channel.name, keep=("top_k", 8))
    yield "another prompt's", Intervention(kind="batch-shuffled", channel=channel.name)
    yield "nothing", Intervention(kind="zero", channel=channel.name)


def rollouts(
    adapter: Adapter, task: Task, n: int, *, intervention: Intervention, sampling: Sampling = SAMPLING
) -> list[Rollout]:
    """The rollouts of the first `n` problems of a task, in the order of their ids."""
    arm = Arm(role="candidate", task=task.name, intervention=intervention)
    batches = record(arm, adapter=adapter, task=task, problems=task.problems(n), sampling=sampling)
    return sorted(itertools.chain.from_iterable(batches), key=lambda rollout: rollout.problem.id)


def forms(recipe: Recipe, *, seed: int) -> dict[tuple[tuple[str, str], ...], Task]:
    """The tasks that a checkpoint is measured on, by what sets them apart: column and cell, as the card prints them."""
    lengths = recipe.stages[-1].lengths
    if recipe.task == GraphReachability.name:
        return {(("steps", str(hops)),): GraphReachability(hops=(hops,), seed=seed) for hops in lengths}
    return {
        (("text order", order), ("answer", answer.removeprefix("answer-"))): ArithmeticChain(
            lengths=lengths, order=order, answer=answer, seed=seed
        )
        for order, answer in dict.fromkeys(recipe.forms or FORMS)
    }


def card(name: str, *, n: int, seed: int) -> Iterator[str]:
    """Lines of Markdown tables: by text form and carry, or by remasking rule where a canvas of masks is filled."""
    adapter = load_model("candidate", ModelSpec(source=f"zoo:{name}"), device="cpu", dtype="float32").adapter
    recipe = RECIPES[name][-1]
    tasks = forms(recipe, seed=seed)
    columns = [column for column, _ in next(iter(tasks))]
    if adapter.family == "masked-diffusion":
        yield f"| {' | '.join([*columns, *BY_REMASKING])} |"
        yield "|---" * (len(columns) + len(BY_REMASKING)) + "|"
        for form, task in tasks.items():
            yield from (
                f"| {' | '.join([*(cell for _, cell in form), *row])} |" for row in by_remasking(adapter, task, n)
            )
        return
    kinds = interventions(adapter)
    yield f"| {' | '.join([*columns, 'whole response right', *kinds])} |"
    yield "|---" * (len(columns) + 1 + len(kinds)) + "|"
    for form, task in tasks.items():
        found = [rollouts(adapter, task, n, intervention=intervention) for intervention in kinds.values()]
        whole = sum(rollout.text == rollout.problem.target for rollout in found[0]) / n
        shares = [whole, *(sum(rollout.correct for rollout in each) / n for each in found)]
        yield f"| {' | '.join([*(cell for _, cell in form), *(f'{share:.1%}' for share in shares)])} |"


def by_remasking(adapter: Adapter, task: Task, n: int) -> Iterator[tuple[str, ...]]:
    """Cells of the columns `BY_REMASKING` for every rule: what is right, and in which order the text came about.

    A position is filled when it stops being masked. It is settled from where on its likeliest token is the final one,
    masked or not.
    """
    for rule in REMASKING:
        sampling = replace(SAMPLING, sampler={"remasking": rule})
        found = rollouts(adapter, task, n, intervention=Intervention(), sampling=sampling)
        right = sum(rollout.correct for rollout in found) / n
        whole = sum(rollout.text == rollout.problem.target for rollout in found) / n
        gammas = [f"{mean_gamma(found, clock):.2f}" for clock in (commit_times, determination_times)]
        yield rule, f"{right:.1%}", f"{whole:.1%}", *gammas


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
