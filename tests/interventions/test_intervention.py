"""What each declared intervention makes of the events of a generation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toy_events import CHANNEL, OTHER, VALUE_BPV, Reader, carried, event, hook_of, row_values, rows

from monitorbench.adapters.base import ABSENT, Event
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import KINDS, Intervention, build_hook


def test_none_has_no_hook_at_all() -> None:
    reader: Any = Reader()
    assert build_hook(Intervention(), reader) is None


def test_identity_puts_back_the_very_value() -> None:
    assert carried(hook_of("identity"), event(VALUE_BPV)) is VALUE_BPV


def test_zero_carries_nothing() -> None:
    assert carried(hook_of("zero"), event(VALUE_BPV)) is ABSENT


def test_keep_truncates_what_is_carried() -> None:
    cut_BPV = carried(hook_of("keep", keep=("top_k", 1.0)), event(VALUE_BPV))
    expected = torch.tensor([[[1 / 2, 1 / 6, 1 / 6, 1 / 6]], [[0.1, 0.1, 0.1, 0.7]]])
    torch.testing.assert_close(cut_BPV.softmax(-1), expected)
    renormed_BPV = carried(hook_of("keep", keep=("min_p", 0.2), fill="renorm"), event(VALUE_BPV))
    expected = torch.tensor([[[2 / 3, 1 / 3, 0, 0]], [[0.0, 0, 0, 1]]])
    torch.testing.assert_close(renormed_BPV.softmax(-1), expected)


def test_keep_everything_gives_back_an_exact_channel_bit_for_bit() -> None:
    assert torch.equal(carried(hook_of("keep-everything"), event(VALUE_BPV)), VALUE_BPV)


@pytest.mark.parametrize(
    "kind", ["identity", "zero", "keep", "keep-everything", "batch-shuffled", "mean", "random-tokens"]
)
def test_observations_and_other_channels_are_left_alone(kind: str) -> None:
    hook = hook_of(kind, keep=("top_k", 1.0) if kind == "keep" else None)
    seen = event(VALUE_BPV)
    for channel in (None, OTHER):
        other = Event(index=seen.index, seeds=seen.seeds, live=seen.live, tokens=seen.tokens, channel=channel)
        assert hook(other) is None


def test_shuffled_rows_carry_the_value_of_the_row_before_at_the_same_step() -> None:
    hook = hook_of("batch-shuffled")
    assert row_values(carried(hook, event(rows(1, 2, 3), step=0))) == [3, 1, 2]
    assert row_values(carried(hook, event(rows(4, 5, 6), step=1))) == [6, 4, 5]


def test_a_finished_row_hands_on_its_own_last_value_and_not_what_it_was_given() -> None:
    hook = hook_of("batch-shuffled")
    carried(hook, event(rows(1, 2, 3), step=0))
    # Row 1 has finished: the model holds on to the 1 that it was given in exchange for its own 2.
    for step in (1, 2):
        assert row_values(carried(hook, event(rows(4, 1, 6), step=step, live=[True, False, True]))) == [6, 4, 2]


def test_a_new_block_forgets_the_values_of_the_one_before() -> None:
    hook = hook_of("batch-shuffled")
    carried(hook, event(rows(1, 2, 3), step=0))
    ended = [True, False, True]
    assert row_values(carried(hook, event(rows(7, 8, 9), step=0, block=1, live=ended))) == [9, 7, 8]


def test_a_finished_row_hands_on_its_last_value_of_the_same_loop() -> None:
    hook = hook_of("batch-shuffled")
    carried(hook, event(rows(1, 2, 3), step=0, loop=0))
    carried(hook, event(rows(10, 20, 30), step=0, loop=1))
    ended = [True, False, True]
    assert row_values(carried(hook, event(rows(4, 1, 6), step=1, loop=0, live=ended))) == [6, 4, 2]
    assert row_values(carried(hook, event(rows(40, 10, 60), step=1, loop=1, live=ended))) == [60, 40, 20]


def test_a_row_that_finishes_between_loops_hands_on_its_last_value_of_the_loop_before() -> None:
    hook = hook_of("batch-shuffled")
    carried(hook, event(rows(1, 2, 3), loop=0))
    # Row 1 writes already: what its forward passes end in is no thought of its.
    for loop, read in ((1, 8), (2, 9)):
        thoughts = carried(hook, event(rows(4, read, 6), loop=loop, live=[True, False, True]))
        assert row_values(thoughts) == [6, 4, 2]


def test_nothing_is_kept_from_a_step_over_other_positions() -> None:
    hook = hook_of("batch-shuffled")
    prompt_BPV = rows(1, 2, 3).expand(-1, 5, -1)
    assert carried(hook, event(prompt_BPV, step=0)).shape == prompt_BPV.shape
    ended = [True, False, True]
    assert row_values(carried(hook, event(rows(4, 5, 6), step=1, live=ended))) == [6, 4, 5]
    # From here on there is a value of the row's own to hold on to.
    assert row_values(carried(hook, event(rows(7, 4, 9), step=2, live=ended))) == [9, 7, 5]


def test_states_are_exchanged_once_because_each_holds_what_it_was_exchanged_for() -> None:
    hook = hook_of("batch-shuffled", channel=OTHER)
    assert row_values(carried(hook, event(rows(1, 2, 3), step=0, channel=OTHER))) == [3, 1, 2]
    assert hook(event(rows(3.5, 1.5, 2.5), step=1, channel=OTHER)) is None


def test_a_state_can_be_taken_away_at_every_step() -> None:
    hook = hook_of("zero", channel=OTHER)
    assert all(carried(hook, event(rows(1, 2), step=step, channel=OTHER)) is ABSENT for step in (0, 1))


def test_kinds_mix_rows_or_work_on_each_by_itself() -> None:
    mixing = ["batch-shuffled", "mean", "swap", "interchange"]
    assert [kind for kind in KINDS if Intervention(kind=kind).mixes_rows] == mixing
    rowwise = [kind for kind in KINDS if Intervention(kind=kind).rowwise]
    assert rowwise == ["identity", "keep", "keep-everything", "random-tokens"]


def test_labels_tell_interventions_apart() -> None:
    labels = {
        Intervention(): "none",
        Intervention(kind="zero", channel=CHANNEL): "carry zero",
        Intervention(kind="keep", channel=CHANNEL, keep=("top_k", 8.0)): "carry top_k=8",
        Intervention(kind="keep", channel=CHANNEL, keep=("min_p", 0.03)): "carry min_p=0.03",
        Intervention(kind="keep", channel=CHANNEL, keep=("top_k", 8.0), fill="renorm"): "carry top_k=8 renorm",
        Intervention(kind="keep", channel=CHANNEL, fill="onehot"): "carry keep onehot",
        Intervention(kind="mean", channel=CHANNEL): "carry mean",
    }
    assert {intervention: intervention.label for intervention in labels} == labels


@pytest.mark.parametrize(
    ("intervention", "message"),
    [
        (Intervention(kind="zero", channel="thought"), "the adapter family toy has no channel 'thought'"),
        (
            Intervention(kind="keep", channel=OTHER, keep=("top_k", 1.0)),
            "the channel 'state' has no token reading; use zero, batch-shuffled or mean",
        ),
        (
            Intervention(kind="random-tokens", channel=OTHER),
            "the channel 'state' has no token reading; use zero, batch-shuffled or mean",
        ),
        (
            Intervention(kind="noise", channel=CHANNEL),
            "no intervention is called 'noise'; use none, identity, keep, keep-everything, zero, batch-shuffled, mean, "
            "random-tokens, swap, interchange",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(intervention: Intervention, message: str) -> None:
    reader: Any = Reader()
    with pytest.raises(UsageError) as caught:
        build_hook(intervention, reader)
    assert str(caught.value) == message
