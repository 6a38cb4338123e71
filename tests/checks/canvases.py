"""Canvases made by hand: one token a word, of which the text is `w` and the id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitorbench.adapters.base import Channel
from monitorbench.metrics.trace import BlockTrace

PAD = 0
Likely = dict[int, float]
"""Tokens of one position with their probabilities."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """A candidate that can be asked for the text of a token; it carries its predictions on."""

    family: str = "toy"
    channels: tuple[Channel, ...] = (Channel(name="carry", axis="step", kind="logits", exact=True),)
    left_to_right: bool = False
    vocab_size: int = 64
    settings: tuple[str, ...] = ()

    def carries(self, sampler: Any) -> tuple[Channel, ...]:
        del sampler
        return self.channels

    def decode(self, tokens: Sequence[int]) -> str:
        return " ".join(f"w{token}" for token in tokens)


def canvas(steps: Sequence[Sequence[Likely]], *, content: int) -> BlockTrace:
    """A block that holds these predictions; its final text is what is likeliest at the last step."""
    most = max(len(place) for step in steps for place in step)
    shape = (len(steps), len(steps[0]), most)
    ids, probabilities = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    for s, step in enumerate(steps):
        for p, place in enumerate(step):
            ranked = sorted(place.items(), key=lambda item: -item[1])
            ids[s, p, : len(ranked)] = [token for token, _ in ranked]
            probabilities[s, p, : len(ranked)] = [probability for _, probability in ranked]
    return BlockTrace(
        tokens_SP=ids[..., 0],
        committed_SP=np.ones(shape[:2], bool),
        entropy_SP=np.zeros(shape[:2], np.float32),
        content_P=np.arange(shape[1]) < content,
        top_ids_SPK=ids,
        top_probabilities_SPK=probabilities,
    )


def sure(tokens: Sequence[int]) -> list[Likely]:
    return [{token: 1.0} for token in tokens]
