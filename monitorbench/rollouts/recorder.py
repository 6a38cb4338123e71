"""Runs an adapter for one arm and keeps what it saw. The only place where a model generates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monitorbench.adapters.base import Adapter, Limits, Output
from monitorbench.adapters.batches import own_settings
from monitorbench.errors import UsageError
from monitorbench.interventions.joint import build_joint_hook
from monitorbench.interventions.row_edits import with_row_edits
from monitorbench.interventions.tally import Tally
from monitorbench.rollouts.arm import Arm, Rollout, rollout_seed
from monitorbench.rollouts.batching import Row, RowBatch, batch_pairs, batch_rows
from monitorbench.rollouts.carried import carried_watcher
from monitorbench.rollouts.crew import Alone, Crew
from monitorbench.rollouts.errored import errored, why_raised
from monitorbench.rollouts.memory import DoesNotFitError, free, is_lost_device, is_out_of_memory
from monitorbench.rollouts.neighbours import Neighbours, embeddings, with_neighbours
from monitorbench.rollouts.positions import outcome_positions
from monitorbench.rollouts.tracing import TraceWatcher
from monitorbench.suite.model import Sampling
from monitorbench.tasks.base import Problem, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """An arm of which nothing stands in the way of recording it.

    Attributes:
        arm: the arm.
        adapter: its model.
        task: its task.
        limits: bounds and the adapter's own sampler settings.
        rows: every rollout that it has.
        batch_size: rows of every batch.
        facts: what decides all its rollouts, as canonical JSON; empty where nothing outlives the run.
        model: hash of what is kept of its model; empty where nothing is.
        neighbours: looks up what tokens are like, where the arm asks for it.
        crew: who runs its batches.
    """

    arm: Arm
    adapter: Adapter
    task: Task
    limits: Limits
    rows: tuple[Row, ...]
    batch_size: int
    facts: str = ""
    model: str = ""
    neighbours: Neighbours | None = None
    crew: Crew = field(default_factory=Alone)

    def batches(self, rows: Sequence[Row], size: int | None = None) -> Iterator[RowBatch]:
        """Rows of this arm, batched; of the declared size, unless that did not fit and a smaller one is given."""
        rows_of_each = self.batch_size if size is None else self.rows_at(size)
        if self.arm.intervention.pairs_rows:
            return batch_pairs(rows, rows_of_each)
        mixes = self.arm.intervention.mixes_rows
        return batch_rows(rows, rows_of_each, mixes_rows=mixes, beside=self.rows if mixes else ())

    def rows_at(self, size: int) -> int:
        """Rows of a batch where the model takes so many; rows that are mixed need an even number, to be dealt out."""
        if size == self.batch_size or not self.arm.intervention.mixes_rows:
            return size
        return max(2, size - size % 2)

    def run(self, batch: RowBatch) -> list[Rollout]:
        """Run the model on one batch of this arm, as `run_batch`."""
        return run_batch([self], batch)

    def words(self, ids: Sequence[int]) -> list[str]:
        """The text of each token by itself; the tokenizer's name of one that stands for no text."""
        names = getattr(getattr(self.adapter, "tokenizer", None), "convert_ids_to_tokens", lambda _: None)
        return [self.adapter.decode([each]) or names(each) or "" for each in ids]

    def rollout(
        self, row: Row, index: int, output: Output, watcher: TraceWatcher, tally: Tally, *, rows: int
    ) -> Rollout:
        """What a row came to, by what was put out, seen and counted of the row of that index in a batch of `rows`."""
        tokens = output.tokens[index]
        text = self.adapter.decode(tokens) if output.texts is None else output.texts[index]
        outcome = self.task.grade(row.problem, text)
        values, answer = outcome_positions(self.adapter, tokens, outcome)
        trace = watcher.trace(index, len(tokens))
        return Rollout(
            problem=row.problem,
            repeat=row.repeat,
            text=text,
            tokens=tokens,
            finished=output.finished[index],
            status=outcome.status,
            trace=trace if self.neighbours is None else with_neighbours(trace, tokens, self.neighbours),
            value_positions=values,
            answer_positions=answer,
            counts=tally.of(index),
            rows=rows,
        )


def run_batch(recordings: Sequence[Recording], batch: RowBatch) -> list[Rollout]:
    """Run the model on one batch; the rollouts of the rows that are kept, in their order.

    One whose text cannot be decoded or graded is kept as an error; whatever else is raised concerns the whole batch.

    Args:
        recordings: arms that may share a batch; the source of each row says which of them it belongs to.
        batch: the rows.

    Raises:
        DoesNotFitError: the batch needs more memory than there is; what it took up is given back.
        UsageError: the sampler settings cannot be used.
    """
    try:
        return _run(recordings, batch)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # The error is gone, and with it the frames that hold what the attempt took up.
    free()
    label = recordings[batch.rows[0].source].arm.label
    what = f"a batch of {len(batch.rows)} rows does not fit on the device"
    raise DoesNotFitError(what, where=label, fix="lower sampling.batch_size")


def _run(recordings: Sequence[Recording], batch: RowBatch) -> list[Rollout]:
    of_rows = [recordings[row.source] for row in batch.rows]
    adapter, limits = of_rows[0].adapter, of_rows[0].limits
    interventions = [one.arm.intervention for one in of_rows]
    tallies = {intervention: Tally() for intervention in interventions}
    prompts = [row.problem.id for row in batch.rows]
    under = adapter.under(limits.sampler)
    hook = build_joint_hook(interventions, under, prompts=prompts, tallies=tallies)
    hook = with_row_edits(hook, [row.edit for row in batch.rows], under)
    watched = [one.arm.watch for one in of_rows[: batch.real]]
    watcher = TraceWatcher(hook, batch.real, carried_watcher(watched, adapter, limits.sampler))
    seeds = [row.seed for row in batch.rows]
    output = adapter.generate([row.tokens for row in batch.rows], seeds, watcher, limits)
    made = []
    for index, row in enumerate(batch.kept):
        tally = tallies[interventions[index]]
        try:
            made.append(of_rows[index].rollout(row, index, output, watcher, tally, rows=len(batch.rows)))
        except Exception as error:  # a decoder or a grader may be anyone's, and raise anything
            if is_out_of_memory(error) or is_lost_device(error):
                raise
            made.append(errored(row, why_raised(error), len(batch.rows)))
    return made


def record(
    arm: Arm, *, adapter: Adapter, task: Task, problems: Sequence[Problem], sampling: Sampling
) -> Iterator[Sequence[Rollout]]:
    """Record every rollout of an arm, a batch at a time, and keep none.

    What can be refused without running the model is refused at the call; generation starts with the iteration.

    Returns:
        The rollouts of each batch. Their order is that of the batches; sort by problem and repeat where it matters.

    Raises:
        UsageError: as `prepare`; while iterating, as `run_batch`.
    """
    recording = prepare(arm, adapter=adapter, task=task, problems=problems, sampling=sampling)
    return map(recording.run, recording.batches(recording.rows))


def prepare(
    arm: Arm,
    *,
    adapter: Adapter,
    task: Task,
    problems: Sequence[Problem],
    sampling: Sampling,
    cache: Path | None = None,
    runs: bool = True,
) -> Recording:
    """All that can be found out about an arm without running its model.

    Args:
        arm: the arm.
        adapter: its model.
        task: its task.
        problems: what is asked.
        sampling: how.
        cache: folder in which what tokens are like outlives the run; None keeps it in memory.
        runs: whether the model may run; where not, no token's neighbours are looked up.

    Raises:
        UsageError: the prompts do not fit the model or cannot be mixed.
    """
    rows = tuple(
        Row(
            problem=problem,
            repeat=repeat,
            tokens=tuple(adapter.encode(problem.prompt)),
            seed=rollout_seed(sampling.seed, problem.id, repeat),
        )
        for problem in problems
        for repeat in range(sampling.seeds_per_prompt)
    )
    limits = Limits(
        max_new_tokens=sampling.max_new_tokens, sampler=own_settings(adapter, sampling.sampler), stop=sampling.stop
    )
    require_fit(rows, adapter, limits)
    recording = Recording(
        arm=arm,
        adapter=adapter,
        task=task,
        limits=limits,
        rows=rows,
        batch_size=sampling.batch_size,
        neighbours=Neighbours(embeddings(adapter), arm.neighbours, cache=cache) if arm.neighbours and runs else None,
    )
    recording.batches(rows)  # refuses rows that cannot be mixed
    return recording


def require_fit(rows: Sequence[Row], adapter: Adapter, limits: Limits) -> None:
    """Refuse prompts that the model cannot read, or not together with a response.

    Raises:
        UsageError: naming the first such prompt.
    """
    _require_known(rows, adapter)
    _require_room(rows, adapter, limits)


def _require_known(rows: Sequence[Row], adapter: Adapter) -> None:
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
