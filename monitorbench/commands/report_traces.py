"""Stored rollouts for the trace viewer of a report: a few of every arm and outcome."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from monitorbench.errors import UsageError
from monitorbench.notices import Working, tell

if TYPE_CHECKING:
    from monitorbench.report.model import Report
    from monitorbench.report.render.page.traces import Example, Traces
    from monitorbench.rollouts.reading import StoredRollout, StoredRun

MOST = 40
"""Rollouts that are chosen unless another number is asked for."""


def traces_of(report: Report, path: Path, *, run: Path | None = None, most: int = MOST) -> Traces:
    """Rollouts of the models of a report.

    Args:
        report: the report.
        path: where it lies; a run keeps its rollouts beside it.
        run: the folder of the rollouts; None looks beside the report, and is content without any.
        most: how many are chosen.

    Raises:
        UsageError: nothing is kept in the folder that was named, or nothing that this monitorbench reads.
    """
    from monitorbench.invocation import file_name
    from monitorbench.report.render.page.traces import Traces
    from monitorbench.rollouts.index import INDEX
    from monitorbench.rollouts.reading import StoredRun

    folder = run or path.parent / file_name(str(report.suite.get("name", "")))
    if not (folder / INDEX).is_file():
        if run is not None:
            raise UsageError("no run is kept there", where=str(run), fix="name the folder that `run` made")
        return Traces(missing="No stored rollouts lie beside the report.")
    store, weights = StoredRun(folder), {model.weights_sha256 for model in report.models}
    rollouts = [one for one in store.rollouts.values() if one.arm.weights in weights]
    if not rollouts:
        return Traces(missing="None of the stored rollouts beside the report are of its models.")
    chosen = list(spread(rollouts, most))
    examples: list[Example] = []
    for number, one in enumerate(chosen):
        tell(Working(what="reading stored rollouts", done=number, total=len(chosen), unit="rollouts"))
        if (example := _example(one, store)) is not None:
            examples.append(example)
    return Traces(examples=examples, stored=len(rollouts), unreadable=len(chosen) - len(examples))


def spread(rollouts: Iterable[StoredRollout], most: int) -> Iterator[StoredRollout]:
    """At most so many rollouts: one of every arm and outcome, then another, and so on, those of an arm together."""
    groups: dict[tuple[str, str], list[StoredRollout]] = {}
    for one in rollouts:
        groups.setdefault((one.arm.label, one.status), []).append(one)
    turns = [(turn, key) for key, group in groups.items() for turn in range(len(group))]
    taken = {(key, turn) for turn, key in sorted(turns, key=lambda each: (each[0], _rank(each[1])))[:most]}
    for key in sorted(groups, key=_rank):
        yield from (one for turn, one in enumerate(groups[key]) if (key, turn) in taken)


def _rank(key: tuple[str, str]) -> tuple[bool, bool, str, str]:
    """The untouched candidate first."""
    label, status = key
    return ("candidate" not in label, "as it is" not in label, label, status)


def _example(one: StoredRollout, store: StoredRun) -> Example | None:
    """What is shown of a rollout; None where its trace cannot be read."""
    from monitorbench.report.render.page.traces import Example
    from monitorbench.rollouts.packing import packed_blocks

    try:
        blocks = packed_blocks(store.trace(one))
    except UsageError:
        return None
    return Example(
        name=one.name,
        arm=one.arm.label,
        status=one.status,
        finished=one.finished,
        text=one.text,
        blocks=blocks,
        words=store.words(one.arm),
        values=one.values,
        answer=one.answer,
    )
