"""What no score may depend on: how many calls passed between changes, padding behind the text, and other rollouts.

One random trace of a block goes through every score; answer and reasoning are fixed positions of it.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.ar_ness import global_ar_ness, local_ar_ness
from monitorbench.metrics.dependency import dependency
from monitorbench.metrics.early_answer import AnswerCurve, answer_curve
from monitorbench.metrics.order import block_order, rollout_order
from monitorbench.metrics.precedence import matched_precedence, precedence
from monitorbench.metrics.revision import revision
from monitorbench.metrics.times import (
    acceptance_times,
    commit_times,
    content_times,
    determination_times,
    mid_ranks,
    value_times,
)
from monitorbench.metrics.trace import BlockTrace

quick = settings(max_examples=40, deadline=None)
WIDTH = 18
ANSWER, REASONING = [16, 17], list(range(16))
VALUES, EDGES = [[1], [4, 5], [9]], [(0, 1), (1, 2)]


@st.composite
def blocks(draw) -> BlockTrace:
    """Tokens that change their mind now and then; acceptance that is given, taken back, and given again."""
    steps = draw(st.integers(2, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tokens_SP = rng.integers(0, 2, (steps, WIDTH)).astype(np.int32)
    settled_P = rng.integers(0, steps, WIDTH)
    tokens_SP = np.where(np.arange(steps)[:, None] >= settled_P, 5, tokens_SP).astype(np.int32)
    return BlockTrace(
        tokens_SP=tokens_SP,
        committed_SP=rng.random((steps, WIDTH)) < 0.5,
        entropy_SP=rng.uniform(0.0, 1.5, (steps, WIDTH)).astype(np.float32),
        content_P=np.ones(WIDTH, bool),
    )


def scores(block: BlockTrace) -> dict[str, object]:
    """All that depends on the order of times alone."""
    times_P, times_C = determination_times(block), content_times(block)
    curve = answer_curve(block, answer=ANSWER, reasoning=REASONING)
    words = {"answer": ANSWER, "reasoning": REASONING}
    found = revision(block, **words, correct=[5, 5])
    return {
        "order": block_order(times_C),
        "order of commits": block_order(content_times(block, commit_times)),
        "order of first acceptance": block_order(content_times(block, acceptance_times)),
        "local": local_ar_ness(times_C),
        "global": global_ar_ness(times_C, k=2),
        "ranks": mid_ranks(times_P)[:WIDTH].tolist(),
        "dependency": dependency(value_times(times_P, VALUES), EDGES),
        "precedence": precedence(times_P, **words),
        "matched precedence": matched_precedence(times_P, **words),
        "early answer": (curve.open_area, curve.open_at_start) if isinstance(curve, AnswerCurve) else curve,
        "changes": (found.changes, found.net_gain),
    }


@given(blocks(), st.data())
@quick
def test_only_the_order_of_calls_matters_not_how_many_there_are(block, data):
    """Every step is seen one to three times: the times are relabeled by a function that never falls."""
    steps = len(block.tokens_SP)
    often = data.draw(st.lists(st.integers(1, 3), min_size=steps, max_size=steps))
    stretched = BlockTrace(
        tokens_SP=np.repeat(block.tokens_SP, often, axis=0),
        committed_SP=np.repeat(block.committed_SP, often, axis=0),
        entropy_SP=np.repeat(block.entropy_SP, often, axis=0),
        content_P=block.content_P,
    )
    one, other = scores(block), scores(stretched)
    if revision(block, answer=ANSWER, reasoning=REASONING).revised.value is None:
        one.pop("changes")
        other.pop("changes")

    assert one == other


@given(blocks(), st.integers(1, 12), st.integers(0, 2**32 - 1))
@quick
def test_padding_behind_the_text_changes_nothing(block, padding, seed):
    """Whatever happens there: predictions, commits and entropies of the padding are noise."""
    rng, steps = np.random.default_rng(seed), len(block.tokens_SP)
    tail_SP = rng.integers(0, 3, (steps, padding)).astype(np.int32)
    padded = BlockTrace(
        tokens_SP=np.hstack([block.tokens_SP, tail_SP]),
        committed_SP=np.hstack([block.committed_SP, tail_SP > 0]),
        entropy_SP=np.hstack([block.entropy_SP, tail_SP.astype(np.float32)]),
        content_P=np.hstack([block.content_P, np.zeros(padding, bool)]),
    )

    assert scores(padded) == scores(block)


@given(st.lists(blocks(), min_size=2, max_size=4), st.randoms(use_true_random=False))
@quick
def test_the_order_of_blocks_does_not_matter(some, random):
    """No pair across two blocks is ever compared."""
    times = [content_times(block) for block in some]
    one, other = rollout_order(times), rollout_order(random.sample(times, len(times)))

    assert one.positions == other.positions
    for name in ("gamma", "resolved", "tau_b"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a.n, a.status) == (b.n, b.status)
        assert a.value is None or np.isclose(a.value, b.value)
