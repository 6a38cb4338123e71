"""Rows of several arms in one batch: each gets its own intervention, and comes out as if it were among its own."""

from __future__ import annotations

import pytest
import torch

from monitorbench.adapters.base import Channel, Event, Index
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention, build_hook
from monitorbench.interventions.joint import build_joint_hook

CARRY = Channel(name="carry", axis="step", kind="logits", exact=True)
KEEP = Intervention(kind="keep", channel="carry", keep=("top_k", 2), fill="renorm")
KEEP_ONE = Intervention(kind="keep", channel="carry", keep=("top_k", 1), fill="renorm")
IDENTITY = Intervention(kind="identity", channel="carry")
OTHER = Intervention(kind="identity", channel="other")


class Toy:
    """Reads and writes logits as they are."""

    family = "toy"
    channels = (CARRY, Channel(name="other", axis="step", kind="logits", exact=True))
    vocab_size = 5

    def read(self, channel: str, value: torch.Tensor) -> torch.Tensor:
        assert channel
        assert len(value) == 4, "every intervention sees the batch as it would be by itself"
        return value

    def write(self, channel: str, logits: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        assert channel
        return logits.to(like.dtype)


def event(value: torch.Tensor | None, channel: str = "carry") -> Event:
    return Event(
        index=Index(block=0, step=1),
        seeds=(1, 2, 3, 4),
        live=torch.ones(4, dtype=torch.bool),
        tokens=torch.zeros(4, 3, dtype=torch.long),
        channel=channel,
        value=value,
    )


def value_of(hook: object, seen: Event) -> torch.Tensor:
    assert callable(hook)
    edit = hook(seen)
    assert edit is not None
    assert isinstance(edit.value, torch.Tensor)
    return edit.value


def test_each_row_gets_its_own_intervention() -> None:
    torch.manual_seed(0)
    value_BPV = torch.randn(4, 3, 5)
    before = value_BPV.clone()
    rows = [KEEP, IDENTITY, KEEP_ONE, KEEP]
    joint = value_of(build_joint_hook(rows, Toy()), event(value_BPV))
    for row, intervention in enumerate(rows):
        alone = value_of(build_hook(intervention, Toy()), event(value_BPV))
        assert torch.equal(joint[row], alone[row])
    assert torch.equal(value_BPV, before), "the model's own value is left alone"


def test_rows_of_one_intervention_have_its_hook() -> None:
    shuffled = Intervention(kind="batch-shuffled", channel="carry")
    value_BPV = torch.arange(60.0).reshape(4, 3, 5)
    assert torch.equal(value_of(build_joint_hook([shuffled] * 4, Toy()), event(value_BPV)), value_BPV.roll(1, 0))
    assert build_joint_hook([Intervention()] * 4, Toy()) is None


def test_an_event_that_concerns_nobody_is_left_alone() -> None:
    hook = build_joint_hook([KEEP, KEEP_ONE, KEEP, KEEP], Toy())
    assert hook is not None
    assert hook(event(torch.zeros(4, 3, 5), channel="other")) is None
    assert hook(event(None)) is None


def test_rows_whose_channel_it_is_not_keep_their_value() -> None:
    value_BPV = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    joint = value_of(build_joint_hook([KEEP_ONE, OTHER, OTHER, KEEP_ONE], Toy()), event(value_BPV))
    assert torch.equal(joint[1:3], value_BPV[1:3])
    assert not torch.equal(joint[0], value_BPV[0])


@pytest.mark.parametrize("kind", ["none", "zero", "batch-shuffled"])
def test_what_is_not_done_row_by_row_shares_no_batch(kind: str) -> None:
    alone = Intervention(kind=kind, channel="carry" if kind != "none" else "")
    with pytest.raises(UsageError, match="share a batch with no others; record that arm by itself"):
        build_joint_hook([KEEP, alone, KEEP, KEEP], Toy())
