"""A batch in two, each part run at the shape of the whole: so rows come out as they would have in the whole batch."""

from __future__ import annotations

from collections.abc import Sequence

from monitorbench.errors import UsageError
from monitorbench.rollouts.batching import Row, RowBatch, batch_pairs, batch_rows


def halves(batch: RowBatch, *, mixes_rows: bool, pairs_rows: bool) -> list[RowBatch]:
    """The kept rows of a batch in batches of at most half as many; none where they can be no fewer.

    Pairs stay together. Rows that are mixed are dealt out by prompts, and each part is filled up with its own rows.
    """
    if pairs_rows:
        units = [[*pair] for pair in zip(batch.kept[::2], batch.kept[1::2], strict=True)]
    elif mixes_rows:
        by_prompt: dict[str, list[Row]] = {}
        for row in batch.kept:
            by_prompt.setdefault(row.problem.id, []).append(row)
        units = list(by_prompt.values())
    else:
        units = [[row] for row in batch.kept]
    middle = len(units) // 2
    parts = [[row for unit in part for row in unit] for part in (units[:middle], units[middle:])]
    if not all(parts):
        return []
    try:
        return [made for part in parts for made in _batches(part, len(batch.rows), mixes_rows, pairs_rows)]
    except UsageError:
        return []  # too few prompts to be mixed


def each_alone(batch: RowBatch, beside: Sequence[Row]) -> list[RowBatch]:
    """Every kept row of a batch whose rows are mixed, each with nothing but rows that are known to come to an end.

    Args:
        batch: the rows.
        beside: those rows; none of them is kept.

    Returns:
        A batch for each row; none where these are too few to stand beside it.
    """
    try:
        return [
            made
            for row in batch.kept
            for made in batch_rows([row], len(batch.rows), mixes_rows=True, beside=_others(row, beside))
        ]
    except UsageError:
        return []


def _others(row: Row, beside: Sequence[Row]) -> list[Row]:
    return [other for other in beside if other.problem.id != row.problem.id]


def _batches(rows: Sequence[Row], size: int, mixes_rows: bool, pairs_rows: bool) -> list[RowBatch]:
    if pairs_rows:
        return list(batch_pairs(rows, size))
    return list(batch_rows(rows, size, mixes_rows=mixes_rows))
