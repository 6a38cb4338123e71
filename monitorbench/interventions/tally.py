"""What an intervention counts while it is carried out, row by row.

Shape suffixes: B rows.
"""

from __future__ import annotations

from torch import Tensor

POSITIONS = "positions"
"""Positions that were truncated, over all steps; where a step reads a padded prompt, the padding with it."""
ARGMAX_ONLY = "argmax only"
"""Those of them where no token reached `min_p`, so that the likeliest one was kept by itself."""


class Tally:
    """Counts of one batch by name and row; only of rows that still run.

    Counts stay on the device of the model until they are asked for: reading them at every step would make it wait.
    """

    def __init__(self) -> None:
        self._counts: dict[str, Tensor] = {}

    def add(self, name: str, counts_B: Tensor, live_B: Tensor) -> None:
        """Add whole numbers (B,) to a count, for rows that are live (B,) bool."""
        more_B = counts_B * live_B.to(counts_B.device)
        self._counts[name] = self._counts[name] + more_B if name in self._counts else more_B

    def of(self, row: int) -> dict[str, int]:
        """The counts of one row; empty where the intervention counts nothing."""
        return {name: int(counts_B[row]) for name, counts_B in self._counts.items()}
