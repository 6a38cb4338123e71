"""The order in which positions of a canvas may commit, wave after wave.

Shape suffixes: B rows, P positions of the canvas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from monitorbench.adapters.base import Edit, Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """In which order the positions of one rollout's canvas may commit.

    Attributes:
        waves: positions of the canvas; none of a wave commits before all of the waves ahead of it, or in the step that
            completes them. Positions in no wave come after all.
        block: the block.
    """

    waves: tuple[tuple[int, ...], ...]
    block: int = 0

    def open(self, count: int, width: int) -> list[int]:
        """The positions that may be committed when so many are: those of the waves that they reach into."""
        found: list[int] = []
        for wave in self.waves:
            if len(found) >= count:
                return found
            found += wave
        return found if len(found) >= count else list(range(width))


def gated(event: Event, edit: Edit | None, gates: Mapping[int, Gate]) -> Edit | None:
    """What becomes of a hook's edit when rows are gated besides: the number that a step commits stays as it is."""
    due = {row: gate for row, gate in gates.items() if gate.block == event.index.block}
    if event.channel is not None or event.committed is None or not due:
        return edit
    B, P = event.committed.shape
    given = edit.hold if edit is not None else None
    hold_BP = torch.zeros((B, P), dtype=torch.bool) if given is None else given.cpu().clone()
    for row, gate in due.items():
        closed_P = torch.ones(P, dtype=torch.bool)
        closed_P[gate.open(int(event.committed[row].sum()), P)] = False
        hold_BP[row] |= closed_P
    return replace(edit or Edit(), hold=hold_BP.to(event.committed.device))
