"""Rollouts on disk: an index in SQLite, and their traces in shards.

A shard is whole and on disk before a transaction enters it into the index. A process that is killed at any moment loses
the batch that it was at, and leaves nothing but a file that nobody refers to. Several processes may write at once.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from monitorbench.errors import UsageError, first_line
from monitorbench.metrics.trace import Trace
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.key import digest
from monitorbench.rollouts.shards import Shards
from monitorbench.tasks.base import Problem

FORMAT = 1
"""Version of what is on disk."""
INDEX, LOCK = "index.sqlite", "lock"
PATIENCE = 120.0
"""Seconds to wait for another process that is writing to the index."""
_APPLICATION = 0x6D6F6E69
_AT_ONCE = 500
_TABLES = (
    "CREATE TABLE arms (digest TEXT PRIMARY KEY, facts TEXT NOT NULL)",
    "CREATE TABLE rollouts (key TEXT PRIMARY KEY, arm TEXT NOT NULL REFERENCES arms, problem TEXT NOT NULL, "
    "repeat INTEGER NOT NULL, found TEXT NOT NULL, shard TEXT NOT NULL, row INTEGER NOT NULL, blocks INTEGER NOT NULL)",
    "CREATE INDEX rollouts_by_shard ON rollouts (shard)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A shard that no longer holds what was written, and what was wrong with it; its rollouts are stored no more."""

    shard: str
    rollouts: int
    why: str


class Archive:
    """The rollouts that are kept in a folder. Close it, or use it as a context manager.

    Args:
        folder: where; made if it is not there.
        fresh: take nothing for stored that was there before, and overwrite it.

    Raises:
        UsageError: the folder cannot be written, or holds what this monitorbench does not read.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self._folder, self._fresh = folder, fresh
        self._own: set[str] = set()
        with _usable(folder):
            shards = folder / "shards"
            shards.mkdir(parents=True, exist_ok=True)
            self._lock, alone = _locked(folder / LOCK)
            try:
                if fresh and alone:
                    _remove_index(folder)
                self._index = _opened(folder)
            except BaseException:
                self._lock.close()
                raise
            self._shards = Shards(shards)
            if alone:
                self._shards.sweep(name for (name,) in self._index.execute("SELECT DISTINCT shard FROM rollouts"))
                fcntl.flock(self._lock, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let other processes tidy up. Traces that were handed out can still be read."""
        self._index.close()
        self._lock.close()

    def find(self, problems: Mapping[str, Problem]) -> tuple[dict[str, Rollout], list[Lost]]:
        """Those rollouts that are stored, and what was stored and is lost.

        Args:
            problems: the problem of each key that is looked for.

        Returns:
            The rollouts by key, their traces on disk, and the damaged shards.
        """
        keys = [key for key in problems if not self._fresh or key in self._own]
        parts = (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))
        rows = [row for part in parts for row in self._rows(part)]
        faults = {shard: why for shard in sorted({row[3] for row in rows}) if (why := self._shards.fault(shard))}
        lost = [Lost(shard=shard, rollouts=self._forget(shard), why=why) for shard, why in faults.items()]
        found = {
            key: _rollout(problems[key], repeat, json.loads(text), self._shards.trace(shard, row, blocks))
            for key, repeat, text, shard, row, blocks in rows
            if shard not in faults
        }
        return found, lost

    def keep(self, facts: str, rollouts: Mapping[str, Rollout]) -> dict[str, Rollout]:
        """Store a batch of rollouts under their keys. Once this returns they survive whatever happens to the process.

        Args:
            facts: what its arm's rollouts have in common, as canonical JSON.
            rollouts: the rollouts by key.

        Returns:
            The same rollouts with their traces on disk.

        Raises:
            UsageError: the folder cannot be written any more.
        """
        with _usable(self._folder):
            kept = list(rollouts.values())
            shard = self._shards.write([rollout.trace for rollout in kept])
            arm = digest(facts)
            rows = [
                (key, arm, rollout.problem.id, rollout.repeat, _found(rollout), shard, row, len(rollout.trace.blocks))
                for row, (key, rollout) in enumerate(rollouts.items())
            ]
            conflict = "REPLACE" if self._fresh else "IGNORE"
            with _writing(self._index):
                self._index.execute("INSERT OR IGNORE INTO arms VALUES (?, ?)", (arm, facts))
                self._index.executemany(f"INSERT OR {conflict} INTO rollouts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._own |= rollouts.keys()
            return {
                key: replace(rollout, trace=self._shards.trace(shard, row, len(rollout.trace.blocks)))
                for row, (key, rollout) in enumerate(rollouts.items())
            }

    def _rows(self, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        marks = ", ".join("?" * len(keys))
        query = f"SELECT key, repeat, found, shard, row, blocks FROM rollouts WHERE key IN ({marks})"
        with _usable(self._folder):
            return self._index.execute(query, keys).fetchall()

    def _forget(self, shard: str) -> int:
        with _usable(self._folder), _writing(self._index):
            return self._index.execute("DELETE FROM rollouts WHERE shard = ?", (shard,)).rowcount


def _locked(path: Path) -> tuple[IO[bytes], bool]:
    """A lock that ends with the process, and whether no other process holds one; a sole user may tidy up."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Waits for one that tidies up, and for none that records.
        fcntl.flock(file, fcntl.LOCK_SH)
        return file, False
    except BaseException:
        file.close()
        raise
    return file, True


def _remove_index(folder: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (folder / f"{INDEX}{suffix}").unlink(missing_ok=True)


def _opened(folder: Path) -> sqlite3.Connection:
    index = sqlite3.connect(folder / INDEX, timeout=PATIENCE, isolation_level=None)
    try:
        _prepare(index, folder)
    except BaseException:
        index.close()
        raise
    return index


def _prepare(index: sqlite3.Connection, folder: Path) -> None:
    try:
        with _writing(index):
            (application,), (version,) = (
                index.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
            )
            empty = not index.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if empty:
                for statement in _TABLES:
                    index.execute(statement)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise _unreadable(folder, f"its index cannot be read ({first_line(error)})") from error
    if not empty and application != _APPLICATION:
        raise _unreadable(folder, f"{INDEX} in it is no index of rollouts")
    if not empty and version != FORMAT:
        raise _unreadable(folder, f"holds rollouts in version {version}; this monitorbench reads version {FORMAT}")
    index.execute("PRAGMA journal_mode = WAL")
    index.execute("PRAGMA synchronous = FULL")


def _unreadable(folder: Path, what: str) -> UsageError:
    return UsageError(
        what, where=str(folder), fix="run with --fresh while no other process uses it, or delete the folder"
    )


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    """What the file system or the index refuses is said in one sentence."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        raise UsageError(
            f"rollouts cannot be kept there ({why.lower()})", where=str(folder), fix="make it a writable folder"
        ) from error


@contextmanager
def _writing(index: sqlite3.Connection) -> Iterator[None]:
    index.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        index.execute("ROLLBACK")
        raise
    index.execute("COMMIT")


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
    )
