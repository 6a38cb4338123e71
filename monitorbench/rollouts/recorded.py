"""What an earlier run kept, for judging it again: its rollouts by key, and what is asked of its models. No model."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from monitorbench.errors import NotRecordedError
from monitorbench.notices import RolloutsLost
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.batching import Row
from monitorbench.rollouts.index import opened_to_read, usable
from monitorbench.rollouts.key import canonical, digest
from monitorbench.rollouts.model_facts import ModelFacts
from monitorbench.rollouts.shards import Shards
from monitorbench.rollouts.stand_in import StandIn
from monitorbench.rollouts.stored import faults_in, rollout_of, rows_of

KEPT = ("watch", "neighbours")
"""What an arm says of what is kept of it: a rollout of which more is kept is the same rollout."""


class Recorded:
    """The rollouts that are kept in a folder, which is left as it is. Close it, or use it as a context manager.

    Args:
        folder: where.

    Raises:
        UsageError: nothing is kept there that this monitorbench reads.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._shards = folder, Shards(folder / "shards")
        self._arms: dict[str, list[str]] = {}
        with usable(folder, reading=True):
            self._index = opened_to_read(folder)
            for (facts,) in self._index.execute("SELECT facts FROM arms ORDER BY digest"):
                self._arms.setdefault(_without_kept(facts), []).append(facts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._index.close()

    def model(self, digest_: str) -> StandIn:
        """What stands for the model of that hash.

        Raises:
            NotRecordedError: nothing is known of it.
        """
        found = self._known("models", "facts", digest=digest_)
        if found is None:
            raise NotRecordedError(
                "what judging asks of its model is not kept",
                where=str(self._folder),
                fix="run the suite once more: that finds the rollouts and adds the rest",
            )
        facts = ModelFacts.read(found)
        tokenizer = facts.decides["tokenizer"]
        return StandIn(
            facts=facts,
            prompt=lambda text: _json(self._known("prompts", "tokens", model=digest_, prompt=digest(text))),
            text=lambda tokens: _json(self._known("texts", "text", model=digest_, tokens=json.dumps(tokens))),
            word=lambda token: _json(self._known("words", "text", tokenizer=tokenizer, id=token)),
        )

    def alike(self, facts: str) -> list[str]:
        """The facts of stored arms that are such an arm, and of which as much is kept or more; the nearest first."""
        wanted = _kept(facts)
        near = [each for each in self._arms.get(_without_kept(facts), ()) if _covers(_kept(each), wanted)]
        return sorted(near, key=_kept)

    def least_rows(self, model: str, declared: int) -> int:
        """As `Archive.least_rows`."""
        found = self._known("halved", "min(rows)", model=model, declared=declared)
        return declared if found is None else int(found)

    def find(self, rows: Iterable[Row]) -> tuple[dict[str, Rollout], list[RolloutsLost]]:
        """Those rollouts of the rows that are stored and whole, by key, those that raised included."""
        problems = {row.key: row.problem for row in rows}
        with usable(self._folder, reading=True):
            found = rows_of(self._index, list(problems))
        faults = faults_in(found, self._shards)
        whole = [row for row in found if row[3] not in faults]
        return {row[0]: rollout_of(row, problems[row[0]], self._shards) for row in whole}, []

    def _known(self, table: str, column: str, **where: str | int) -> str | None:
        asked = " AND ".join(f"{name} = ?" for name in where)
        try:
            found = self._index.execute(f"SELECT {column} FROM {table} WHERE {asked}", tuple(where.values())).fetchone()
        except sqlite3.OperationalError:
            return None  # an index of before these tables were kept
        return None if found is None or found[0] is None else str(found[0])


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _kept(facts: str) -> tuple[int, ...]:
    arm: Mapping[str, Any] = json.loads(facts)["arm"]
    return tuple(arm[name] for name in KEPT)


def _without_kept(facts: str) -> str:
    found = json.loads(facts or "{}")
    arm = {name: value for name, value in found.get("arm", {}).items() if name not in KEPT}
    return canonical({**found, "arm": arm})


def _covers(kept: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(has >= least for has, least in zip(kept, wanted, strict=True))
