"""The other ranks: they run batches for the leading one, keep nothing and say nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

from monitorbench.errors import MonitorbenchError, described
from monitorbench.ranks.agreement import require_same
from monitorbench.ranks.environment import LEADER, Ranks
from monitorbench.ranks.leader import RankLostError, batch_name, claimed, result_name
from monitorbench.ranks.post import OFTEN, Post
from monitorbench.ranks.pulse import SETTLING, Member, Pulse, last
from monitorbench.ranks.stopping import Stopped, Stopping
from monitorbench.ranks.wire import batch_from_bytes, job_from_bytes, rollouts_to_bytes
from monitorbench.report.exit_code import ExitCode
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.batching import RowBatch
from monitorbench.rollouts.memory import DoesNotFitError, is_lost_device
from monitorbench.rollouts.missing import sharing_prefills
from monitorbench.rollouts.recorder import Recording, run_batch

_TO_LEAVE = 5.0
"""Seconds after which a process ends that is not needed any more, whatever it is at."""


class Follower:
    """One rank that follows.

    Args:
        ranks: this rank.
        post: messages to the leading one.
    """

    def __init__(self, ranks: Ranks, post: Post) -> None:
        self.ranks = ranks
        self._post, self._member = post, Member.of(ranks.rank)
        self._over = 0.0
        self._others = post.copy()  # for the thread that watches
        self._pulse = Pulse(
            self._others, rank=ranks.rank, others=range(LEADER, LEADER + 1), alarm=self._orphaned, look=self._look
        )

    def work(self, steps: Callable[[Follower], None]) -> int:
        """Do what a follower does, and say to the leading rank, which speaks for all, what went wrong.

        Args:
            steps: loads models and calls `follow`.

        Returns:
            The exit code of this process: the run's is that of the leading rank.
        """
        try:
            return self._work(steps)
        except RuntimeError:
            # Nobody can be reached any more; the thread that watches says so, and ends the process.
            time.sleep(_TO_LEAVE)
            return ExitCode.UNUSABLE

    def _work(self, steps: Callable[[Follower], None]) -> int:
        try:
            with Stopping():
                self._pulse.start()
                said = self._said(steps)
                self._post.put(last(self.ranks.rank), said.encode())
                while said and not self._post.has("over"):
                    time.sleep(OFTEN)
        except (Stopped, KeyboardInterrupt):
            self._post.put(last(self.ranks.rank), f"{self._member} was asked to end (SIGTERM)".encode())
            # Where all are asked because the leading rank is lost, that shows only now.
            time.sleep(2 * SETTLING)
            return ExitCode.INTERRUPTED
        self._pulse.stop()
        return ExitCode.PASS

    def _said(self, steps: Callable[[Follower], None]) -> str:
        try:
            steps(self)
        except MonitorbenchError as error:
            return f"{self._member}: {error}"
        except Exception as error:
            return f"{self._member}: {described(error)}"
        return ""

    def follow(self, recordings: Sequence[Recording]) -> None:
        """Run batches until the leading rank says that it is over.

        Args:
            recordings: every arm that was planned; those that come up later differ from one of these in what is done
                to a run, and not in what runs.

        Raises:
            UsageError: this rank computes otherwise than the leading one.
        """
        if self._comes("facts"):
            require_same([one.facts for one in recordings], json.loads(self._post.get("facts")))
        plain, known = ({_models(one.arm): one for one in each} for each in (recordings, sharing_prefills(recordings)))
        for job in count(max(1, self._post.add("jobs", 0))):
            if not self._comes(f"job/{job}"):
                return
            self._run(job, plain, known)

    def _run(self, number: int, plain: dict[object, Recording], sharing: dict[object, Recording]) -> None:
        job = job_from_bytes(self._post.get(f"job/{number}"))
        known = plain if job.together else sharing
        group = [replace(known[_models(arm)], arm=arm) for arm in job.arms]
        if job.together:
            for index in range(len(job.orders)):
                run_batch(group, batch_from_bytes(self._post.get(batch_name(number, index))))
            return
        for index in claimed(self._post, number, job.orders, self.ranks):
            batch = batch_from_bytes(self._post.take(batch_name(number, index)))
            self._post.put(result_name(number, index), _tried(group, batch))

    def _comes(self, name: str) -> bool:
        """Wait for a message; False when it is over before there is one."""
        while not self._post.has(name):
            if self._post.has("over"):
                return False
            time.sleep(OFTEN)
        return True

    def _look(self) -> None:
        if self._others.has("over"):
            self._over = self._over or time.monotonic()
            if time.monotonic() - self._over > _TO_LEAVE:
                os._exit(ExitCode.PASS)  # in the midst of a batch that nobody waits for any more

    def _orphaned(self, wrong: str) -> None:
        try:
            first = self._others.add("orphans") == 1
        except RuntimeError:
            first = True
        if first:
            lost = RankLostError(f"{wrong}; what it had recorded is kept")
            sys.stderr.write(f"error: {lost}\nno report was written\n")
            sys.stderr.flush()
        os._exit(ExitCode.UNUSABLE)


def _tried(group: Sequence[Recording], batch: RowBatch) -> bytes:
    """What a batch came to; nothing where it raised: the leading rank runs it once more, and sees what is at fault."""
    try:
        return rollouts_to_bytes(run_batch(group, batch))
    except DoesNotFitError:
        getattr(group[0].adapter, "forget_prefills", lambda: None)()
    except Exception as error:
        if is_lost_device(error):
            raise
    return b""


def _models(arm: Arm) -> object:
    return arm.role, arm.task, arm.form, arm.neighbours
