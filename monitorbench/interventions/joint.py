"""One hook for a batch whose rows belong to several arms: each row gets its own intervention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from monitorbench.adapters.base import Absent, Adapter, Edit, Event, Hook
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention, build_hook
from monitorbench.interventions.tally import Tally


def build_joint_hook(
    interventions: Sequence[Intervention],
    adapter: Adapter,
    *,
    prompts: Sequence[str] | None = None,
    tallies: Mapping[Intervention, Tally] = {},
) -> Hook | None:
    """The hook that carries out each row's own intervention.

    Every intervention sees the whole batch, and only its rows are taken over: a kernel may round a batch of another
    shape differently, and rows that are recorded together have to come out as if each arm were recorded by itself.

    Args:
        interventions: that of each row of the batch.
        adapter: reads and writes the channels.
        prompts: as for `build_hook`.
        tallies: for each intervention, what takes its counts; of meaning in its own rows only.

    Raises:
        UsageError: an intervention cannot be carried out, or rows of different ones must not share a batch.
    """
    places: dict[Intervention, list[int]] = {}
    for place, intervention in enumerate(interventions):
        places.setdefault(intervention, []).append(place)
    if len(places) == 1:
        return build_hook(interventions[0], adapter, prompts=prompts, tally=tallies.get(interventions[0]))
    if alone := next((one for one in places if not one.rowwise), None):
        raise UsageError(f"rows under {alone.label!r} share a batch with no others", fix="record that arm by itself")
    hooks = ((build_hook(one, adapter, prompts=prompts, tally=tallies.get(one)), rows) for one, rows in places.items())
    return _Joint(list(hooks))


class _Joint:
    def __init__(self, groups: Sequence[tuple[Hook | None, list[int]]]) -> None:
        self._groups = groups

    def __call__(self, event: Event) -> Edit | None:
        """What each group's hook makes of the event, in that group's rows."""
        edits = [(hook(event) if hook is not None else None, rows) for hook, rows in self._groups]
        if event.value is None or all(edit is None for edit, _ in edits):
            return None
        value = event.value.clone()
        for edit, rows in edits:
            if edit is not None and edit.value is not None:
                assert not isinstance(edit.value, Absent)  # by the meaning of `rowwise`
                index = torch.tensor(rows, device=value.device)
                value[index] = edit.value[index]
        return Edit(value=value)
