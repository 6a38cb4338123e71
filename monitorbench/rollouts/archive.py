"""Rollouts on disk: an index in SQLite, and their traces in shards.

A shard is whole and on disk before a transaction enters it into the index. A process that is killed at any moment loses
the batch that it was at, and leaves nothing but a file that nobody refers to. Several processes may write at once.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from monitorbench.metrics.trace import Trace
from monitorbench.rollouts.arm import RAISED, Rollout
from monitorbench.rollouts.entries import STRANGE, entry
from monitorbench.rollouts.index import LOCK, locked, opened, remove, usable, writing
from monitorbench.rollouts.key import digest
from monitorbench.rollouts.shards import Shards
from monitorbench.rollouts.vocabulary import Vocabulary, Words
from monitorbench.tasks.base import Problem

_AT_ONCE = 500
"""Keys of one query."""
_COLUMNS = ("arm", "problem", "repeat", "found", "shard", "row", "blocks")
_UNLESS_RAISED = (
    f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)} "
    f"WHERE json_extract(rollouts.found, '$.status') = '{RAISED}'"
)
"""What is stored stays, but for a rollout that raised: it is tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A shard that no longer holds what was written, and what was wrong with it; its rollouts are stored no more."""

    shard: str
    rollouts: int
    why: str


class Archive:
    """The rollouts that are kept in a folder, until it is closed.

    Args:
        folder: where; made if it is not there.
        fresh: take nothing for stored that was there before, and overwrite it.

    Raises:
        UsageError: the folder cannot be written, or holds what this monitorbench does not read.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self._folder, self._fresh = folder, fresh
        self._own: set[str] = set()
        with usable(folder):
            shards = folder / "shards"
            shards.mkdir(parents=True, exist_ok=True)
            self._lock, alone = locked(folder / LOCK)
            try:
                if fresh and alone:
                    remove(folder)
                self._index = opened(folder)
            except BaseException:
                self._lock.close()
                raise
            self._shards, self._vocabulary = Shards(shards), Vocabulary()
            if alone:
                self._shards.sweep(name for (name,) in self._index.execute("SELECT DISTINCT shard FROM rollouts"))
                fcntl.flock(self._lock, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let other processes tidy up. Traces that were handed out are no longer safe from them."""
        self._index.close()
        self._lock.close()

    def find(self, problems: Mapping[str, Problem]) -> tuple[dict[str, Rollout], list[Lost]]:
        """Those rollouts that are stored, and what was stored and is lost. One that raised is not found.

        Args:
            problems: the problem of each key that is looked for.

        Returns:
            The rollouts by key, their traces on disk, and the damaged shards.
        """
        keys = [key for key in problems if not self._fresh or key in self._own]
        parts = (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))
        rows = [row for part in parts for row in self._rows(part)]
        facts = {row[0]: entry(row[2], row[1], *row[4:]) for row in rows}
        strange = {row[3]: STRANGE for row in rows if facts[row[0]] is None}
        faults = {shard: why for shard in {row[3] for row in rows} if (why := self._shards.fault(shard))} | strange
        lost = [
            Lost(shard=shard, rollouts=self._forget(shard), why=why) for shard, why in sorted(faults.items(), key=str)
        ]
        found = {
            key: _rollout(problems[key], repeat, known, self._shards.trace(shard, row, blocks))
            for key, repeat, _, shard, row, blocks in rows
            if shard not in faults and (known := facts[key]) is not None
        }
        return {key: rollout for key, rollout in found.items() if not rollout.raised}, lost

    def keep(
        self, facts: str, rollouts: Mapping[str, Rollout], *, label: str = "", words: Words | None = None
    ) -> dict[str, Rollout]:
        """Store a batch of rollouts under their keys. Once this returns they survive whatever happens to the process.

        Args:
            facts: what its arm's rollouts have in common, as canonical JSON.
            rollouts: the rollouts by key.
            label: what people call the arm.
            words: gives the texts of token ids, by which traces can be read when the model is gone.

        Returns:
            The same rollouts with their traces on disk.

        Raises:
            UsageError: the folder cannot be written any more.
        """
        with usable(self._folder):
            kept = list(rollouts.values())
            shard = self._shards.write([rollout.trace for rollout in kept])
            arm = digest(facts)
            rows = [
                (key, arm, rollout.problem.id, rollout.repeat, _found(rollout), shard, row, len(rollout.trace.blocks))
                for row, (key, rollout) in enumerate(rollouts.items())
            ]
            spelt = () if words is None else self._vocabulary.spelt(facts, kept, words)
            conflict = "OR REPLACE" if self._fresh else ""
            onto = "" if self._fresh else _UNLESS_RAISED
            with writing(self._index):
                self._index.execute("INSERT OR IGNORE INTO arms VALUES (?, ?)", (arm, facts))
                self._index.execute("INSERT OR IGNORE INTO labels VALUES (?, ?)", (arm, label))
                self._index.executemany("INSERT OR IGNORE INTO words VALUES (?, ?, ?)", spelt)
                self._index.executemany(f"INSERT {conflict} INTO rollouts VALUES (?, ?, ?, ?, ?, ?, ?, ?) {onto}", rows)
            self._own |= rollouts.keys()
            return {
                key: replace(rollout, trace=self._shards.trace(shard, row, len(rollout.trace.blocks)))
                for row, (key, rollout) in enumerate(rollouts.items())
            }

    def least_rows(self, model: str, declared: int) -> int:
        """The batch size that a model came down to for want of memory; the declared one where it did not."""
        if self._fresh:
            return declared
        with usable(self._folder):
            query = "SELECT min(rows) FROM halved WHERE model = ? AND declared = ?"
            return self._index.execute(query, (model, declared)).fetchone()[0] or declared

    def know_rows(self, model: str, declared: int, rows: int) -> None:
        """Keep that a model does not fit the device at more than so many rows of the declared batch size."""
        with usable(self._folder), writing(self._index):
            self._index.execute("INSERT OR REPLACE INTO halved VALUES (?, ?, ?)", (model, declared, rows))

    def _rows(self, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        marks = ", ".join("?" * len(keys))
        query = f"SELECT key, repeat, found, shard, row, blocks FROM rollouts WHERE key IN ({marks})"
        with usable(self._folder):
            return self._index.execute(query, keys).fetchall()

    def _forget(self, shard: str) -> int:
        with usable(self._folder), writing(self._index):
            return self._index.execute("DELETE FROM rollouts WHERE shard = ?", (shard,)).rowcount


def _found(rollout: Rollout) -> str:
    """What is kept of a rollout beside its trace; the order of a mapping is a part of it."""
    found = {
        "text": rollout.text,
        "tokens": rollout.tokens,
        "finished": rollout.finished,
        "status": rollout.status,
        "value_positions": dict(rollout.value_positions),
        "answer_positions": rollout.answer_positions,
        "counts": dict(rollout.counts),
        "rows": rollout.rows,
        "error": rollout.error,
    }
    return json.dumps(found, separators=(",", ":"), allow_nan=False)


def _rollout(problem: Problem, repeat: int, found: Mapping[str, Any], trace: Trace) -> Rollout:
    return Rollout(
        problem=problem,
        repeat=repeat,
        text=found["text"],
        tokens=tuple(found["tokens"]),
        finished=found["finished"],
        status=found["status"],
        trace=trace,
        value_positions={name: tuple(places) for name, places in found["value_positions"].items()},
        answer_positions=tuple(found["answer_positions"]),
        counts=found["counts"],
        rows=found.get("rows", 0),
        error=found.get("error", ""),
    )
