"""Which rollouts of an arm are stored, at whatever batch size it came down to, and batches of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitorbench.notices import RolloutsLost
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.batching import Row, RowBatch
from monitorbench.rollouts.keying import keyed_batches
from monitorbench.rollouts.recorder import Recording

Find = Callable[[Iterable[Row]], tuple[dict[str, Rollout], list[RolloutsLost]]]
"""Gives the stored rollouts of rows by key, and what was stored of them and is lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a store holds of an arm.

    Attributes:
        found: rollouts that are stored.
        missing: batches of the others, at the last size.
        lost: what was stored and is no more.
    """

    found: tuple[Rollout, ...]
    missing: tuple[RowBatch, ...]
    lost: tuple[RolloutsLost, ...]


def halvings(declared: int, least: int) -> tuple[int, ...]:
    """The declared batch size, and what halving it comes to, down to the least one."""
    return tuple(_halvings(declared, least))


def _halvings(size: int, least: int) -> Iterator[int]:
    while size > least:
        yield size
        size //= 2
    yield size


def look_up(recording: Recording, rows: Sequence[Row], sizes: Sequence[int], find: Find | None) -> Known:
    """Look for rows at each batch size in turn: what ran before memory ran out is stored at another than what follows.

    Args:
        recording: the arm.
        rows: those of its rows that are wanted.
        sizes: batch sizes, the largest first; at least one.
        find: looks in the store; None where nothing is stored.
    """
    if find is None:
        return Known(found=(), missing=tuple(recording.batches(rows, sizes[-1])), lost=())
    mixes, left = recording.arm.intervention.mixes_rows, list(rows)
    found: dict[str, Rollout] = {}
    lost: list[RolloutsLost] = []
    missing: list[RowBatch] = []
    for size in sizes:
        batches = keyed_batches(recording, left, size)
        stored, gone = find(row for batch in batches for row in batch.kept)
        missing = [batch for batch in batches if any(row.key not in stored for row in batch.kept)]
        # Where rows are mixed, a batch is found as a whole or not at all.
        left = [row for batch in missing for row in batch.kept if mixes or row.key not in stored]
        again = {row.key for row in left}
        found |= {key: rollout for key, rollout in stored.items() if key not in again}
        lost += gone
        if not mixes:
            missing = list(recording.batches(left, size))
        if not left:
            break
    return Known(found=tuple(found.values()), missing=tuple(missing), lost=tuple(lost))
