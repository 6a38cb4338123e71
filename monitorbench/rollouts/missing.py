"""Which rollouts are not stored yet, and the recording of just those: arms that may share batches, together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from monitorbench.notices import ArmStarted, Notice, RolloutsDone
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.batching import Row, RowBatch
from monitorbench.rollouts.key import RolloutFacts, canonical, digest
from monitorbench.rollouts.recorder import Recording, run_batch
from monitorbench.rollouts.store import RunStore


def record_all(recordings: Sequence[Recording], store: RunStore) -> Iterator[Notice]:
    """Have every rollout of the arms in the store: those that are there already are taken, the others recorded.

    Raises:
        NotRecordedError: the store is one in which nothing may be recorded, and a rollout is missing.
    """
    if store.recorded is not None:
        from monitorbench.rollouts.replaying import replay

        yield from replay(recordings, store, store.recorded)
        return
    for recording in recordings:
        store.know_prompts(recording.model, recording.rows)
    groups: dict[object, list[Recording]] = {}
    for place, recording in enumerate(_sharing_prefills(recordings)):
        groups.setdefault(_together(recording.arm) if recording.arm.intervention.rowwise else place, []).append(
            recording
        )
    for group in groups.values():
        yield from _record(group, store)


def _sharing_prefills(recordings: Sequence[Recording]) -> list[Recording]:
    """The same recordings; arms of one model share the reading of their prompts, where its adapter can do that."""
    arms = Counter(id(recording.adapter) for recording in recordings)
    adapters: dict[int, Any] = {id(recording.adapter): recording.adapter for recording in recordings}
    shared = {
        each: adapter.sharing_prefills()
        for each, adapter in adapters.items()
        if arms[each] > 1 and hasattr(adapter, "sharing_prefills")
    }
    return [replace(one, adapter=shared.get(id(one.adapter), one.adapter)) for one in recordings]


def record_further(recordings: Sequence[Recording], store: RunStore) -> Iterator[Notice]:
    """The same for arms of which some may be at hand, because another check asked for them: those are passed by."""
    yield from record_all([one for one in recordings if not store.holds(one.arm, one.rows)], store)


def _together(arm: Arm) -> str:
    """What arms have in common that may share batches: everything but what is done to each row by itself."""
    return canonical({name: value for name, value in asdict(arm).items() if name != "intervention"})


def _record(group: Sequence[Recording], store: RunStore) -> Iterator[Notice]:
    progress = _Progress(group)
    batches: list[RowBatch] = []
    for source, recording in enumerate(group):
        found, lost, missing = _missing(recording, store)
        yield from lost
        store.add(recording.arm, found)
        progress.reused(source, len(found))
        batches += [replace(batch, rows=tuple(replace(row, source=source) for row in batch.rows)) for batch in missing]
    if len(group) > 1:
        batches = list(group[0].batches([row for batch in batches for row in batch.kept]))
    for batch in batches:
        sources = sorted({row.source for row in batch.kept})
        yield from progress.begun(sources)
        rollouts = run_batch(group, batch)
        for source in sources:
            own = [(row, rollout) for row, rollout in zip(batch.kept, rollouts, strict=True) if row.source == source]
            rows, made = zip(*own, strict=True)
            recording = group[source]
            store.keep(recording.arm, recording.facts, rows, made, words=recording.words)
            yield progress.done(source, len(own))
    yield from progress.begun(range(len(group)))


class _Progress:
    """What is told of arms that are recorded together: each begins with its first batch, or by being there already."""

    def __init__(self, group: Sequence[Recording]) -> None:
        self._labels = [recording.arm.label for recording in group]
        self._totals = [len(recording.rows) for recording in group]
        self._done = [0 for _ in group]
        self._begun: set[int] = set()

    def reused(self, source: int, count: int) -> None:
        self._done[source] = count

    def begun(self, sources: Sequence[int]) -> Iterator[Notice]:
        for source in sources:
            if source not in self._begun:
                self._begun.add(source)
                arm, done = self._labels[source], self._done[source]
                yield ArmStarted(arm=arm, rollouts=self._totals[source], reused=done)
                if done:
                    yield RolloutsDone(arm=arm, done=done, total=self._totals[source])

    def done(self, source: int, count: int) -> Notice:
        self._done[source] += count
        return RolloutsDone(arm=self._labels[source], done=self._done[source], total=self._totals[source])


def _missing(recording: Recording, store: RunStore) -> tuple[list[Rollout], Sequence[Notice], list[RowBatch]]:
    """Rollouts of an arm that are stored, what of them is lost, and batches of the others."""
    batches = keyed_batches(recording) if store.keeps else list(recording.batches(recording.rows))
    found, lost = store.find([row for batch in batches for row in batch.kept])
    missing = [batch for batch in batches if any(row.key not in found for row in batch.kept)]
    if not recording.arm.intervention.mixes_rows:
        # Rows do not depend on each other, so those that are missing are batched anew.
        missing = list(recording.batches([row for batch in missing for row in batch.kept if row.key not in found]))
    to_run = {row.key for batch in missing for row in batch.kept}
    return [rollout for key, rollout in found.items() if key not in to_run], lost, missing


def keyed_batches(recording: Recording) -> list[RowBatch]:
    """Every batch of an arm, each row with the key under which its rollout is kept."""
    arm = digest(recording.facts)
    mixes = recording.arm.intervention.mixes_rows
    return [_keyed(batch, arm, mixes=mixes) for batch in recording.batches(recording.rows)]


def _keyed(batch: RowBatch, arm: str, *, mixes: bool) -> RowBatch:
    together = [(row.tokens, row.seed) for row in batch.rows] if mixes else []
    rows = [
        replace(row, key=_key(row, arm, batch, together, place if mixes else 0)) for place, row in enumerate(batch.rows)
    ]
    return replace(batch, rows=tuple(rows))


def _key(row: Row, arm: str, batch: RowBatch, together: Sequence[tuple[tuple[int, ...], int]], place: int) -> str:
    return RolloutFacts(
        arm=arm,
        problem=row.problem,
        tokens=row.tokens,
        seed=row.seed,
        repeat=row.repeat,
        rows=len(batch.rows),
        width=batch.width,
        batch=together,
        place=place,
        edit=row.edit,
    ).key
