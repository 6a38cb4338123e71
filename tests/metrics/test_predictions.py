"""What a canvas holds at each step, where predictions are carried on and where only tokens are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitorbench.metrics.predictions import predictions
from monitorbench.metrics.trace import BlockTrace

COMMITTED = np.array([[True, False], [False, False], [True, True], [True, True]])
"""The first position is taken back once, and accepted for good at step 2, as is the second."""
BLOCK = BlockTrace(
    tokens_SP=np.array([[7, 8]] * 4, np.int32),
    committed_SP=COMMITTED,
    entropy_SP=np.zeros((4, 2), np.float32),
    content_P=np.ones(2, bool),
    top_ids_SPK=np.array([[[1, 7], [2, 8]]] * 4, np.int32),
    top_probabilities_SPK=np.full((4, 2, 2), 0.5, np.float32),
)


def test_predictions_that_are_carried_on_count_to_the_end() -> None:
    found = predictions(BLOCK, carried=True)
    assert found is not None
    assert found[0] is BLOCK.top_ids_SPK


def test_a_token_that_was_accepted_for_good_is_what_the_canvas_holds_afterwards() -> None:
    found = predictions(BLOCK, carried=False)
    assert found is not None
    ids, probabilities = found
    assert ids[:3].tolist() == [[[1, 7], [2, 8]]] * 3, "what is accepted at a step was predicted at it"
    assert ids[3].tolist() == [[7, -1], [8, -1]]
    assert probabilities[3].tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert (ids.dtype, probabilities.dtype) == (np.int32, np.float32)


def test_a_trace_without_predictions_has_none() -> None:
    assert predictions(replace(BLOCK, top_ids_SPK=None), carried=True) is None
    assert predictions(replace(BLOCK, top_ids_SPK=np.empty((0, 2, 2), np.int32)), carried=False) is None
