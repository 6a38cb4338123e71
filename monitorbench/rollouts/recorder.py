"""Runs an adapter for one arm and keeps what it saw. The only place where a model generates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from monitorbench.adapters.base import Adapter, Limits
from monitorbench.adapters.batches import own_settings
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import build_hook
from monitorbench.rollouts.arm import Arm, Rollout, rollout_seed
from monitorbench.rollouts.batching import Row, RowBatch, batch_rows
from monitorbench.rollouts.carried import carried_watcher
from monitorbench.rollouts.neighbours import Neighbours, embeddings, with_neighbours
from monitorbench.rollouts.positions import outcome_positions
from monitorbench.rollouts.tracing import TraceWatcher
from monitorbench.suite.model import Sampling
from monitorbench.tasks.base import Problem, Task


def record(
    arm: Arm,
    *,
    adapter: Adapter,
    task: Task,
    problems: Sequence[Problem],
    sampling: Sampling,
    cache: Path | None = None,
) -> Iterator[Sequence[Rollout]]:
    """Record every rollout of an arm, a batch at a time.

    What can be refused without running the model is refused at the call; generation starts with the iteration.

    Args:
        arm: what is recorded.
        adapter: runs the model.
        task: grades the responses.
        problems: the prompts.
        sampling: how rollouts are sampled.
        cache: folder in which neighbours of tokens outlive the run; None keeps them in memory.

    Returns:
        The rollouts of each batch. Their order is that of the batches; sort by problem and repeat where it matters.

    Raises:
        UsageError: the prompts do not fit the model or cannot be mixed; while iterating, the sampler settings cannot
            be used or a batch does not fit on the device.
    """
    rows = [
        Row(problem=problem, repeat=repeat, tokens=tuple(adapter.encode(problem.prompt)))
        for problem in problems
        for repeat in range(sampling.seeds_per_prompt)
    ]
    if empty := next((row.problem.id for row in rows if not row.tokens), None):
        raise UsageError(
            f"the prompt of {empty} encodes to no token", fix="use the tokenizer that belongs to the model"
        )
    if alien := next((row for row in rows if max(row.tokens) >= adapter.vocab_size), None):
        raise UsageError(
            f"the prompt of {alien.problem.id} encodes to token {max(alien.tokens)}, the model knows "
            f"{adapter.vocab_size} tokens",
            fix="use the tokenizer that belongs to the model",
        )
    limits = Limits(
        max_new_tokens=sampling.max_new_tokens, sampler=own_settings(adapter, sampling.sampler), stop=sampling.stop
    )
    _require_room(rows, adapter, limits)
    batches = batch_rows(rows, sampling.batch_size, mixes_rows=arm.intervention.mixes_rows)
    neighbours = Neighbours(embeddings(adapter), arm.neighbours, cache=cache) if arm.neighbours else None
    common: dict[str, Any] = {"arm": arm, "adapter": adapter, "task": task, "limits": limits, "neighbours": neighbours}
    return (_record_batch(batch, base_seed=sampling.seed, **common) for batch in batches)


def _require_room(rows: Sequence[Row], adapter: Adapter, limits: Limits) -> None:
    longest = max(rows, key=lambda row: len(row.tokens))
    extra = adapter.extra_positions(limits)
    if len(longest.tokens) + limits.max_new_tokens + extra > adapter.max_length:
        beside = f" and {extra} further positions" if extra else ""
        raise UsageError(
            f"prompt {longest.problem.id} and its response take {len(longest.tokens)} + {limits.max_new_tokens} tokens"
            f"{beside}, the model holds {adapter.max_length}",
            fix="lower sampling.max_new_tokens or use shorter prompts",
        )


def _record_batch(
    batch: RowBatch,
    *,
    arm: Arm,
    adapter: Adapter,
    task: Task,
    limits: Limits,
    base_seed: int,
    neighbours: Neighbours | None,
) -> list[Rollout]:
    hook = build_hook(arm.intervention, adapter.under(limits.sampler))
    watcher = TraceWatcher(hook, batch.real, carried_watcher([arm.watch] * batch.real, adapter, limits.sampler))
    seeds = [rollout_seed(base_seed, row.problem.id, row.repeat) for row in batch.rows]
    try:
        output = adapter.generate([row.tokens for row in batch.rows], seeds, watcher, limits)
    except torch.OutOfMemoryError as error:
        what = f"a batch of {len(seeds)} rows does not fit on the device"
        raise UsageError(what, where=arm.label, fix="lower sampling.batch_size") from error
    rollouts = []
    for index, row in enumerate(batch.rows[: batch.real]):
        tokens = output.tokens[index]
        text = adapter.decode(tokens) if output.texts is None else output.texts[index]
        outcome = task.grade(row.problem, text)
        trace = watcher.trace(index, len(tokens))
        trace = trace if neighbours is None else with_neighbours(trace, tokens, neighbours)
        values, answer = outcome_positions(adapter, tokens, outcome)
        rollouts.append(
            Rollout(
                problem=row.problem,
                repeat=row.repeat,
                text=text,
                tokens=tokens,
                finished=output.finished[index],
                status=outcome.status,
                trace=trace,
                value_positions=values,
                answer_positions=answer,
            )
        )
    return rollouts
