"""Which rows run together: one prompt width and one number of rows for every batch, whatever the arm holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitorbench.adapters.batches import bucket_width
from monitorbench.errors import UsageError
from monitorbench.interventions.row_edits import RowEdit
from monitorbench.tasks.base import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One rollout to record.

    Attributes:
        problem: what is asked.
        repeat: which of the prompt's seeds it is, from 0.
        tokens: the encoded prompt.
        seed: the seed.
        key: under which it is stored; empty where nothing is.
        source: which of the arms that are recorded together it belongs to.
        edit: what is done to this rollout alone; None for nothing.
    """

    problem: Problem
    repeat: int
    tokens: tuple[int, ...]
    seed: int = 0
    key: str = ""
    source: int = 0
    edit: RowEdit | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Which of the arm's rollouts it is."""
        return self.problem.id, self.repeat

    @property
    def width(self) -> int:
        """The width at which its prompt runs."""
        return bucket_width(len(self.tokens))


@dataclass(frozen=True, kw_only=True, slots=True)
class RowBatch:
    """Rows of one batch; only the first `real` of them are kept, the rest fill it up."""

    rows: tuple[Row, ...]
    real: int

    @property
    def kept(self) -> tuple[Row, ...]:
        """The rows that are kept."""
        return self.rows[: self.real]

    @property
    def width(self) -> int:
        """The width at which all of them run."""
        return max(row.width for row in self.rows)


def batch_rows(
    rows: Sequence[Row], batch_size: int, *, mixes_rows: bool, beside: Sequence[Row] = ()
) -> Iterator[RowBatch]:
    """Split rows into batches of exactly `batch_size`, each of one prompt width.

    Args:
        rows: all rows of an arm, or of arms that are recorded together; a batch holds those of as few as may be.
        batch_size: rows of every batch, at least 1.
        mixes_rows: rows see the values of the row before them, the first one those of the last; then no row may stand
            behind one of the same prompt. A prompt with no other of its width stands beside one of the nearest width.
        beside: further rows that may fill up batches in which rows are mixed.

    Raises:
        UsageError: rows are mixed and no batch can be made of these prompts; at the call, before the first batch.
    """
    if mixes_rows:
        _require_mixable(len({row.problem.id for row in (*rows, *beside)}), batch_size)
    return _batches(rows, batch_size, mixes_rows=mixes_rows, beside=[*rows, *beside])


def _batches(rows: Sequence[Row], batch_size: int, *, mixes_rows: bool, beside: Sequence[Row]) -> Iterator[RowBatch]:
    by_width: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.source, row.repeat)):
        by_width.setdefault(row.width, []).append(row)
    for width in sorted(by_width):
        if mixes_rows:
            # Narrower before wider ones, which would widen the whole batch.
            fillers = sorted(beside, key=lambda row: (row.width > width, abs(row.width - width)))
            yield from _mixed(by_width[width], fillers, batch_size)
        else:
            yield from _plain(by_width[width], batch_size)


def batch_pairs(rows: Sequence[Row], batch_size: int) -> Iterator[RowBatch]:
    """The same for rows of which each two in turn are a pair and have to stand next to each other.

    Raises:
        UsageError: no pair fits into a batch, or a row has no partner; at the call.
    """
    if batch_size < 2 or len(rows) % 2:
        raise UsageError("rows that exchange what they come to need partners", fix="raise batch_size to 2 or more")
    by_width: dict[int, list[Row]] = {}
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        by_width.setdefault(max(first.width, second.width), []).extend((first, second))
    size = batch_size - batch_size % 2
    parts = (
        members[start : start + size]
        for _, members in sorted(by_width.items())
        for start in range(0, len(members), size)
    )
    return (RowBatch(rows=(*part, *part[:1] * (batch_size - len(part))), real=len(part)) for part in parts)


def _require_mixable(prompts: int, batch_size: int) -> None:
    if batch_size < 2 or prompts < 2:
        raise UsageError(
            "a control that mixes rows needs two prompts in a batch", fix="raise n and batch_size to 2 or more"
        )
    if batch_size % 2 and prompts == 2:
        raise UsageError(
            f"a control that mixes rows cannot deal two prompts to {batch_size} rows",
            fix="raise n to 3 or more, or use an even batch_size",
        )


def _plain(members: list[Row], batch_size: int) -> Iterator[RowBatch]:
    for start in range(0, len(members), batch_size):
        real = members[start : start + batch_size]
        yield RowBatch(rows=(*real, *real[:1] * (batch_size - len(real))), real=len(real))


def _mixed(members: list[Row], fillers: list[Row], batch_size: int) -> Iterator[RowBatch]:
    left = list(members)
    while left:
        counts = Counter(row.problem.id for row in left)
        batch: list[Row] = []
        while len(batch) < batch_size:
            # The commonest prompt first, so that no prompt is left over with nothing to stand beside.
            allowed = [row for row in left if row.problem.id not in _forbidden(batch, batch_size)]
            if not allowed:
                break
            row = max(allowed, key=lambda row: counts[row.problem.id])
            left.remove(row)
            counts[row.problem.id] -= 1
            batch.append(row)
        real = len(batch)
        while len(batch) < batch_size:
            forbidden = _forbidden(batch, batch_size)
            batch.append(next(row for row in fillers if row.problem.id not in forbidden))
        yield RowBatch(rows=tuple(batch), real=real)


def _forbidden(batch: list[Row], batch_size: int) -> set[str]:
    """Prompts that the next row of a batch must not have; the last row stands before the first."""
    neighbours = [*batch[-1:], *(batch[:1] if len(batch) == batch_size - 1 else ())]
    return {row.problem.id for row in neighbours}
