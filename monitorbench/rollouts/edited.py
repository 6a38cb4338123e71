"""A second look at an arm: its rollouts once more, each with an edit of its own that rests on what it came to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention
from monitorbench.interventions.row_edits import RowEdit
from monitorbench.rollouts.arm import rollout_seed
from monitorbench.rollouts.key import canonical
from monitorbench.rollouts.recorder import Recording, require_fit
from monitorbench.tasks.base import Problem

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


def under(base: Recording, intervention: Intervention) -> Recording:
    """The rollouts of an arm under the same seeds, with an intervention.

    Raises:
        UsageError: it mixes rows, and no batch can be made of these prompts.
    """
    facts = base.facts
    if facts:
        known = json.loads(facts)
        facts = canonical(known | {"arm": known["arm"] | {"intervention": asdict(intervention)}})
    made = replace(base, arm=replace(base.arm, intervention=intervention), facts=facts)
    made.batches(made.rows)  # refuses rows that cannot be mixed
    return made


def with_partners(base: Recording, partner: Callable[[Problem], Problem], *, name: str, seed: int) -> Recording:
    """The rollouts of an arm, each followed by one of another problem under the seed that is its own.

    Args:
        base: the arm as it is.
        partner: the other problem of each.
        name: what the arm is called.
        seed: base seed of the run.

    Raises:
        UsageError: a prompt does not fit the model.
    """
    rows = []
    for row in base.rows:
        other = partner(row.problem)
        tokens = tuple(base.adapter.encode(other.prompt))
        rows += [row, replace(row, problem=other, tokens=tokens, seed=rollout_seed(seed, other.id, row.repeat))]
    require_fit(rows, base.adapter, base.limits)
    return replace(base, arm=replace(base.arm, edit=name), rows=tuple(rows))
