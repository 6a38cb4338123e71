"""What is kept of a rollout that raised."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from monitorbench.errors import MonitorbenchError, first_line
from monitorbench.metrics.trace import Trace
from monitorbench.rollouts.arm import RAISED, Rollout

if TYPE_CHECKING:
    from monitorbench.rollouts.batching import Row

_LONGEST = 200


def errored(row: Row, why: str, rows: int) -> Rollout:
    """The rollout of a row that raised, in a batch of so many rows: the reason, and nothing else."""
    return Rollout(
        problem=row.problem,
        repeat=row.repeat,
        text="",
        tokens=(),
        finished=False,
        status=RAISED,
        trace=Trace(blocks=()),
        value_positions={},
        answer_positions=(),
        rows=rows,
        error=why,
    )


def why_raised(error: Exception) -> str:
    """What an error says, in one line; of one that is not for users, its type and where it was raised too."""
    said = first_line(error)[:_LONGEST]
    if isinstance(error, MonitorbenchError):
        return said
    place = "".join(
        f" ({Path(frame.filename).name}:{frame.lineno})" for frame in traceback.extract_tb(error.__traceback__)[-1:]
    )
    return f"{type(error).__name__}: {said}{place}"
