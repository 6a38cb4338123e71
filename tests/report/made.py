"""Made rollouts to look at: a model that fills a canvas from noise, and takes some of it back."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitorbench.metrics.trace import BlockTrace
from monitorbench.report.render.page.traces import Example
from monitorbench.rollouts.packing import pack

WORDS = {token: f"w{token}" for token in range(500)}


def block(*, positions: int, steps: int, padding: int = 0, seed: int = 0) -> BlockTrace:
    """A canvas that settles from left to right, roughly; the last `padding` positions hold no content."""
    random = np.random.default_rng(seed)
    when_P = np.minimum(steps - 1, np.arange(positions) * steps // positions + random.integers(0, 3, positions))
    final_P = random.integers(0, len(WORDS), positions)
    settled_SP = np.arange(steps)[:, None] >= when_P
    tokens_SP = np.where(settled_SP, final_P, random.integers(0, len(WORDS), (steps, positions)))
    ids_SPK = random.integers(0, len(WORDS), (steps, positions, 8))
    ids_SPK[..., 0] = tokens_SP
    shares_SPK = np.sort(random.dirichlet(np.ones(8), (steps, positions)), axis=-1)[..., ::-1]
    return BlockTrace(
        tokens_SP=tokens_SP.astype(np.int32),
        committed_SP=settled_SP & (random.random((steps, positions)) < 0.95),
        entropy_SP=random.random((steps, positions)).astype(np.float32),
        content_P=np.arange(positions) < positions - padding,
        top_ids_SPK=ids_SPK.astype(np.int32),
        top_probabilities_SPK=shares_SPK.astype(np.float32),
        canvas_SP=np.roll(tokens_SP, 1, axis=0).astype(np.int32),
    )


def example(*blocks: BlockTrace, **changes: Any) -> Example:
    """A rollout with these blocks, one small one unless told otherwise, and fields changed."""
    given: dict[str, Any] = {
        "name": "abc/p",
        "arm": "candidate on chain, as it is",
        "status": "correct",
        "finished": True,
        "text": "a text",
        "blocks": [pack(one) for one in blocks or (block(positions=6, steps=4),)],
        "words": WORDS,
        "values": {"a": (1, 2)},
        "answer": (4,),
    }
    return Example(**{**given, **changes})
