"""Which words a store learns: of every token that a trace holds, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.vocabulary import Vocabulary, token_ids, tokenizer_of
from monitorbench.tasks.base import Problem

BLOCK = BlockTrace(
    tokens_SP=np.array([[5, -1], [5, 6]], np.int32),
    committed_SP=np.ones((2, 2), bool),
    entropy_SP=np.zeros((2, 2), np.float32),
    content_P=np.ones(2, bool),
)
WHOLE = replace(
    BLOCK,
    canvas_SP=np.array([[9, 9], [5, 9]], np.int32),
    top_ids_SPK=np.array([[[5, 70_000], [-1, -1]], [[5, 3], [6, 2]]], np.int32),
    top_probabilities_SPK=np.zeros((2, 2, 2), np.float32),
    carried_ids_SPK=np.full((2, 2, 1), 11, np.int32),
    carried_probabilities_SPK=np.zeros((2, 2, 1), np.float32),
    thought_ids_LK=np.array([[13], [-1]], np.int32),
    neighbours_PN=np.array([[12], [-1]], np.int32),
)


def rollout(block: BlockTrace) -> Rollout:
    fields: dict[str, Any] = {"text": "", "tokens": (), "finished": True, "status": "wrong", "answer_positions": ()}
    problem = Problem(id="p", prompt="", target="", answer="")
    return Rollout(problem=problem, repeat=0, trace=Trace(blocks=(block,)), value_positions={}, **fields)


def spell(ids: Sequence[int]) -> list[str]:
    return [f"w{each}" for each in ids]


def test_every_token_that_a_trace_holds_is_named() -> None:
    assert token_ids([Trace(blocks=(BLOCK,))]) == [5, 6]
    assert token_ids([Trace(blocks=(BLOCK, WHOLE))]) == [2, 3, 5, 6, 9, 11, 12, 13, 70_000]
    assert token_ids([]) == []


def test_each_token_is_spelt_once_for_each_tokenizer() -> None:
    vocabulary, one, other = Vocabulary(), '{"tokenizer":"t"}', '{"tokenizer":"u"}'
    assert vocabulary.spelt(one, [rollout(BLOCK)], spell) == [("t", 5, '"w5"'), ("t", 6, '"w6"')]
    assert [row[1] for row in vocabulary.spelt(one, [rollout(BLOCK), rollout(WHOLE)], spell)] == [
        *(2, 3, 9, 11, 12, 13, 70_000)
    ]
    assert [row[:2] for row in vocabulary.spelt(other, [rollout(BLOCK)], spell)] == [("u", 5), ("u", 6)]


def test_facts_may_name_no_tokenizer() -> None:
    assert tokenizer_of('{"tokenizer":"t"}') == "t"
    assert tokenizer_of("{}") == ""
    assert tokenizer_of("") == ""
