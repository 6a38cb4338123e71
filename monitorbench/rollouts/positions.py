"""Which tokens a word of the response consists of, for any tokenizer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from monitorbench.adapters.base import Adapter
from monitorbench.tasks.base import Outcome


def word_positions(adapter: Adapter, tokens: Sequence[int], words: Sequence[int]) -> list[tuple[int, ...]]:
    """For each word index (words are split at white space), the positions of the tokens that spell it.

    There are none where a word stands in no token but the one that completes a stop string, which is no longer there.
    """
    if not words:
        return []
    ends = [len(adapter.decode(tokens[: count + 1])) for count in range(len(tokens))]
    starts = [0, *ends[:-1]]
    spans = [match.span() for match in re.finditer(r"\S+", adapter.decode(tokens))]
    return [
        tuple(i for i, (start, end) in enumerate(zip(starts, ends, strict=True)) if max(start, first) < min(end, last))
        for first, last in (spans[word] if word < len(spans) else (0, 0) for word in words)
    ]


def outcome_positions(
    adapter: Adapter, tokens: Sequence[int], outcome: Outcome
) -> tuple[Mapping[str, tuple[int, ...]], tuple[int, ...]]:
    """Token positions of every value that the response states, and of its answer."""
    spelt = word_positions(adapter, tokens, list(outcome.value_words.values()))
    values = {name: places for name, places in zip(outcome.value_words, spelt, strict=True) if places}
    answer = [] if outcome.answer_word is None else [outcome.answer_word]
    return values, next(iter(word_positions(adapter, tokens, answer)), ())
