"""Arms as they were recorded by an earlier run, where nothing may be recorded any more: whole, or refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from monitorbench.errors import NotRecordedError
from monitorbench.notices import ArmStarted, Notice, RolloutsDone
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.missing import keyed_batches

if TYPE_CHECKING:
    from monitorbench.rollouts.recorded import Recorded
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore


def replay(recordings: Sequence[Recording], store: RunStore, recorded: Recorded) -> Iterator[Notice]:
    """Have the recorded rollouts of arms at hand; of none of them where one is missing.

    Raises:
        NotRecordedError: a rollout was not recorded, or was not under the same key, or is graded otherwise today.
    """
    found = [(recording, whole(recording, recorded)) for recording in recordings]
    for recording, rollouts in found:
        label, count = recording.arm.label, len(rollouts)
        yield ArmStarted(arm=label, rollouts=count, reused=count)
        store.add(recording.arm, rollouts)
        yield RolloutsDone(arm=label, done=count, total=count)


def _at_hand(recording: Recording, recorded: Recorded) -> list[Rollout]:
    """Those rollouts of an arm that were recorded, of the stored arm like it that has most of them."""
    most: list[Rollout] = []
    for facts in recorded.alike(recording.facts):
        rows = [row for batch in keyed_batches(replace(recording, facts=facts)) for row in batch.kept]
        found = list(recorded.find(rows).values())
        if len(found) == len(rows):
            return found
        most = max(most, found, key=len)
    return most


def whole(recording: Recording, recorded: Recorded) -> list[Rollout]:
    """All rollouts of an arm.

    Raises:
        NotRecordedError: as `replay`.
    """
    found, asked = _at_hand(recording, recorded), len(recording.rows)
    if len(found) < asked:
        what = f"{asked - len(found):,} of {asked:,} rollouts are not recorded"
        raise NotRecordedError(what, where=recording.arm.label, fix="run the suite")
    grade = recording.task.grade
    changed = sum(grade(rollout.problem, rollout.text).status != rollout.status for rollout in found)
    if changed:
        what = f"{changed:,} of {asked:,} responses are graded otherwise today"
        raise NotRecordedError(what, where=recording.arm.label, fix="run the suite with --fresh")
    return found
