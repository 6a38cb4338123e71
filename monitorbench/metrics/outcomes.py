"""How rollouts ended: a model that loops has not reasoned wrongly, and the two must not be added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

CORRECT, LOOPING, EXHAUSTED = "correct", "looping", "budget exhausted"
ENDINGS = (CORRECT, "wrong", "unparsable", LOOPING, EXHAUSTED, "error")
LOOP_NGRAM = 8
LOOP_SHARE = 0.5


def ending(status: str, *, finished: bool, tokens: Sequence[int]) -> str:
    """One of ENDINGS.

    A loop is an unfinished text of which at least half of the 8-grams are repeated (How Transparent is
    DiffusionGemma?, arXiv 2606.20560, its replication). A right answer counts however the text ended; a wrong one that
    is read from a loop was not reasoned to, and is a loop; a wrong one from any other text that the budget cut off is
    wrong.
    """
    if status in (CORRECT, "error"):
        return status
    if not finished and repeated_share(tokens) >= LOOP_SHARE:
        return LOOPING
    if status == "wrong":
        return status
    return "unparsable" if finished else EXHAUSTED


def repeated_share(tokens: Sequence[int], n: int = LOOP_NGRAM) -> float:
    """Share of n-grams that occur more than once, in [0, 1]; 0 for a text shorter than n."""
    counts = Counter(tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1))
    total = counts.total()
    return sum(count for count in counts.values() if count > 1) / total if total else 0.0
