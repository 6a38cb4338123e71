"""Stored rollouts as rows of the index and arrays of a shard, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from monitorbench.metrics.trace import Trace
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.entries import STRANGE, entry
from monitorbench.rollouts.shards import Shards
from monitorbench.tasks.base import Problem

_AT_ONCE = 500
"""Keys of one query."""
Row = tuple[str, int, str, str, int, int]
"""Key, repeat, what was found, shard, row of the shard, blocks."""


def rows_of(index: sqlite3.Connection, keys: list[str]) -> list[Row]:
    """The rows of those keys that are stored."""
    found: list[Row] = []
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(part))
        query = f"SELECT key, repeat, found, shard, row, blocks FROM rollouts WHERE key IN ({marks})"
        found += index.execute(query, part).fetchall()
    return found


def faults_in(rows: list[Row], shards: Shards) -> dict[str, str]:
    """What is wrong with shards that the rows lie in, by shard; those that hold what was written are left out."""
    strange = {row[3]: STRANGE for row in rows if entry(row[2], row[1], *row[4:]) is None}
    faults = {shard: why for shard in {row[3] for row in rows} if (why := shards.fault(shard))} | strange
    return dict(sorted(faults.items(), key=str))


def rollout_of(row: Row, problem: Problem, shards: Shards) -> Rollout:
    """The rollout of a row, its trace on disk."""
    _, repeat, text, shard, place, blocks = row
    return _rollout(problem, repeat, json.loads(text), shards.trace(shard, place, blocks))


def found_text(rollout: Rollout) -> str:
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
