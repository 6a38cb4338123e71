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
from typing import TypeAlias

from monitorbench.rollouts.arm import RAISED, Rollout
from monitorbench.rollouts.index import LOCK, locked, opened, remove, usable, writing
from monitorbench.rollouts.key import digest
from monitorbench.rollouts.model_facts import ModelFacts
from monitorbench.rollouts.shards import Shards
from monitorbench.rollouts.stored import faults_in, found_text, rollout_of, rows_of
from monitorbench.rollouts.vocabulary import Vocabulary, Words
from monitorbench.tasks.base import Problem

_COLUMNS = ("arm", "problem", "repeat", "found", "shard", "row", "blocks")
_UNLESS_RAISED = (
    f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)} "
    f"WHERE json_extract(rollouts.found, '$.status') = '{RAISED}'"
)
"""What is stored stays, but for a rollout that raised: it is tried again."""
Rows: TypeAlias = Sequence[tuple[str, ...]]


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
        with usable(self._folder):
            rows = rows_of(self._index, keys)
        faults = faults_in(rows, self._shards)
        lost = [Lost(shard=shard, rollouts=self._forget(shard), why=why) for shard, why in faults.items()]
        found = {row[0]: rollout_of(row, problems[row[0]], self._shards) for row in rows if row[3] not in faults}
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
                (
                    key,
                    arm,
                    rollout.problem.id,
                    rollout.repeat,
                    found_text(rollout),
                    shard,
                    row,
                    len(rollout.trace.blocks),
                )
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

    def know_model(self, model: ModelFacts) -> str:
        """Keep what judging asks of a model; the hash under which that is kept."""
        return self._enter("models", [(model.digest, model.text)])[0][0]

    def know_prompts(self, model: str, prompts: Mapping[str, Sequence[int]]) -> None:
        """Keep as which tokens a model reads prompts."""
        self._enter("prompts", [(model, digest(text), json.dumps(tokens)) for text, tokens in prompts.items()])

    def know_texts(self, model: str, texts: Mapping[tuple[int, ...], str]) -> None:
        """Keep what tokens of a model are as text: JSON, since a piece of a character may be no text by itself."""
        self._enter("texts", [(model, json.dumps(tokens), json.dumps(text)) for tokens, text in texts.items()])

    def _enter(self, table: str, rows: Rows) -> Rows:
        marks = ", ".join("?" * len(rows[0])) if rows else ""
        with usable(self._folder):
            if rows:
                with writing(self._index):
                    self._index.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)
        return rows

    def _forget(self, shard: str) -> int:
        with usable(self._folder), writing(self._index):
            return self._index.execute("DELETE FROM rollouts WHERE shard = ?", (shard,)).rowcount
