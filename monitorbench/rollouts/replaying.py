"""Arms as they were recorded by an earlier run, where nothing may be recorded any more: whole, or refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from monitorbench.errors import NotRecordedError
from monitorbench.notices import ArmStarted, Notice, RolloutsDone
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.looking_up import halvings, look_up
from monitorbench.rollouts.store import model_name

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


def whole(recording: Recording, recorded: Recorded) -> Sequence[Rollout]:
    """All rollouts of an arm.

    Raises:
        NotRecordedError: as `replay`.
    """
    found, asked = _at_hand(recording, recorded), len(recording.rows)
    if len(found) < asked:
        what = f"{asked - len(found):,} of {asked:,} rollouts are not recorded"
        raise NotRecordedError(what, where=recording.arm.label, fix="run the suite")
    if changed := sum(_graded_otherwise(rollout, recording) for rollout in found):
        what = f"{changed:,} of {asked:,} responses are graded otherwise today"
        raise NotRecordedError(what, where=recording.arm.label, fix="run the suite with --fresh")
    return found


def _at_hand(recording: Recording, recorded: Recorded) -> Sequence[Rollout]:
    """Those rollouts of an arm that were recorded, of the stored arm like it that has most of them."""
    most: Sequence[Rollout] = ()
    for facts in recorded.alike(recording.facts):
        arm = replace(recording, facts=facts)
        sizes = halvings(arm.batch_size, recorded.least_rows(model_name(arm), arm.batch_size))
        found = look_up(arm, arm.rows, sizes, recorded.find).found
        if len(found) == len(arm.rows):
            return found
        most = max(most, found, key=len)
    return most


def _graded_otherwise(rollout: Rollout, recording: Recording) -> bool:
    return not rollout.raised and recording.task.grade(rollout.problem, rollout.text).status != rollout.status
