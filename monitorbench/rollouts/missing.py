"""Which rollouts are not stored yet, and the recording of just those: arms that may share batches, together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from monitorbench.errors import UsageError
from monitorbench.notices import ArmStarted, BatchHalved, Notice, RolloutsDone, RolloutsRaised
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.batching import Row, RowBatch
from monitorbench.rollouts.crew import Running
from monitorbench.rollouts.failing import Health, Made, Run, sorted_out
from monitorbench.rollouts.key import canonical
from monitorbench.rollouts.looking_up import halvings, look_up
from monitorbench.rollouts.memory import DoesNotFitError
from monitorbench.rollouts.recorder import Recording
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
    for place, recording in enumerate(sharing_prefills(recordings)):
        groups.setdefault(_together(recording.arm) if recording.arm.intervention.rowwise else place, []).append(
            recording
        )
    for group in groups.values():
        yield from _record(group, store)


def sharing_prefills(recordings: Sequence[Recording]) -> list[Recording]:
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
    declared = group[0].batch_size
    sizes = halvings(declared, store.batch_size(group[0]))
    batches, done = yield from _planned(group, [recording.rows for recording in group], sizes, store, progress)
    health = Health(group, done)
    while batches:
        batches = yield from _record_batches(group, batches, store, progress, health)
        health = health.anew()
    yield from progress.begun(range(len(group)))


Plan = Generator[Notice, None, tuple[list[RowBatch], dict[int, int]]]


def _planned(
    group: Sequence[Recording],
    rows: Sequence[Sequence[Row]],
    sizes: Sequence[int],
    store: RunStore,
    progress: _Progress,
) -> Plan:
    """Batches of what is not stored yet of each arm's rows, and how many of them are."""
    batches: list[RowBatch] = []
    found: dict[int, int] = {}
    for source, recording in enumerate(group):
        known = look_up(recording, rows[source], sizes, store.find if store.keeps else None)
        yield from known.lost
        store.add(recording.arm, known.found)
        found[source] = len(known.found)
        yield from progress.reused(source, found[source])
        batches += [
            replace(batch, rows=tuple(replace(row, source=source) for row in batch.rows)) for batch in known.missing
        ]
    if len(group) > 1:
        batches = list(group[0].batches([row for batch in batches for row in batch.kept], sizes[-1]))
    return batches, found


def _record_batches(
    group: Sequence[Recording], batches: Sequence[RowBatch], store: RunStore, progress: _Progress, health: Health
) -> Generator[Notice, None, list[RowBatch]]:
    """Record all batches; those that are left, in smaller batches, where one does not fit into memory."""
    done: set[tuple[int, Place]] = set()
    good = partial(_good, group[0], store)
    with closing(_running(group, batches, health.settling(good))) as running:
        for batch, attempt in running:
            yield from progress.begun(sorted({row.source for row in batch.kept}))
            if attempt is None:
                continue
            try:
                made = sorted_out(group, batch, partial(_run, group, store, attempt), health)
            except DoesNotFitError:
                break
            done |= {(row.source, row.place) for row, _ in made}
            for source in sorted({row.source for row, _ in made}):
                own = [(row, rollout) for row, rollout in made if row.source == source]
                yield from _keep(group[source], own, store)
                yield progress.done(source, len(own))
        else:
            return []
    size = _smaller(group[0], store, rows=len(batch.rows))
    yield BatchHalved(arm=group[batch.rows[0].source].arm.label, rows=len(batch.rows), to=size)
    left = [row for batch in batches for row in batch.kept if (row.source, row.place) not in done]
    by_arm = [[row for row in left if row.source == source] for source in range(len(group))]
    again, _ = yield from _planned(group, by_arm, (size,), store, progress)
    return again


def _running(group: Sequence[Recording], batches: Sequence[RowBatch], after: Iterable[RowBatch]) -> Running:
    """All batches, and then those that rest on what these come to, one after the other."""
    crew = group[0].crew
    yield from crew.run(group, batches)
    for batch in after:
        yield from crew.run(group, [batch])


def _good(recording: Recording, store: RunStore) -> list[Row]:
    """The rows of an arm that came to an end, in an order that does not depend on what was stored before."""
    done = {(one.problem.id, one.repeat) for one in store.everything(recording.arm) if not one.raised}
    return [row for row in recording.rows if row.place in done]


def _run(group: Sequence[Recording], store: RunStore, attempt: Run, batch: RowBatch) -> Sequence[Rollout]:
    """What a batch comes to; a part of a batch in which rows are mixed may be stored already."""
    if store.keeps and group[batch.rows[0].source].arm.intervention.mixes_rows:
        found, _ = store.find(batch.kept)
        if all(row.key in found for row in batch.kept):
            return [found[row.key] for row in batch.kept]
    return attempt(batch)


def _keep(recording: Recording, made: Made, store: RunStore) -> Iterator[Notice]:
    rows, rollouts = zip(*made, strict=True)
    store.keep(recording.arm, recording.facts, rows, rollouts, words=recording.words)
    if raised := [rollout for rollout in rollouts if rollout.raised]:
        yield RolloutsRaised(arm=recording.arm.label, rollouts=len(raised), why=raised[0].error)


def _smaller(recording: Recording, store: RunStore, *, rows: int) -> int:
    """The next batch size of a model that makes batches of fewer rows; from now on it takes no more."""
    size = store.batch_size(recording)
    while size > 1:
        size //= 2
        if recording.rows_at(size) < rows:
            store.halved(recording, size)
            getattr(recording.adapter, "forget_prefills", lambda: None)()
            return size
    what = "a single row does" if rows == 1 else f"the {rows} rows that have to run side by side do"
    raise UsageError(
        f"{what} not fit on the device",
        where=recording.arm.label,
        fix="lower sampling.max_new_tokens, or use a device with more memory",
    )


Place = tuple[str, int]


class _Progress:
    """What is told of arms that are recorded together: each begins with its first batch, or by being there already."""

    def __init__(self, group: Sequence[Recording]) -> None:
        self._labels = [recording.arm.label for recording in group]
        self._totals = [len(recording.rows) for recording in group]
        self._done = [0 for _ in group]
        self._begun: set[int] = set()

    def reused(self, source: int, count: int) -> Iterator[Notice]:
        self._done[source] += count
        if count and source in self._begun:
            yield self.done(source, 0)

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
