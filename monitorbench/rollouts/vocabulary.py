"""The texts of the tokens that traces hold: with them a trace can be read when the model is no longer there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.trace import Trace
from monitorbench.rollouts.packing import changes, packed_blocks

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout

Words: TypeAlias = Callable[[Sequence[int]], Sequence[str]]
"""Gives the text of each token id."""
_HOLD_TOKENS = (
    *(changes(name) for name in ("tokens_SP", "canvas_SP", "top_ids_SPK")),
    *("carried_ids_SPK", "thought_ids_LK", "neighbours_PN"),
)


class Vocabulary:
    """Which tokens are entered already, by tokenizer, as far as this process knows."""

    def __init__(self) -> None:
        self._known: dict[str, set[int]] = defaultdict(set)

    def spelt(self, facts: str, rollouts: Iterable[Rollout], words: Words) -> list[tuple[str, int, str]]:
        """Rows of the table of words for tokens that are new: tokenizer, id, and the text as JSON.

        JSON, since a piece of a character may be no text that a database takes.
        """
        tokenizer = tokenizer_of(facts)
        known = self._known[tokenizer]
        new = [each for each in token_ids(rollout.trace for rollout in rollouts) if each not in known]
        known.update(new)
        return [(tokenizer, each, json.dumps(text)) for each, text in zip(new, words(new), strict=True)]


def tokenizer_of(facts: str) -> str:
    """The hash of the tokenizer of an arm, whose facts are given as JSON; empty where they name none."""
    return str(json.loads(facts or "{}").get("tokenizer", ""))


def token_ids(traces: Iterable[Trace]) -> list[int]:
    """Every token that the traces hold, in rising order."""
    found: set[int] = set()
    for trace in traces:
        for packed in packed_blocks(trace):
            for name in _HOLD_TOKENS:
                if name in packed:
                    found.update(_present(packed[name]))
    return sorted(found)


def _present(ids: NDArray[Any]) -> list[int]:
    if not ids.size:
        return []
    present = np.zeros(int(ids.max()) + 2, bool)
    present[ids.ravel()] = True  # -1 stands for none, and falls on the last
    return np.flatnonzero(present[:-1]).tolist()
