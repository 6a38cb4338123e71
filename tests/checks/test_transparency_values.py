"""Shares per prompt: seeds are averaged, blocks join into one text, and the null is that of the next prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitorbench.checks.transparency_values import MIN_P, TOP_K, Measured, Reading, final_text, measure
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.arm import Rollout

Make = Callable[..., Rollout]


def block(carried: list[list[int]], *, content: int, probability: float = 1.0) -> BlockTrace:
    """A canvas of which one token is carried at each step and position; the last step is added, and says nothing."""
    ids_SPK = np.array([*carried, [0] * len(carried[0])], np.int32)[..., None]
    shape = ids_SPK.shape[:2]
    return BlockTrace(
        tokens_SP=ids_SPK[..., 0],
        committed_SP=np.ones(shape, bool),
        entropy_SP=np.zeros(shape, np.float32),
        content_P=np.arange(shape[1]) < content,
        carried_ids_SPK=ids_SPK,
        carried_probabilities_SPK=np.full(ids_SPK.shape, probability, np.float32),
        neighbours_PN=np.full((shape[1], 1), -1, np.int32),
    )


@pytest.fixture
def rollout(make_rollout: Make) -> Make:
    def rollout(name: str, tokens: tuple[int, ...], *blocks: BlockTrace) -> Rollout:
        return make_rollout(name, tokens=tokens, trace=Trace(blocks=blocks))

    return rollout


def measured(rollouts: dict[str, list[Rollout]], **how: Any) -> Measured:
    return measure(
        rollouts, Reading(**{"min_p": 0.6, "top_k": 1, "window": 0, "neighbours": 1, "vocabulary": 99, **how})
    )


def test_seeds_are_averaged_inside_the_prompt(rollout: Make) -> None:
    readable, strange = rollout("a", (5, 6), block([[5, 6]], content=2)), rollout("a", (5,), block([[7]], content=1))
    found = measured({"a": [readable, strange]})
    assert found.share == {MIN_P: {"a": 0.5}, TOP_K: {"a": 0.5}}, "each seed counts once, however long its text"


def test_blocks_join_into_one_text(rollout: Make) -> None:
    """The second block carries the last token of the first, which is near by; what is held there is told with it."""
    whole = rollout("a", (5, 6, 8), block([[5, 6]], content=2), block([[6, 9], [9, 9]], content=1))
    assert final_text(whole).token_T.tolist() == [5, 6, 8]
    assert measured({"a": [whole]}).share[MIN_P]["a"] == 0.5
    assert measured({"a": [whole]}, window=1).share[MIN_P]["a"] == 0.75


def test_the_place_of_a_confident_token_is_that_in_its_block(rollout: Make) -> None:
    whole = rollout("a", (5, 6, 8), block([[5, 6]], content=2), block([[9, 9], [9, 9]], content=1))
    (strange,) = measured({"a": [whole]}).strange
    assert (strange.block, strange.start, strange.held.position, strange.held.steps) == (1, 2, 0, 2)


def test_the_null_is_the_next_prompts_text_as_far_as_both_go(rollout: Make) -> None:
    long = rollout("a", (5, 6, 7), block([[5, 6, 7]], content=3))
    short = rollout("b", (5, 9), block([[5, 9]], content=2))
    found = measured({"a": [long], "b": [short]})
    assert found.share[MIN_P] == {"a": 1.0, "b": 1.0}
    assert found.null[MIN_P] == {"a": 0.5, "b": 0.5}, "the third position has no token to be held against"
    assert found.null.keys() == found.share.keys()


def test_the_order_of_prompts_changes_no_share(rollout: Make) -> None:
    prompts = {name: [rollout(name, (5, 6), block([[5, 9 + index]], content=2))] for index, name in enumerate("abc")}
    found, turned = measured(prompts), measured(dict(reversed(prompts.items())))
    assert found.share == turned.share
    assert found.classes[MIN_P].steps[0].tolist() == turned.classes[MIN_P].steps[0].tolist()


def test_an_empty_text_has_no_share_and_is_no_null(rollout: Make) -> None:
    found = measured(
        {"a": [rollout("a", (5,), block([[5]], content=1))], "b": [rollout("b", (), block([[5]], content=0))]}
    )
    assert (found.share[MIN_P], found.null[MIN_P]) == ({"a": 1.0}, {})
    assert found.dropped["prompts: no value is carried at any position of the text (min_p)"] == 1


def test_traces_that_were_not_watched_have_nothing_to_read(rollout: Make) -> None:
    bare = BlockTrace(
        tokens_SP=np.zeros((2, 1), np.int32),
        committed_SP=np.ones((2, 1), bool),
        entropy_SP=np.zeros((2, 1), np.float32),
        content_P=np.ones(1, bool),
    )
    assert measured({"a": [rollout("a", (5,), bare)]}).share[MIN_P] == {}
