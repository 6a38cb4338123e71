"""A second look at an arm: its rollouts once more, each with an edit of its own that rests on what it came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from monitorbench.errors import UsageError
from monitorbench.interventions.row_edits import RowEdit
from monitorbench.rollouts.recorder import Recording

Place = tuple[str, int]
"""A problem's id and which of its seeds."""


def edited(base: Recording, name: str, edits: Mapping[Place, RowEdit | Sequence[RowEdit]]) -> Recording:
    """The rollouts of an arm under the same seeds, each edited; those without an edit are left out.

    A rollout's key holds its edit itself, so that equal edits are recorded once, whatever the arms are called.

    Args:
        base: the arm as it is.
        name: what the edited arm is called.
        edits: by problem and repeat, one or as many continuations of it; all of them equally many. Continuation c of
            repeat r is kept as repeat r * (number of continuations) + c.

    Raises:
        UsageError: rows of the arm see each other's values.
    """
    if base.arm.intervention.mixes_rows:
        what = f"rollouts under {base.arm.intervention.label!r} cannot be edited one by one"
        raise UsageError(what, fix="edit the arm as it is")
    rows = []
    for row in base.rows:
        found = edits.get(row.place, ())
        several = found if isinstance(found, Sequence) else (found,)
        rows += [
            replace(row, repeat=row.repeat * len(several) + number, edit=edit) for number, edit in enumerate(several)
        ]
    return replace(base, arm=replace(base.arm, edit=name), rows=tuple(rows))
