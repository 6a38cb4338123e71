"""What an earlier run kept, for people to look at: arms, rollouts, traces, and the words of their tokens. No model."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from monitorbench.errors import UsageError, first_line
from monitorbench.metrics.trace import Trace
from monitorbench.rollouts.entries import STRANGE, entry
from monitorbench.rollouts.index import opened_to_read, usable
from monitorbench.rollouts.shards import Shards
from monitorbench.rollouts.vocabulary import tokenizer_of

_DIGITS = 8
_AGAIN = "run the suite again: it records what is lost"
_SHOWN = "SELECT key, arm, problem, repeat, found, shard, row, blocks FROM rollouts ORDER BY arm, problem, repeat, key"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredArm:
    """An arm of which rollouts are kept.

    Attributes:
        name: the beginning of its hash.
        labels: what runs called it: one arm may be the candidate of one run and the baseline of another.
        tokenizer: hash of the tokenizer.
        weights: hash of the weights of its model; empty where that is not known.
    """

    name: str
    labels: tuple[str, ...]
    tokenizer: str
    weights: str = ""

    @property
    def label(self) -> str:
        """What it is called, for people."""
        return " / ".join(self.labels)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRollout:
    """A rollout that is kept.

    Attributes:
        name: under which it is looked up.
        arm: its arm.
        text: the response.
        status: what the grader made of it.
        finished: whether the text ended by itself.
        shard: the file in which its trace lies.
        row: which of the rollouts of that file it is.
        blocks: blocks of its trace.
        values: token positions at which the response states each value of the problem's graph.
        answer: token positions of the answer.
        error: what it raised; there is no text and no trace then.
    """

    name: str
    arm: StoredArm
    text: str
    status: str
    finished: bool
    shard: str
    row: int
    blocks: int
    values: Mapping[str, Sequence[int]] = field(default_factory=dict)
    answer: Sequence[int] = ()
    error: str = ""


class StoredRun:
    """The rollouts that are kept in a folder, which is left as it is.

    Args:
        folder: where.

    Raises:
        UsageError: nothing is kept there that this monitorbench reads.
    """

    def __init__(self, folder: Path) -> None:
        self._shards = Shards(folder / "shards")
        with usable(folder, reading=True):
            index = opened_to_read(folder)
            try:
                self.arms = _arms(index)
                self.rollouts = _rollouts(index, self.arms)
                self._words = _words(index)
            finally:
                index.close()

    def trace(self, rollout: StoredRollout) -> Trace:
        """The trace of a rollout.

        Raises:
            UsageError: it does not lie there as it was written.
        """
        if fault := self._shards.fault(rollout.shard):
            raise UsageError(
                f"its trace cannot be read ({fault})",
                where=rollout.name,
                fix=_AGAIN,
            )
        trace = self._shards.trace(rollout.shard, rollout.row, rollout.blocks)
        try:
            for block in trace.blocks:
                for each in fields(block):
                    getattr(block, each.name)
        except (ValueError, LookupError, TypeError, MemoryError) as error:
            what = f"its trace cannot be read ({first_line(error).lower()})"
            raise UsageError(what, where=rollout.name, fix=_AGAIN) from error
        return trace

    def words(self, arm: StoredArm) -> Mapping[int, str]:
        """The texts of the tokens of an arm's traces."""
        return {each: text for tokenizer, each, text in self._words if tokenizer == arm.tokenizer}


def _words(index: sqlite3.Connection) -> list[tuple[str, int, str]]:
    rows = index.execute("SELECT tokenizer, id, text FROM words").fetchall()
    words = [(tokenizer, each, json.loads(text)) for tokenizer, each, text in rows]
    if not all(type(each) is int and isinstance(text, str) for _, each, text in words):
        raise TypeError("a word is no text")
    return words


def _arms(index: sqlite3.Connection) -> dict[str, StoredArm]:
    labels: dict[str, list[str]] = {}
    for arm, label in index.execute("SELECT arm, label FROM labels ORDER BY arm, label"):
        labels.setdefault(arm, []).append(label)
    return {
        digest: StoredArm(
            name=digest[:_DIGITS],
            labels=tuple(labels.get(digest, ())),
            tokenizer=tokenizer_of(facts),
            weights=str(json.loads(facts or "{}").get("weights", "")),
        )
        for digest, facts in index.execute("SELECT digest, facts FROM arms ORDER BY digest")
    }


def _rollouts(index: sqlite3.Connection, arms: Mapping[str, StoredArm]) -> dict[str, StoredRollout]:
    rows: list[tuple[Any, ...]] = index.execute(_SHOWN).fetchall()
    names = [f"{arms[arm].name}/{problem}{f'/{repeat}' if repeat else ''}" for _, arm, problem, repeat, *_ in rows]
    counts = Counter(names)
    rollouts: dict[str, StoredRollout] = {}
    for plain, (key, arm, _, repeat, text, shard, row, blocks) in zip(names, rows, strict=True):
        # One prompt may be kept under several seeds or batch shapes.
        name = plain if counts[plain] == 1 else f"{plain}@{key[:_DIGITS]}"
        found = entry(text, repeat, row, blocks)
        if found is None:
            raise ValueError(STRANGE)
        rollouts[name] = StoredRollout(
            name=name,
            arm=arms[arm],
            text=found["text"],
            status=found["status"],
            finished=found["finished"],
            shard=shard,
            row=row,
            blocks=blocks,
            values=found["value_positions"],
            answer=found["answer_positions"],
            error=found.get("error", ""),
        )
    return rollouts
