"""Recording in portions, so that one can look at the verdicts in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from monitorbench.notices import ArmStarted, Notice, RolloutsDone
from monitorbench.rollouts.missing import record_all
from monitorbench.rollouts.recorder import Recording
from monitorbench.rollouts.store import RunStore

FEWEST = 3
"""Prompts that a portion holds at least: any number of rows can be dealt out so that no two neighbours ask the same."""


def record_until(
    recordings: Sequence[Recording], store: RunStore, *, prompts: int, enough: Callable[[], bool]
) -> Iterator[Notice]:
    """Record portions of all arms until it is enough, or all is recorded.

    Portions follow the order of prompt ids, which is the order that sequential bounds take values in, so that what was
    seen at one look is the beginning of what is seen at the next.

    Args:
        recordings: every arm.
        store: what is recorded goes there.
        prompts: prompts of a portion; the last one may hold more.
        enough: asked after every portion.
    """
    before: Counter[str] = Counter()
    totals = {recording.arm.label: len(recording.rows) for recording in recordings}
    for look in zip_longest(*(portions(recording, prompts) for recording in recordings)):
        present = [portion for portion in look if portion is not None]
        yield from _as_one(record_all(present, store), before, totals)
        before.update({portion.arm.label: len(portion.rows) for portion in present})
        if enough():
            return


def portions(recording: Recording, prompts: int) -> Iterator[Recording]:
    """The parts of an arm that are recorded between two looks, of so many prompts each."""
    ids = sorted({row.problem.id for row in recording.rows})
    size = max(FEWEST, prompts)
    # A rest too small for a portion of its own belongs to the one before it.
    starts = [start for start in range(0, len(ids), size) if not start or len(ids) - start >= FEWEST]
    for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
        wanted = set(ids[start:stop])
        yield replace(recording, rows=tuple(row for row in recording.rows if row.problem.id in wanted))


def _as_one(notices: Iterator[Notice], before: Counter[str], totals: dict[str, int]) -> Iterator[Notice]:
    """What the recording of a portion tells, as a part of the whole."""
    for notice in notices:
        match notice:
            case ArmStarted(arm=arm) if not before[arm]:
                yield replace(notice, rollouts=totals[arm])
            case ArmStarted():
                continue
            case RolloutsDone(arm=arm):
                yield replace(notice, done=before[arm] + notice.done, total=totals[arm])
            case _:
                yield notice
