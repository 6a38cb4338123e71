"""The mean control: what the other prompts of a batch carry on average, with nothing of a row's own prompt in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from toy_events import CHANNEL, OTHER, Reader, carried, event, row_values, rows

from monitorbench.adapters.base import Channel, Hook
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention, build_hook
from monitorbench.interventions.other_rows import Mean

VECTORS = (Channel(name=CHANNEL, axis="loop", kind="vector", exact=False),)


class Headed(Reader):
    """A channel of vectors that a head reads."""

    __slots__ = ()

    def read(self, channel: str, value: Tensor) -> Tensor:
        assert channel == CHANNEL
        return 2 * value


def mean(*, channel: str = CHANNEL, prompts: Sequence[str] | None = None, reader: Any = None) -> Hook:
    hook = build_hook(Intervention(kind="mean", channel=channel), reader or Reader(), prompts=prompts)
    assert hook is not None
    return hook


PROBABILITY_BPV = torch.tensor([[0.5, 0.3, 0.2, 0.0], [0.1, 0.1, 0.1, 0.7], [0.4, 0.2, 0.2, 0.2]])[:, None]


def test_logits_carry_the_mean_of_the_probabilities_of_the_other_rows() -> None:
    value = carried(mean(), event(PROBABILITY_BPV.log()))
    expected = torch.tensor([[0.25, 0.15, 0.15, 0.45], [0.45, 0.25, 0.2, 0.1], [0.3, 0.2, 0.15, 0.35]])[:, None]
    torch.testing.assert_close(value.softmax(-1), expected)


def test_rows_of_one_prompt_are_all_left_out() -> None:
    value = carried(mean(prompts=["a", "b", "a"]), event(PROBABILITY_BPV.log()))
    torch.testing.assert_close(value[0].softmax(-1), PROBABILITY_BPV[1])
    torch.testing.assert_close(value[2].softmax(-1), PROBABILITY_BPV[1])
    torch.testing.assert_close(value[1].softmax(-1), torch.tensor([[0.45, 0.25, 0.2, 0.1]]))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from("abc"), min_size=2, max_size=6).filter(lambda prompts: len(set(prompts)) > 1),
    st.integers(0, 2**16),
    st.booleans(),
)
def test_a_prompt_leaves_no_bit_of_itself_in_its_own_mean(prompts: list[str], seed: int, logits: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    value = torch.randn((len(prompts), 2, 5), generator=generator)
    other = value.clone()
    own = torch.tensor([prompt == prompts[0] for prompt in prompts])
    other[own] = 1e4 * torch.randn(other[own].shape, generator=generator)
    before, after = (Mean(lambda _: logits, prompts)(one) for one in (value, other))
    assert torch.equal(before[own], after[own])
    assert not torch.equal(before[~own], after[~own])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_the_mean_has_the_type_of_the_values(dtype: torch.dtype) -> None:
    value = carried(mean(), event(PROBABILITY_BPV.log().to(dtype)))
    assert value.dtype == dtype
    assert not value.isnan().any()


def test_tokens_that_are_impossible_for_all_others_stay_impossible() -> None:
    value = carried(mean(), event(torch.eye(3)[:, None].log()))
    assert value.softmax(-1).tolist() == [[[0.0, 0.5, 0.5]], [[0.5, 0.0, 0.5]], [[0.5, 0.5, 0.0]]]


def test_vectors_that_a_head_reads_carry_the_mean_of_the_vectors() -> None:
    value = carried(mean(reader=Headed(channels=VECTORS)), event(rows(1, 2, 6)))
    assert row_values(value) == [4, 3.5, 1.5]


def test_vectors_that_are_mixtures_of_tokens_carry_the_mean_of_the_probabilities() -> None:
    """The mean of their logarithms would be -inf throughout where rows mix different tokens."""
    value = carried(mean(reader=Reader(channels=VECTORS)), event(torch.eye(3)[:, None].log()))
    assert value.softmax(-1).tolist() == [[[0.0, 0.5, 0.5]], [[0.5, 0.0, 0.5]], [[0.5, 0.5, 0.0]]]


def test_states_are_exchanged_once_because_each_holds_what_it_was_exchanged_for() -> None:
    hook = mean(channel=OTHER)
    assert row_values(carried(hook, event(rows(1, 2, 6), channel=OTHER))) == [4, 3.5, 1.5]
    assert hook(event(rows(1, 2, 6), step=1, channel=OTHER)) is None


def test_a_finished_row_adds_its_own_last_value_and_not_what_it_was_given() -> None:
    hook = mean(reader=Headed(channels=VECTORS))
    carried(hook, event(rows(1, 2, 6), step=0))
    # Row 1 has finished: the model holds on to the 3.5 that it was given in exchange for its own 2.
    value = carried(hook, event(rows(10, 3.5, 60), step=1, live=[True, False, True]))
    assert row_values(value) == [31, 35, 6]


def test_nothing_is_kept_from_a_step_over_other_positions() -> None:
    hook = mean(reader=Headed(channels=VECTORS))
    carried(hook, event(rows(1, 2, 6).expand(-1, 5, -1), step=0))
    assert row_values(carried(hook, event(rows(1, 3, 5), step=1, live=[True, False, True]))) == [4, 3, 2]


@pytest.mark.parametrize(("count", "prompts"), [(1, None), (3, ["a", "a", "a"])])
def test_one_prompt_alone_has_no_others(count: int, prompts: list[str] | None) -> None:
    with pytest.raises(UsageError, match="the mean control needs two prompts in a batch"):
        mean(prompts=prompts)(event(PROBABILITY_BPV[:count].log()))
