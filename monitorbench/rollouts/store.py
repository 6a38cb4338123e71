"""Where the rollouts of a run are kept: scoring reads from here and never needs the model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from monitorbench.notices import RolloutsLost
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.batching import Row
from monitorbench.rollouts.key import canonical, digest

if TYPE_CHECKING:
    from monitorbench.rollouts.archive import Archive
    from monitorbench.rollouts.model_facts import ModelFacts
    from monitorbench.rollouts.recorded import Recorded
    from monitorbench.rollouts.recorder import Recording


_TAKES_MEMORY = ("weights", "config", "adapter", "dtype", "device", "device_map", "limits")


class RunStore:
    """Rollouts by arm, always in the order of problem and seed. Close it, or use it as a context manager.

    Args:
        folder: where they outlive the run; None keeps them in memory only.
        fresh: take nothing for stored that was there before, and overwrite it.
        recorded: what an earlier run kept, where nothing may be recorded beside it; there is no folder then.

    Raises:
        UsageError: the folder cannot be written, or holds what this monitorbench does not read.
    """

    def __init__(self, folder: Path | None = None, *, fresh: bool = False, recorded: Recorded | None = None) -> None:
        self.recorded = recorded
        self._rollouts: dict[Arm, dict[tuple[str, int], Rollout]] = {}
        self._archive: Archive | None = None
        if folder is not None:
            from monitorbench.rollouts.archive import Archive

            self._archive = Archive(folder, fresh=fresh)
        self._folder = folder
        self._prompts: set[tuple[str, str]] = set()
        self._sizes: dict[tuple[str, int], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder; the traces that lie there belong to no one any more."""
        if self._archive is not None:
            self._archive.close()

    @property
    def keeps(self) -> bool:
        """Whether rollouts outlive the run, so that each needs a key."""
        return self._archive is not None

    def know_model(self, model: ModelFacts) -> str:
        """Keep what judging asks of a model, where rollouts outlive the run; its hash, else nothing."""
        return "" if self._archive is None else self._archive.know_model(model)

    def know_prompts(self, model: str, rows: Iterable[Row]) -> None:
        """Keep as which tokens the model of that hash reads the prompts of rows."""
        if self._archive is not None and model:
            new = {row.problem.prompt: row.tokens for row in rows if (model, row.problem.prompt) not in self._prompts}
            self._prompts |= {(model, prompt) for prompt in new}
            self._archive.know_prompts(model, new)

    def know_texts(self, model: str, texts: Mapping[tuple[int, ...], str]) -> None:
        """Keep what tokens are as text to the model of that hash."""
        if self._archive is not None and model:
            self._archive.know_texts(model, texts)

    def batch_size(self, recording: Recording) -> int:
        """Rows of a batch that the model of an arm takes: the declared number, unless that did not fit into memory.

        Where rollouts outlive the run that is known of earlier runs too, so that they go on as they left off.
        """
        name = model_name(recording), recording.batch_size
        if name not in self._sizes:
            self._sizes[name] = name[1] if self._archive is None else self._archive.least_rows(*name)
        return self._sizes[name]

    def halved(self, recording: Recording, rows: int) -> None:
        """The model of an arm takes only so many rows."""
        name = model_name(recording), recording.batch_size
        self._sizes[name] = rows
        if self._archive is not None:
            self._archive.know_rows(*name, rows)

    def find(self, rows: Iterable[Row]) -> tuple[dict[str, Rollout], list[RolloutsLost]]:
        """Stored rollouts of the rows, by key, and what was stored of them and is lost."""
        if self._archive is None:
            return {}, []
        found, lost = self._archive.find({row.key: row.problem for row in rows})
        notices = [RolloutsLost(file=f"{self._folder}/{one.shard}", rollouts=one.rollouts, why=one.why) for one in lost]
        return found, notices

    def keep(
        self,
        arm: Arm,
        facts: str,
        rows: Sequence[Row],
        rollouts: Sequence[Rollout],
        *,
        words: Callable[[Sequence[int]], Sequence[str]] | None = None,
    ) -> None:
        """Keep the rollouts of rows that were recorded together.

        Args:
            arm: their arm.
            facts: what decides all rollouts of the arm, as JSON; used where rollouts outlive the run.
            rows: what was recorded.
            rollouts: what it came to, one for each row.
            words: gives the texts of token ids; kept with rollouts that outlive the run.

        Raises:
            UsageError: the folder cannot be written any more.
        """
        if self._archive is None:
            self.add(arm, rollouts)
            return
        by_key = {row.key: rollout for row, rollout in zip(rows, rollouts, strict=True)}
        self.add(arm, self._archive.keep(facts, by_key, label=arm.label, words=words).values())

    def add(self, arm: Arm, rollouts: Iterable[Rollout]) -> None:
        """Have rollouts of an arm at hand for the checks of this run."""
        kept = self._rollouts.setdefault(arm, {})
        kept.update({(rollout.problem.id, rollout.repeat): rollout for rollout in rollouts})

    def holds(self, arm: Arm, rows: Iterable[Row]) -> bool:
        """Whether every one of these rollouts of an arm is at hand."""
        return {row.place for row in rows} <= self._rollouts.get(arm, {}).keys()

    def rollouts(self, arm: Arm) -> list[Rollout]:
        """All rollouts of an arm, sorted by problem and seed."""
        return self.everything(arm)

    def everything(self, arm: Arm) -> list[Rollout]:
        """The same, also where `rollouts` leaves some out."""
        return [rollout for _, rollout in sorted(self._rollouts[arm].items())]

    def leaves_out(self, arm: Arm, problem: str) -> bool:
        """Whether `rollouts` leaves out those of a problem."""
        del arm, problem
        return False

    def by_prompt(self, arm: Arm) -> dict[str, list[Rollout]]:
        """Rollouts of an arm, grouped by problem."""
        grouped: dict[str, list[Rollout]] = {}
        for rollout in self.rollouts(arm):
            grouped.setdefault(rollout.problem.id, []).append(rollout)
        return grouped


def model_name(recording: Recording) -> str:
    """What memory is a matter of: a model with its number format, its device and the length of its texts."""
    if not recording.facts:
        return recording.arm.role
    facts = json.loads(recording.facts)
    return digest(canonical({name: facts.get(name) for name in _TAKES_MEMORY}))
