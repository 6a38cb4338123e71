"""The rank that plans, keeps and judges: it deals batches to all ranks, itself among them.

Batches are planned as in one process and dealt whole, so that each keeps its shape and comes to the same. Whoever is
free takes the next one; batches of the same prompts go to the same rank as far as may be, which reads them once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from monitorbench.adapters.base import Adapter
from monitorbench.errors import MonitorbenchError, UsageError
from monitorbench.ranks.environment import LEADER, Ranks
from monitorbench.ranks.post import OFTEN, Post
from monitorbench.ranks.pulse import SETTLING, Pulse, last
from monitorbench.ranks.stopping import Stopped, Stopping
from monitorbench.ranks.wire import Job, batch_to_bytes, job_to_bytes, rollouts_from_bytes
from monitorbench.report.exit_code import ExitCode
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.batching import RowBatch
from monitorbench.rollouts.crew import Attempt, Running
from monitorbench.rollouts.errored import why_raised
from monitorbench.rollouts.recorder import Recording, run_batch

_LEAVING = 10.0
"""Seconds that the others have to leave, and this process to come to an end where one of them is lost."""


class RankLostError(MonitorbenchError):
    """The ranks could not go on together.

    Args:
        what: why, and what is kept.
    """

    def __init__(self, what: str) -> None:
        threads = os.environ.get("OMP_NUM_THREADS")
        same = f" (on a CPU, OMP_NUM_THREADS={threads} has to be the same)" if threads else ""
        fix = f"run it again, with any number of ranks or without torchrun, and it goes on from there{same}"
        super().__init__(what, fix=fix)


class Leader:
    """A context manager around a run, and the crew of its recordings.

    Args:
        ranks: this rank, the leading one.
        post: messages to the others.
    """

    def __init__(self, ranks: Ranks, post: Post) -> None:
        self.ranks = ranks
        self._post = post
        self._whole: dict[str, Adapter] = {}
        self._jobs, self._kept = 0, 0
        self._wrong = ""
        self._stopping = Stopping()
        others = range(LEADER + 1, ranks.size)
        self._pulse = Pulse(post.copy(), rank=ranks.rank, others=others, alarm=self._alarm)

    def __enter__(self) -> Self:
        self._stopping.__enter__()
        self._pulse.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, Stopped):
            until = time.monotonic() + 2 * SETTLING
            while not self._wrong and time.monotonic() < until:
                time.sleep(OFTEN)
        self.release()
        if isinstance(error, Stopped):
            raise self._lost() from None

    def agree(self, recordings: Sequence[Recording], *, whole: frozenset[str]) -> list[Recording]:
        """Make sure that the others come to the same rollouts.

        Args:
            recordings: every arm that is planned, with the facts that decide its rollouts.
            whole: roles whose model all ranks hold together, so that they run every batch of it together.

        Returns:
            The same recordings, to be run by all ranks.
        """
        self._whole = {one.arm.role: one.adapter for one in recordings if one.arm.role in whole}
        self._post.put("facts", json.dumps([recording.facts for recording in recordings]).encode())
        return [replace(recording, crew=self) for recording in recordings]

    def run(self, group: Sequence[Recording], batches: Sequence[RowBatch]) -> Running:
        """As `monitorbench.rollouts.crew.Crew`; what others had finished is handed out also where one of them is lost.

        Raises:
            Stopped: a rank is lost, or this process was asked to end.
        """
        if not batches:
            return
        left = dict(enumerate(batches))
        role = group[0].arm.role
        if role in self._whole:
            # What one rank kept of an earlier reading, another may not have, and they read together.
            group = [replace(one, adapter=self._whole[role]) for one in group]
            yield from self._handed_out(self._side_by_side(group, left))
            return
        orders, waiting = _orders(batches), dict[int, Attempt]()
        job = self._publish(group, batches, orders)
        steps = self._dealt(job, group, left, claimed(self._post, job, orders, self.ranks))
        if group[0].arm.intervention.mixes_rows:
            steps = _in_order(batches, steps, waiting)
        try:
            yield from self._handed_out(steps)
        except Stopped:
            yield from ((batch, waiting[id(batch)]) for batch in batches if id(batch) in waiting)
            yield from self._arrived(job, group, left)
            raise
        finally:
            self._withdraw(job, left)

    def _handed_out(self, steps: Running) -> Running:
        for batch, attempt in steps:
            with self._stopping.held():
                yield batch, attempt

    def release(self) -> None:
        """Let the others go: nothing is left to be run. Further calls change nothing."""
        self._pulse.stop()
        self._stopping.__exit__()
        try:
            if self._post.add("released") > 1:
                return
            self._post.put("over", b"")
            self._post.put(last(self.ranks.rank), b"")
            until = time.monotonic() + _LEAVING
            waiting = set() if self._wrong else set(self._pulse.joined())
            while waiting and time.monotonic() < until:
                waiting = {rank for rank in waiting if not self._post.has(last(rank))}
                time.sleep(OFTEN)
        except RuntimeError:
            return  # nobody is there any more

    def _publish(
        self,
        group: Sequence[Recording],
        batches: Sequence[RowBatch],
        orders: Sequence[int],
        *,
        together: bool = False,
    ) -> int:
        self._jobs += 1
        for index, batch in enumerate(batches):
            self._post.put(batch_name(self._jobs, index), batch_to_bytes(batch))
        arms = [recording.arm for recording in group]
        self._post.put(f"job/{self._jobs}", job_to_bytes(Job(arms=arms, orders=orders, together=together)))
        self._post.add("jobs")
        return self._jobs

    def _withdraw(self, job: int, left: Mapping[int, RowBatch]) -> None:
        """Nobody begins any more with what is left of a job."""
        for index in left:
            if self._post.add(f"job/{job}/claim/{index}") == 1:
                self._post.take(batch_name(job, index))

    def _side_by_side(self, group: Sequence[Recording], left: dict[int, RowBatch]) -> Running:
        """Every batch on all ranks at once."""
        for batch in left.values():
            yield batch, None
            yield batch, self._tried(batch, partial(self._together, group))

    def _together(self, group: Sequence[Recording], batch: RowBatch) -> list[Rollout]:
        self._publish(group, [batch], [0], together=True)
        try:
            return run_batch(group, batch)
        except Exception as error:
            # Where another rank is lost, computing together fails in some way of its own.
            time.sleep(2 * SETTLING)
            self._stopping.check()
            what = f"ranks that hold a model together cannot go on after an error: {why_raised(error)}"
            raise UsageError(what, where=group[0].arm.label, fix="mend it, or lower sampling.batch_size") from error

    def _dealt(self, job: int, group: Sequence[Recording], left: dict[int, RowBatch], mine: Iterator[int]) -> Running:
        """Every batch on whichever rank is free, this one among them: it runs those that come to be its own."""
        own = next(mine, None)
        while left:
            yield from self._arrived(job, group, left)
            if own is not None:
                batch = left[own]
                self._post.take(batch_name(job, own))
                yield batch, None
                attempt = self._tried(batch, partial(run_batch, group))
                del left[own]
                yield batch, attempt
                own = next(mine, None)
            else:
                time.sleep(OFTEN)

    def _tried(self, batch: RowBatch, run: Attempt) -> Attempt:
        """Run a batch now, and hand out what came of it later."""
        try:
            rollouts = run(batch)
        except Exception as error:
            return partial(_raised, error, batch, run)
        return self._made(batch, rollouts, run)

    def _made(self, batch: RowBatch, rollouts: Sequence[Rollout], run: Attempt) -> Attempt:
        self._kept += len(rollouts)
        return lambda part: rollouts if part is batch else run(part)

    def _arrived(self, job: int, group: Sequence[Recording], left: dict[int, RowBatch]) -> Running:
        run = partial(run_batch, group)
        for index, batch in sorted(left.items()):
            if self._post.has(result_name(job, index)):
                content = self._post.take(result_name(job, index))
                del left[index]
                if content:
                    rollouts = rollouts_from_bytes(content, [row.problem for row in batch.kept])
                    yield batch, self._made(batch, rollouts, run)
                elif not self._stopping.asked:
                    yield batch, run  # it raised there: here it shows what, and which rows are at fault

    def _alarm(self, wrong: str) -> None:
        """Called in the thread that watches the others."""
        self._wrong = wrong
        if not self._stopping.asked:
            os.kill(os.getpid(), signal.SIGTERM)
        until = time.monotonic() + _LEAVING
        while time.monotonic() < until:
            if self._stopping.asked:
                return
            time.sleep(OFTEN)
        # The main thread waits for a rank that is no more, inside a library that no signal reaches.
        sys.stderr.write(f"error: {self._lost()}\nno report was written\n")
        sys.stderr.flush()
        os._exit(ExitCode.UNUSABLE)

    def _lost(self) -> RankLostError:
        wrong = self._wrong or "all ranks were asked to end (SIGTERM)"
        kept = f"{self._kept:,} rollouts that this run recorded are kept" if self._kept else "it recorded no rollout"
        return RankLostError(f"{wrong}; {kept}")


def _in_order(batches: Sequence[RowBatch], steps: Running, waiting: dict[int, Attempt]) -> Running:
    """Batches in the order in which one process runs them.

    Where rows are mixed and one raises, its neighbours are tried beside rows that came to an end before.

    Args:
        batches: in this order.
        steps: the same in any order.
        waiting: what those came to whose turn has not come yet, by the identity of the batch.
    """
    turns = iter(batches)
    turn = next(turns, None)
    for batch, attempt in steps:
        if attempt is None:
            yield batch, None
            continue
        waiting[id(batch)] = attempt
        while turn is not None and id(turn) in waiting:
            yield turn, waiting.pop(id(turn))
            turn = next(turns, None)


def _orders(batches: Sequence[RowBatch]) -> list[int]:
    """For each batch, which of the prompts it asks: batches of the same prompts have the same number."""
    prompts = [tuple(row.problem.id for row in batch.rows) for batch in batches]
    places = {each: place for place, each in enumerate(dict.fromkeys(prompts))}
    return [places[each] for each in prompts]


def _raised(error: Exception, batch: RowBatch, run: Attempt, part: RowBatch) -> Sequence[Rollout]:
    if part is batch:
        raise error
    return run(part)


def batch_name(job: int, index: int) -> str:
    """The name of a batch."""
    return f"job/{job}/batch/{index}"


def result_name(job: int, index: int) -> str:
    """The name of what a batch came to."""
    return f"job/{job}/result/{index}"


def claimed(post: Post, job: int, orders: Sequence[int], ranks: Ranks) -> Iterator[int]:
    """The batches of a job that this rank is to run, each once it asks for it: no other rank gets the same.

    Args:
        post: messages between all ranks.
        job: which job.
        orders: to which of the prompts each batch belongs: those of a rank's own come first.
        ranks: this rank.
    """
    for index in sorted(range(len(orders)), key=lambda index: ((orders[index] - ranks.rank) % ranks.size, index)):
        if post.add(f"job/{job}/claim/{index}") == 1:
            yield index
