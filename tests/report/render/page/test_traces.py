"""Traces in a page say what they said on disk, and no page grows without bound."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import WORDS, block, example
from numpy.typing import NDArray

from monitorbench.report.render.page import traces
from monitorbench.report.render.page.traces import Traces, embedded


def unpacked(shown: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(shown["data"]), wbits=-15))
    return payload


def whole(group: dict[str, Any], values: list[int], positions: int) -> NDArray[np.int64]:
    """(S, P) what the script makes of the changes."""
    state, rows, at = np.full(positions, -1), [], 0
    for count in group["counts"]:
        state[group["places"][at : at + count]] = values[at : at + count]
        at += count
        rows.append(state.copy())
    return np.array(rows).reshape(len(rows), positions)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(1, 7), st.integers(0, 3), st.integers(0, 1000))
def test_a_trace_is_made_whole_again(positions: int, steps: int, padding: int, seed: int) -> None:
    one = block(positions=positions, steps=steps, padding=min(padding, positions), seed=seed)
    (shown,) = embedded(Traces(examples=[example(one)]))
    payload, inside = unpacked(shown), one.content_P
    (found,) = payload["blocks"]
    count = int(inside.sum())
    assert (found["positions"], found["steps"]) == (count, steps)
    tokens = whole(found["tokens"], found["tokens"]["values"], count)
    ids = np.array([int(word[1:]) for word in payload["words"]])
    np.testing.assert_array_equal(ids[tokens], one.tokens_SP[:, inside])
    committed = whole(found["committed"], found["committed"]["values"], count)
    np.testing.assert_array_equal(committed == 1, one.committed_SP[:, inside])
    guesses = found["predictions"]
    entropy = whole(guesses, guesses["entropy"], count)
    np.testing.assert_allclose(entropy / 1000, one.entropy_SP[:, inside], atol=6e-4)
    assert one.top_probabilities_SPK is not None
    first = whole(guesses, guesses["shares"][:: guesses["top"] or 1], count)
    np.testing.assert_allclose(first / 1000, one.top_probabilities_SPK[:, inside, 0], atol=6e-4)


def test_places_are_counted_over_what_has_content() -> None:
    one = replace(block(positions=4, steps=2), content_P=np.array([True, False, True, True]))
    (shown,) = embedded(Traces(examples=[example(one, one, values={"a": (0, 1, 3)}, answer=(6, 7))]))
    payload = unpacked(shown)
    assert payload["values"] == {"a": [0, 2]}
    assert payload["answer"] == [4, 5]


def test_a_token_without_a_word_goes_by_its_number() -> None:
    (shown,) = embedded(Traces(examples=[example(block(positions=1, steps=1), words={})]))
    assert all(word.startswith("<") and word[1:-1].isdecimal() for word in unpacked(shown)["words"])


def test_what_is_missing_in_a_trace_is_missing_in_the_page() -> None:
    bare = replace(block(positions=3, steps=2), top_ids_SPK=None, top_probabilities_SPK=None, canvas_SP=None)
    (found,) = unpacked(embedded(Traces(examples=[example(bare)]))[0])["blocks"]
    assert "canvas" not in found
    assert found["predictions"]["top"] == 0
    assert "ids" not in found["predictions"]


def test_a_large_trace_loses_likeliest_tokens_before_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    one = example(block(positions=32, steps=16))
    (whole_one,) = embedded(Traces(examples=[one]))
    tops = []
    for room in (len(whole_one["data"]), len(whole_one["data"]) - 1):
        monkeypatch.setattr(traces, "MOST_BYTES_EACH", room)
        tops.append(unpacked(embedded(Traces(examples=[one]))[0])["blocks"][0]["predictions"]["top"])
    assert tops == [8, 3]
    monkeypatch.setattr(traces, "MOST_BYTES_EACH", 10)
    assert embedded(Traces(examples=[one])) == []


def test_all_traces_together_stay_inside_their_room(monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = block(positions=64, steps=16), block(positions=6, steps=4)
    many = [example(large if number % 2 else small, name=f"abc/{number}") for number in range(20)]
    monkeypatch.setattr(traces, "MOST_BYTES", 30_000)
    shown = embedded(Traces(examples=many))
    assert sum(len(one["data"]) for one in shown) <= 30_000
    assert {"abc/0", "abc/18"} <= {one["name"] for one in shown}, "the large ones do not crowd out the small"
    assert len(shown) < 20


def test_words_are_those_of_the_trace_alone() -> None:
    (shown,) = embedded(Traces(examples=[example()]))
    assert set(unpacked(shown)["words"]) < set(WORDS.values())
