"""Looks for values on the canvases of an arm's rollouts, by the tokens that spell them.

Shape suffixes: S steps, P positions of a block, K most probable tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from monitorbench.checks.shares import Rollouts
from monitorbench.metrics.hidden_context import Sighting, sighting, spellings
from monitorbench.metrics.predictions import Ids, Probabilities, predictions
from monitorbench.metrics.smearing import Smearing, sequence_smearing, token_smearing
from monitorbench.metrics.trace import BlockTrace

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout

Canvas = tuple[int, BlockTrace, Ids, Probabilities]
"""Number of a block, its trace, and what it held at each step."""


class Looks:
    """What can be seen on the canvases of rollouts.

    Args:
        rollouts: of each prompt.
        decode: text of tokens.
        carried: whether predictions reach the next step.
    """

    def __init__(self, rollouts: Rollouts, decode: Callable[[Sequence[int]], str], *, carried: bool) -> None:
        self._rollouts, self._carried = rollouts, carried
        ids = {int(token) for _, _, ids_SPK, _ in self._all() for token in np.unique(ids_SPK)} - {-1}
        self._pieces: dict[str, set[int]] = {}
        for token in sorted(ids):
            if text := decode([token]).strip():
                self._pieces.setdefault(text, set()).add(token)

    def canvases(self, rollout: Rollout) -> Iterator[Canvas]:
        """Every block of which the trace holds predictions."""
        for number, block in enumerate(rollout.trace.blocks):
            found = predictions(block, carried=self._carried)
            if found is not None:
                yield number, block, *found

    def sightings(self, rollout: Rollout, values: Mapping[str, str]) -> dict[str, tuple[int, Sighting]]:
        """Block and place where each value was likeliest; those that no canvas had are left out."""
        spelled = {name: spellings(value, self._pieces) for name, value in values.items()}
        best: dict[str, tuple[int, Sighting]] = {}
        for number, _, ids_SPK, probabilities_SPK in self.canvases(rollout):
            for name in values:
                seen = sighting(ids_SPK, probabilities_SPK, spelled[name])
                if seen is not None and (name not in best or seen.probability > best[name][1].probability):
                    best[name] = number, seen
        return best

    def smearing(self) -> dict[str, float | int | None]:
        """Mean shares, over blocks, of tokens and of runs of three that were smeared: reported, not judged."""
        tokens, runs = self._smeared(token_smearing), self._smeared(sequence_smearing)
        return {"tokens": tokens, "runs": runs, "blocks": sum(1 for _ in self._all())}

    def _smeared(self, of: Callable[..., Smearing]) -> float | None:
        found = [
            of(ids_SPK, probabilities_SPK, block.tokens_SP[-1], content=int(block.content_P.sum())).share.value
            for _, block, ids_SPK, probabilities_SPK in self._all()
        ]
        defined = [value for value in found if value is not None]
        return sum(defined) / len(defined) if defined else None

    def _all(self) -> Iterator[Canvas]:
        for seeds in self._rollouts.values():
            for rollout in seeds:
                yield from self.canvases(rollout)
