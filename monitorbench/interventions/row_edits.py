"""Interventions that are of one rollout each: its own span, its own tokens, its own moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from monitorbench.adapters.base import Adapter, Edit, Event, Hook
from monitorbench.interventions.clamp import Clamp, clamped
from monitorbench.interventions.gate import Gate, gated

RowEdit: TypeAlias = Clamp | Gate


def with_row_edits(inner: Hook | None, edits: Sequence[RowEdit | None], adapter: Adapter) -> Hook | None:
    """A hook that does what another one does, and to each row what is declared for it.

    Args:
        inner: the other hook.
        edits: that of each row of the batch; None leaves the row alone.
        adapter: reads and writes channels.
    """
    clamps = {row: edit for row, edit in enumerate(edits) if isinstance(edit, Clamp)}
    gates = {row: edit for row, edit in enumerate(edits) if isinstance(edit, Gate)}
    if not clamps and not gates:
        return inner

    def hook(event: Event) -> Edit | None:
        edit = inner(event) if inner is not None else None
        return clamped(event, gated(event, edit, gates), clamps, adapter)

    return hook
