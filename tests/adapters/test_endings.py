"""Texts end before an end-of-sequence token or a stop string, in every family, and rows stay independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.adapters.base import Event, Output
from monitorbench.adapters.conformance import Trial, findings
from monitorbench.adapters.endings import Ending

MakeTrial = Callable[..., Trial]
END = 0


def ending(*pieces: str, stop: tuple[str, ...] = ()) -> Ending:
    """Token i is the i-th piece of text; token 0 ends a text."""
    return Ending(ends=(END,), stop=stop, decode=lambda tokens: "".join(pieces[token] for token in tokens))


def test_a_text_ends_before_the_first_end_token() -> None:
    output = ending("", "a", "b").output([[1, 2, END, 1, END], [1, 2], [END]])
    assert output == Output(tokens=((1, 2), (1, 2), ()), finished=(True, False, True))


def test_a_stop_string_may_be_spelt_by_several_tokens() -> None:
    found = ending("", "a", "\n", stop=("\n\n",)).output([[1, 2, 1, 2, 2, 1]])
    assert found == Output(tokens=((1, 2, 1, 2),), finished=(True,), texts=("a\na",))


def test_what_stands_before_the_stop_string_in_its_last_token_is_text() -> None:
    found = ending("", "4", "2.\n\n", stop=("\n\n",)).output([[1, 2, 1]])
    assert found == Output(tokens=((1,),), finished=(True,), texts=("42.",))


def test_the_first_of_several_stop_strings_counts_and_an_end_token_before_it() -> None:
    stopped = ending("", "a", "b", "c", stop=("c", "bc", "zz"))
    assert stopped.output([[1, 2, 3, 1]]).texts == ("a",)
    assert stopped.output([[1, END, 3]]) == Output(tokens=((1,),), finished=(True,), texts=("a",))
    assert stopped.output([[1, 1]]) == Output(tokens=((1, 1),), finished=(False,), texts=("aa",))


def test_a_stop_string_is_found_at_the_end_of_any_length_of_text() -> None:
    row = [1] * 300 + [2]
    assert ending("", "a", "b", stop=("ab",)).output([row]).tokens == ((1,) * 300,)


@settings(max_examples=100, deadline=None)
@given(
    pieces=st.lists(st.text("ab\n", max_size=3), min_size=1, max_size=4),
    row=st.lists(st.integers(0, 4), max_size=12),
    stop=st.lists(st.text("ab\n", min_size=1, max_size=3), min_size=1, max_size=2),
)
def test_it_ends_where_the_whole_text_first_holds_a_stop_string(
    pieces: list[str], row: list[int], stop: list[str]
) -> None:
    row = [min(token, len(pieces)) for token in row]
    found = ending("", *pieces, stop=tuple(stop)).output([row])
    assert found == expected(lambda tokens: "".join(["", *pieces][token] for token in tokens), [row], stop, ends=(END,))


def expected(decode: Callable[[Sequence[int]], str], rows: Any, stop: Sequence[str], ends: Any = ()) -> Output:
    """The same, by trying every length of text."""
    tokens, finished, texts = [], [], []
    for row in rows:
        over = [n for n, token in enumerate(row) if token in ends or any(s in decode(row[: n + 1]) for s in stop)]
        place = over[0] if over else len(row)
        whole = decode(row[: place + 1]) if over and row[place] not in ends else decode(row[:place])
        tokens.append(tuple(row[:place]))
        finished.append(bool(over))
        texts.append(min((whole.partition(s)[0] for s in stop), key=len))
    return Output(tokens=tuple(tokens), finished=tuple(finished), texts=tuple(texts))


FAMILIES = [
    ("causal", {"do_sample": True, "temperature": 3.0}),
    ("gpt2", {"do_sample": True, "temperature": 3.0}),
    ("thinking gpt2", {"temperature": 3.0}),
    ("masked", {"block_length": 6, "steps": 3, "temperature": 2.0}),
    ("diffusion", {}),
]


def stopping(trial: Trial) -> tuple[Trial, Output]:
    """The trial with two stop strings, which some rows come to early and at different places, and how it has to end."""
    plain = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)
    words = [trial.adapter.decode([row[place]]) for row, place in ((plain.tokens[0], 2), (plain.tokens[1], 8))]
    stop = tuple(f"{word} " for word in words)
    output = expected(trial.adapter.decode, plain.tokens, stop)
    ended = tuple(a or b for a, b in zip(output.finished, plain.finished, strict=True))
    return replace(trial, limits=replace(trial.limits, stop=stop)), replace(output, finished=ended)


@pytest.mark.parametrize(("name", "sampler"), FAMILIES, ids=[name for name, _ in FAMILIES])
def test_every_family_cuts_a_text_that_is_the_same_up_to_there(
    trial_of: MakeTrial, name: str, sampler: dict[str, Any]
) -> None:
    trial, output = stopping(trial_of(name, canvases=2, **sampler))
    assert len({len(tokens) for tokens in output.tokens}) > 1
    assert trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits) == output
    for row, text in enumerate(output.texts or ()):
        assert not any(word in text for word in trial.limits.stop), row


@pytest.mark.parametrize(("name", "sampler"), FAMILIES, ids=[name for name, _ in FAMILIES])
def test_every_family_keeps_the_rules_of_adapters_with_stop_strings(
    trial_of: MakeTrial, name: str, sampler: dict[str, Any]
) -> None:
    trial, _ = stopping(trial_of(name, canvases=2, **sampler))
    assert findings(trial) == ()


def watched(trial: Trial) -> list[Event]:
    events: list[Event] = []
    trial.adapter.generate(trial.prompts, trial.seeds, events.append, trial.limits)
    return [event for event in events if event.channel is None]


@pytest.mark.parametrize(("name", "sampler"), FAMILIES[:3], ids=[name for name, _ in FAMILIES[:3]])
def test_a_row_that_stopped_costs_no_more_events_and_all_of_them_end_the_run(
    trial_of: MakeTrial, name: str, sampler: dict[str, Any]
) -> None:
    trial, output = stopping(trial_of(name, **sampler))
    events, most = watched(trial), trial.limits.max_new_tokens
    # The step that completes a stop string is still the row's own.
    lengths = [len(tokens) + ended for tokens, ended in zip(output.tokens, output.finished, strict=True)]
    assert [sum(column) for column in zip(*(event.live.tolist() for event in events), strict=True)] == lengths
    everything = replace(trial, limits=replace(trial.limits, stop=tuple("0123456789abcdefghijklmnopqrstuvwxyz:+->;<")))
    assert len(watched(everything)) == 1 < most


@pytest.mark.parametrize(("name", "sampler"), FAMILIES[3:], ids=[name for name, _ in FAMILIES[3:]])
def test_blocks_end_with_the_block_in_which_the_last_row_stopped(
    trial_of: MakeTrial, name: str, sampler: dict[str, Any]
) -> None:
    trial, output = stopping(trial_of(name, canvases=3, **sampler))
    width = sampler.get("block_length", 18)
    for row, (tokens, ended) in enumerate(zip(output.tokens, output.finished, strict=True)):
        lived = {event.index.block for event in watched(trial) if event.live[row]}
        assert lived == set(range(len(tokens) // width + 1 if ended else 54 // width))
    everything = replace(trial, limits=replace(trial.limits, stop=tuple("0123456789abcdefghijklmnopqrstuvwxyz:+->;<")))
    assert {event.index.block for event in watched(everything)} == {0}
