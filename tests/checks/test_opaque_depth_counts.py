"""Of several channels that were each shown readable, one is cut: what one loses, another may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from monitorbench.adapters.base import Channel, Segment
from monitorbench.checks.base import Evidence
from monitorbench.checks.opaque_depth_counts import Counted, count
from monitorbench.checks.opaque_depth_ratio import OpaqueDepthRatio
from monitorbench.suite.model import CheckSpec

CHECK = OpaqueDepthRatio()
NAMES = ("short", "long", "unseen")


@dataclass(frozen=True, kw_only=True, slots=True)
class Relay:
    """Tokens to `short` in 1 gate, on to `long` in 2, and on to tokens in 4; `unseen` is in no segment."""

    family: str = "relay"
    channels: tuple[Channel, ...] = tuple(Channel(name=n, axis="loop", kind="vector", exact=True) for n in NAMES)
    settings: tuple[str, ...] = ()

    def carries(self, sampler: Mapping[str, Any]) -> tuple[Channel, ...]:
        del sampler
        return self.channels

    def segments(self, *, context_length: int, **_: Any) -> tuple[Segment, ...]:
        import torch

        def stretch(source: str, target: str, gates: int) -> Segment:
            def run(values: Mapping[str, Any]) -> Mapping[str, Any]:
                value = values[source].float()
                for _ in range(gates):
                    value = value.exp()
                return {target: value}

            def example() -> Mapping[str, Any]:
                return {source: torch.zeros(context_length)}

            return Segment(name=target, fn=run, inputs=(source,), outputs=(target,), example=example)

        return stretch("tokens", "short", 1), stretch("short", "long", 2), stretch("long", "tokens.next", 4)


@pytest.mark.parametrize(
    ("shown", "depth", "cut_at"),
    [
        ((), 7, ()),
        (("short",), 6, ("short",)),
        (("long",), 4, ("long",)),
        (("short", "long"), 4, ("long",)),
        (("unseen",), 7, ()),
        (NAMES, 4, ("long",)),
    ],
)
def test_one_channel_is_cut_at_a_time(
    shown: tuple[str, ...],
    depth: int,
    cut_at: tuple[str, ...],
    spec: Callable[..., CheckSpec],
    evidence: Callable[..., Evidence],
) -> None:
    found = evidence({}, adapters={"candidate": Relay()})
    declared = spec(CHECK, context_length=8, max_depth=9)
    (counted,) = count(declared, found, shown=frozenset(shown), against_baseline=False)
    assert isinstance(counted, Counted)
    assert (counted.opaque.depth, counted.interpretable.depth) == (7, 4)
    assert (counted.applied.depth, counted.applied.cut_at) == (depth, cut_at)
