"""Content told apart from position, by writing the same problem in two text orders.

In most prompts what comes first by logic also comes first in the text. In a second form of the same problem the text is
turned round: what follows the logic keeps its sign there, what follows the text flips it.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitorbench.metrics.score import Score


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentPosition:
    """A score in [-1, 1] split by crossing the text order; each part in [-1, 1], `n` is that of both halves together.

    Attributes:
        content: mean of both forms; 1 when the logical order is kept however the text is written.
        position: half their difference; 1 when what is written first comes first, as by construction in
            autoregressive decoding.
    """

    content: Score
    position: Score


def content_position(
    natural: Score, turned: Score, *, forms: tuple[str, str] = ("topological order", "reversed order")
) -> ContentPosition:
    """Splits a score into what follows the logic and what follows the text; undefined where either half is.

    Args:
        natural: the score where the text follows the logic.
        turned: the score of the same problem where the text runs against it.
        forms: names of the two, for the reasons.
    """
    if natural.value is None or turned.value is None:
        halves = zip(forms, (natural, turned), strict=True)
        reasons = [
            f"{form}: {score.status.removeprefix('undefined: ')}" for form, score in halves if score.value is None
        ]
        nothing = Score.undefined("; ".join(reasons))
        return ContentPosition(content=nothing, position=nothing)
    n = natural.n + turned.n
    return ContentPosition(
        content=Score.ok((natural.value + turned.value) / 2.0, n=n),
        position=Score.ok((natural.value - turned.value) / 2.0, n=n),
    )
