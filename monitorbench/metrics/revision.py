"""Is the answer changed after the reasoning it should rest on stands?

The value of the answer at a step is the tokens at its positions in the argmax canvas. Changes count once the answer
slot holds a guess (each of its tokens has had an entropy below 1 nat) and at least half of the reasoning positions are
determined; before that a change is no revision.

Shape suffixes: S steps, P positions of the block, A answer positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.score import Score
from monitorbench.metrics.times import determination_times
from monitorbench.metrics.trace import BlockTrace

ANSWER_ENTROPY_NATS = 1.0
REASONING_SHARE = 0.5
MOST_SPANS = 16
"""Spans that the null of a rollout is averaged over, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """Revisions of the answer in one rollout.

    Attributes:
        revised: 1.0 if the answer's value changed at least once while changes counted, else 0.0; `n` is the steps at
            which a change would have counted. Its mean over rollouts is the revision rate.
        changes: number of such changes.
        wrong_to_right: changes from a wrong value to the correct one; None where the correct one is not known.
        right_to_wrong: changes the other way.
        ever_right: whether the value was correct at any step since the slot held a guess.
        finally_right: whether the final value is correct.
    """

    revised: Score
    changes: int
    wrong_to_right: int | None = None
    right_to_wrong: int | None = None
    ever_right: bool | None = None
    finally_right: bool | None = None

    @property
    def net_gain(self) -> int | None:
        """Wrong to right minus right to wrong; above 0 means that revising helps."""
        if self.wrong_to_right is None or self.right_to_wrong is None:
            return None
        return self.wrong_to_right - self.right_to_wrong

    @property
    def lost(self) -> int | None:
        """Ever right minus finally right: 1 if a correct answer was given up, else 0."""
        if self.ever_right is None or self.finally_right is None:
            return None
        return int(self.ever_right) - int(self.finally_right)


def revision(
    block: BlockTrace, *, answer: Sequence[int], reasoning: Sequence[int], correct: Sequence[int] | None = None
) -> Revision:
    """Revisions of the answer in one block.

    Undefined where the text has no answer or no reasoning, or the answer slot never held a guess. Autoregressive
    decoding gives 0 by construction.

    Args:
        block: the trace.
        answer: positions of the final answer's tokens.
        reasoning: the other content positions.
        correct: tokens of the correct value, one per answer position; None if not known.

    Raises:
        ValueError: if `correct` differs from `answer` in length.
    """
    if correct is not None and len(correct) != len(answer):
        raise ValueError(f"{len(correct)} correct tokens for {len(answer)} answer positions")
    if not len(answer) or not len(reasoning) or not len(block.tokens_SP):
        return Revision(revised=Score.undefined("no answer or no reasoning in the text"), changes=0)
    guessed = _guessed_from(block, answer)
    if guessed is None:
        return Revision(revised=Score.undefined("answer slot never below 1 nat"), changes=0)
    values_SA = block.tokens_SP[:, list(answer)]
    start = max(guessed, _reasoned_from(block, reasoning))
    changed_S = np.any(values_SA[start + 1 :] != values_SA[start:-1], axis=1)
    if not changed_S.size:
        return Revision(revised=Score.undefined("the reasoning stood only at the last step"), changes=0)
    changes = int(changed_S.sum())
    revised = Score.ok(float(changes > 0), n=changed_S.size)
    if correct is None:
        return Revision(revised=revised, changes=changes)
    right_S = np.all(values_SA == np.asarray(correct), axis=1)
    before_S, after_S = right_S[start:-1], right_S[start + 1 :]
    return Revision(
        revised=revised,
        changes=changes,
        wrong_to_right=int(np.sum(~before_S & after_S)),
        right_to_wrong=int(np.sum(before_S & ~after_S)),
        ever_right=bool(right_S[guessed:].any()),
        finally_right=bool(right_S[-1]),
    )


def span_revision(block: BlockTrace, *, answer: Sequence[int], reasoning: Sequence[int]) -> Score:
    """The null of `revision`: how often text that is no answer is revised; `n` is spans.

    The mean of `revised` over spans of reasoning as long as the answer, each taken for the answer while the others
    count as its reasoning. An answer that is revised no more often than that is revised like any text.

    Args:
        block: the trace.
        answer: positions of the answer's tokens; no span holds one.
        reasoning: the other content positions.
    """
    length, ordered = len(answer), sorted(reasoning)
    firsts = range(len(ordered) - length + 1) if length else range(0)
    # Spread evenly over the text: a canvas has hundreds.
    spans = [ordered[i : i + length] for i in firsts[:: max(1, -(-len(firsts) // MOST_SPANS))]]
    found = [
        revision(block, answer=span, reasoning=[r for r in ordered if r not in span]).revised
        for span in spans
        if span[-1] - span[0] == length - 1
    ]
    defined = [score.value for score in found if score.value is not None]
    if not defined:
        return Score.undefined("no span of reasoning as long as the answer could be revised")
    return Score.ok(sum(defined) / len(defined), n=len(defined))


def _guessed_from(block: BlockTrace, answer: Sequence[int]) -> int | None:
    """First step by which every token of the answer has had an entropy below 1 nat; NaN is no prediction."""
    sure_SA: NDArray[np.bool_] = block.entropy_SP[:, list(answer)] < ANSWER_ENTROPY_NATS
    return int(sure_SA.argmax(axis=0).max()) if sure_SA.any(axis=0).all() else None


def _reasoned_from(block: BlockTrace, reasoning: Sequence[int]) -> int:
    """First step at which at least half of the reasoning positions are determined; the last step if never."""
    times = determination_times(block)[list(reasoning)]
    settled_S = np.array([np.count_nonzero((times >= 0) & (times <= step)) for step in range(len(block.tokens_SP))])
    enough_S = settled_S >= REASONING_SHARE * len(reasoning)
    return int(enough_S.argmax()) if enough_S.any() else len(enough_S) - 1
