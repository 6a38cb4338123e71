"""As much of an adapter, and as few rows, as a hook needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from monitorbench.adapters.base import Channel, Event, Hook, Index
from monitorbench.interventions.intervention import Intervention, build_hook

CHANNEL, OTHER = "carry", "state"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """As much of an adapter as a hook needs: two channels, the first carrying logits."""

    family: str = "toy"
    vocab_size: int = 4
    channels: tuple[Channel, ...] = (
        Channel(name=CHANNEL, axis="step", kind="logits", exact=True),
        Channel(name=OTHER, axis="position", kind="state", exact=False),
    )

    def read(self, channel: str, value: Tensor) -> Tensor:
        assert channel == CHANNEL
        return value

    def write(self, channel: str, logits: Tensor, like: Tensor) -> Tensor:
        assert channel == CHANNEL
        return logits.to(like.dtype)


def hook_of(kind: str, *, channel: str = CHANNEL, **settings: Any) -> Hook:
    reader: Any = Reader()
    hook = build_hook(Intervention(kind=kind, channel=channel, **settings), reader)
    assert hook is not None
    return hook


def event(
    value: Tensor,
    *,
    step: int = 0,
    block: int = 0,
    loop: int = 0,
    live: list[bool] | None = None,
    channel: str = CHANNEL,
) -> Event:
    rows = value.shape[0]
    return Event(
        index=Index(block=block, step=step, loop=loop),
        seeds=range(rows),
        live=torch.tensor([True] * rows if live is None else live),
        tokens=torch.zeros(value.shape[:2], dtype=torch.long),
        channel=channel,
        value=value,
    )


def carried(hook: Hook, seen: Event) -> Any:
    edit = hook(seen)
    assert edit is not None
    assert edit.tokens is None
    assert edit.hold is None
    return edit.value


VALUE_BPV = torch.tensor([[[0.5, 0.25, 0.15, 0.1]], [[0.1, 0.1, 0.1, 0.7]]]).log()


def rows(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float).reshape(-1, 1, 1).expand(-1, 1, 4)


def row_values(value: Tensor) -> list[float]:
    return value[:, 0, 0].tolist()
