"""A batch that raises: the rows at fault are found and kept as errors, the others recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from monitorbench.errors import MonitorbenchError, RolloutError
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.batching import Row, RowBatch
from monitorbench.rollouts.errored import errored, why_raised
from monitorbench.rollouts.keying import keyed
from monitorbench.rollouts.memory import is_lost_device
from monitorbench.rollouts.parting import each_alone, halves
from monitorbench.rollouts.recorder import Recording

EARLY = 8
"""After so many rollouts of an arm that all raised, the others are not tried."""
Made = list[tuple[Row, Rollout]]
"""Rows with what they came to."""
Run = Callable[[RowBatch], Sequence[Rollout]]
"""Runs a batch, or finds what it came to before: one rollout for each kept row."""


class Health:
    """Whether the arms of a group come to anything.

    Args:
        group: the arms, recorded together.
        done: rollouts that each of them has already.
    """

    def __init__(self, group: Sequence[Recording], done: Mapping[int, int]) -> None:
        self._group, self._done, self._raised = group, Counter(done), Counter[int]()
        self.unclear: list[RowBatch] = []
        """Batches that raise, in which any row may be at fault: rows that are mixed cannot run without others."""
        self.last = False
        """Whether such batches are told apart by now, so that one that raises is at fault."""

    def anew(self) -> Health:
        """The same of a group that goes on in smaller batches: what was unclear runs again in those."""
        health = Health(self._group, self._done)
        health._raised = self._raised
        return health

    def see(self, made: Iterable[tuple[Row, Rollout]]) -> None:
        """Take note of what came out.

        Raises:
            RolloutError: the first rollouts of an arm all raised, so that the others would.
        """
        for row, rollout in made:
            if rollout.raised:
                self._raised[row.source] += 1
                self._require_some(row.source, rollout.error)
            else:
                self._done[row.source] += 1

    def settling(self, good: Callable[[], Sequence[Row]]) -> Iterator[RowBatch]:
        """What is left to be run when all else is recorded: each row of the unclear batches beside good ones.

        Args:
            good: gives rows that came to an end.
        """
        self.last = True
        recording = self._group[0]
        for batch in self.unclear:
            yield from [keyed(recording, each) for each in each_alone(batch, good())] or [batch]

    def _require_some(self, source: int, why: str) -> None:
        raised, recording = self._raised[source], self._group[source]
        if self._done[source] or raised < min(EARLY, len(recording.rows)):
            return
        which = f"the first {raised} rollouts" if raised < len(recording.rows) else "all rollouts"
        raise RolloutError(
            f"{which} raised, the last of them {why}",
            where=recording.arm.label,
            fix="mend the model, its adapter, the task or its grader",
        )


def sorted_out(group: Sequence[Recording], batch: RowBatch, run: Run, health: Health) -> Made:
    """Run a batch; where it raises, its halves and theirs, down to the rows at fault; `health` takes unclear ones.

    Every part runs at the shape of the whole batch. Of N rows with k at fault, at most about 2 k log2(N) parts run.

    Raises:
        RolloutError: nothing of an arm comes to an end, or the device is lost.
        MonitorbenchError: what a user can mend; that is no matter of single rows.
    """
    recording = group[batch.rows[0].source]
    mixes, pairs = recording.arm.intervention.mixes_rows, recording.arm.intervention.pairs_rows
    made: Made = []

    def tried(part: RowBatch) -> str:
        rollouts, why = _tried(recording, part, run)
        add(zip(part.kept, rollouts, strict=not why))
        return why

    def give_up(part: RowBatch, why: str) -> None:
        add((row, errored(row, why, len(part.rows))) for row in part.kept)

    def add(found: Iterable[tuple[Row, Rollout]]) -> None:
        known = list(found)
        made.extend(known)
        health.see(known)

    parts = [batch]
    while parts:
        part = parts.pop()
        if not (why := tried(part)):
            continue
        smaller = halves(part, mixes_rows=mixes, pairs_rows=pairs)
        if smaller:
            parts += [keyed(recording, each) if mixes else each for each in reversed(smaller)]
        elif mixes and not pairs and not health.last:
            health.unclear.append(part)
        else:
            give_up(part, why)
    return made


def _tried(recording: Recording, part: RowBatch, run: Run) -> tuple[Sequence[Rollout], str]:
    """The rollouts of a batch, or why there are none."""
    try:
        return run(part), ""
    except MonitorbenchError:
        raise
    except Exception as error:  # code of a model, an adapter or an intervention, which may raise anything
        if not is_lost_device(error):
            return (), why_raised(error)
        what = f"the device failed ({why_raised(error)})"
        raise RolloutError(what, where=recording.arm.label, fix="run again: what was finished is kept") from error
