"""What is kept of a carried value: its most probable tokens, as they were carried on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.adapters.base import ABSENT, Channel, Edit, Event, Index
from monitorbench.errors import UsageError
from monitorbench.rollouts import carried
from monitorbench.rollouts.carried import CarriedWatcher, ThoughtWatcher, most_probable, watchable
from monitorbench.rollouts.tracing import TraceWatcher

CARRY = Channel(name="carry", axis="step", kind="logits", exact=True)


class Reader:
    """An adapter of which only the reading is asked."""

    vocab_size = 3

    def read(self, channel: str, value: torch.Tensor) -> torch.Tensor:
        assert channel == "carry"
        return value


def logits(*probabilities: float) -> torch.Tensor:
    return torch.tensor([[probabilities]]).log()


def events(step: int, value: torch.Tensor) -> list[Event]:
    """A step's observation and its carried value, of one row and one position."""
    common: Any = {"index": Index(block=0, step=step), "seeds": [0], "live": torch.tensor([True])}
    tokens = torch.zeros(1, 1, dtype=torch.long)
    return [
        Event(**common, tokens=tokens, logits=torch.zeros(1, 1, 3)),
        Event(**common, tokens=tokens, channel="carry", value=value),
    ]


def watched(*edits: Edit | None, count: int = 2) -> Any:
    """The block of a run whose hook makes these edits to what is carried, step by step."""
    reader: Any = Reader()
    answers = iter(edits)
    watcher = TraceWatcher(
        lambda event: next(answers) if event.channel else None,
        rows=1,
        carried=CarriedWatcher(reader, CARRY, counts=[count]),
    )
    for step in range(len(edits)):
        for event in events(step, logits(0.2, 0.7, 0.1)):
            watcher(event)
    return watcher.trace(0, length=1).blocks[0]


def test_the_most_probable_tokens_of_every_step_are_kept() -> None:
    block = watched(None, None)
    assert block.carried_ids_SPK.tolist() == [[[1, 0]], [[1, 0]]]
    np.testing.assert_allclose(block.carried_probabilities_SPK[0, 0], [0.7, 0.2], rtol=1e-6)
    assert (block.carried_ids_SPK.dtype, block.carried_probabilities_SPK.dtype) == (np.int32, np.float32)


def test_what_a_hook_puts_in_place_of_the_value_is_what_is_carried() -> None:
    block = watched(Edit(value=logits(0.6, 0.1, 0.3)), Edit(value=ABSENT))
    assert block.carried_ids_SPK.tolist() == [[[0, 2]], [[-1, -1]]]
    assert block.carried_probabilities_SPK[1].tolist() == [[0.0, 0.0]]


def test_no_more_tokens_are_kept_than_there_are() -> None:
    assert watched(None, count=99).carried_ids_SPK.tolist() == [[[1, 0, 2]]]


def test_an_arm_that_watches_nothing_keeps_nothing() -> None:
    watcher = TraceWatcher(None, rows=1)
    watcher(events(0, logits(0.2, 0.7, 0.1))[0])
    assert watcher.trace(0, length=1).blocks[0].carried_ids_SPK is None


def test_rows_of_several_arms_each_keep_what_their_own_asks_for() -> None:
    reader: Any = Reader()
    watcher = CarriedWatcher(reader, CARRY, counts=[1, 0, 3])
    probabilities = torch.tensor([[[0.2, 0.7, 0.1]], [[0.6, 0.3, 0.1]], [[0.1, 0.2, 0.7]], [[0.5, 0.3, 0.2]]])
    watcher.see(
        Event(
            index=Index(block=0, step=0),
            seeds=range(4),
            live=torch.ones(4, dtype=torch.bool),
            tokens=torch.zeros(4, 1, dtype=torch.long),
            channel="carry",
            value=probabilities.log(),
        ),
        None,
    )
    kept = [watcher.arrays(row, block=0, steps=1, positions=1) for row in range(3)]
    assert [arrays.get("carried_ids_SPK", np.empty(0)).tolist() for arrays in kept] == [[[[1]]], [], [[[2, 1, 0]]]]


def test_a_value_without_a_place_in_the_canvas_is_refused() -> None:
    reader: Any = Reader()
    watcher = CarriedWatcher(reader, CARRY, counts=[1])
    with pytest.raises(UsageError, match=r"the channel carry is read as \(1, 2\) values for a canvas of \(1, 1\)"):
        watcher.see(events(0, torch.zeros(1, 2, 3))[1], None)


def test_only_a_channel_that_crosses_steps_and_can_be_read_is_watched() -> None:
    thought = Channel(name="thought", axis="position", kind="vector", exact=False)
    state = Channel(name="state", axis="step", kind="state", exact=True)
    assert watchable((thought, state, CARRY)) is CARRY
    assert watchable((thought, state)) is None
    assert watchable((CARRY, Channel(name="second", axis="step", kind="logits", exact=True))) is None


@settings(deadline=None)  # the first call of a kernel takes its time
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, float("-inf")]), min_size=2, max_size=9), st.data())
def test_of_equal_tokens_those_of_smaller_ids_come_first(values: list[float], data: st.DataObject) -> None:
    if all(value == float("-inf") for value in values):
        values[0] = 0.0
    count = data.draw(st.integers(1, len(values)))
    ids, probabilities = most_probable(torch.tensor([values]), count)
    assert ids[0].tolist() == sorted(range(len(values)), key=lambda token: (-values[token], token))[:count]
    torch.testing.assert_close(probabilities[0], torch.tensor(values).double().softmax(-1)[ids[0]])


def test_a_large_vocabulary_is_worked_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = torch.randn(3, 4, 50, generator=torch.Generator().manual_seed(0))
    expected = most_probable(whole, 5)
    monkeypatch.setattr(carried, "MOST_AT_ONCE", 100)
    for found, wanted in zip(most_probable(whole, 5), expected, strict=True):
        assert torch.equal(found, wanted)


def thought(value: torch.Tensor, loop: int, live: tuple[bool, ...] = (True, True)) -> Event:
    index, tokens = Index(block=0, step=0, loop=loop), torch.zeros(2, 1, dtype=torch.long)
    common: Any = {"seeds": [0, 1], "live": torch.tensor(live), "tokens": tokens}
    return Event(index=index, channel="thought", value=value, **common)


def test_of_each_thought_that_is_fed_the_top_tokens_are_kept() -> None:
    class Lens:
        vocab_size = 3

        def read(self, channel: str, value: torch.Tensor) -> torch.Tensor:
            assert channel == "thought"
            return value

    adapter: Any = Lens()
    watcher = ThoughtWatcher(adapter, counts=[2, 0])
    own, other = logits(0.2, 0.7, 0.1).expand(2, 1, 3), logits(0.1, 0.2, 0.7).expand(2, 1, 3)
    watcher.see(thought(own, 0), None)
    watcher.see(thought(own, 1), Edit(value=other))
    watcher.see(thought(own, 2), Edit(value=ABSENT))
    watcher.see(thought(own, 3, (False, True)), None)
    kept: Any = watcher.arrays(0, 0, steps=1, positions=1)
    assert kept["thought_ids_LK"].tolist() == [[1, 0], [2, 1], [-1, -1], [-1, -1]], "as fed; none, and none any more"
    np.testing.assert_allclose(kept["thought_probabilities_LK"][:2], [[0.7, 0.2], [0.7, 0.2]], rtol=1e-6)
    assert watcher.arrays(0, 1, steps=1, positions=1) == {}, "thoughts come before the first block"
    assert watcher.arrays(1, 0, steps=1, positions=1) == {}, "a row that is not watched"
