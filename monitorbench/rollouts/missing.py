"""Which rollouts of an arm are not stored yet, and the recording of just those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitorbench.notices import ArmStarted, Notice, RolloutsDone
from monitorbench.rollouts.batching import Row, RowBatch
from monitorbench.rollouts.key import RolloutFacts, digest
from monitorbench.rollouts.recorder import Recording
from monitorbench.rollouts.store import RunStore


def record_all(recordings: Sequence[Recording], store: RunStore) -> Iterator[Notice]:
    """Have every rollout of the arms in the store: those that are there already are taken, the others recorded."""
    for recording in recordings:
        yield from _record(recording, store)


def _record(recording: Recording, store: RunStore) -> Iterator[Notice]:
    arm, total = recording.arm, len(recording.rows)
    batches = _keyed_batches(recording) if store.keeps else list(recording.batches(recording.rows))
    found, lost = store.find([row for batch in batches for row in batch.kept])
    yield from lost
    missing = [batch for batch in batches if any(row.key not in found for row in batch.kept)]
    if not arm.intervention.mixes_rows:
        # Rows do not depend on each other, so those that are missing are batched anew.
        missing = list(recording.batches([row for batch in missing for row in batch.kept if row.key not in found]))
    run = {row.key for batch in missing for row in batch.kept}
    reused = [rollout for key, rollout in found.items() if key not in run]
    store.add(arm, reused)
    done = len(reused)
    yield ArmStarted(arm=arm.label, rollouts=total, reused=done)
    if done:
        yield RolloutsDone(arm=arm.label, done=done, total=total)
    for batch in missing:
        store.keep(arm, recording.facts, batch.kept, recording.run(batch))
        done += batch.real
        yield RolloutsDone(arm=arm.label, done=done, total=total)


def _keyed_batches(recording: Recording) -> list[RowBatch]:
    arm = digest(recording.facts)
    mixes = recording.arm.intervention.mixes_rows
    return [_keyed(batch, arm, mixes=mixes) for batch in recording.batches(recording.rows)]


def _keyed(batch: RowBatch, arm: str, *, mixes: bool) -> RowBatch:
    together = [(row.tokens, row.seed) for row in batch.rows] if mixes else []
    rows = [
        replace(row, key=_key(row, arm, batch, together, place if mixes else 0)) for place, row in enumerate(batch.rows)
    ]
    return replace(batch, rows=tuple(rows))


def _key(row: Row, arm: str, batch: RowBatch, together: Sequence[tuple[tuple[int, ...], int]], place: int) -> str:
    return RolloutFacts(
        arm=arm,
        problem=row.problem,
        tokens=row.tokens,
        seed=row.seed,
        repeat=row.repeat,
        rows=len(batch.rows),
        width=batch.width,
        batch=together,
        place=place,
    ).key
