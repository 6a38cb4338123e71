"""Batches whose rows know the keys under which their rollouts are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitorbench.rollouts.batching import Row, RowBatch
from monitorbench.rollouts.key import RolloutFacts, digest
from monitorbench.rollouts.recorder import Recording


def keyed_batches(recording: Recording, rows: Sequence[Row] | None = None, size: int | None = None) -> list[RowBatch]:
    """Rows of an arm in batches: all of them, at the declared size, unless others are given."""
    batches = recording.batches(recording.rows if rows is None else rows, size)
    return [keyed(recording, batch) for batch in batches]


def keyed(recording: Recording, batch: RowBatch) -> RowBatch:
    """A batch of one arm with the keys of its rows."""
    arm, mixes = digest(recording.facts), recording.arm.intervention.mixes_rows
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
        edit=row.edit,
    ).key
