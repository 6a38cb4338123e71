"""The depth of looped models: loops multiply it, and states that can be read cut it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from looped_models import LOOPED, build_hrm, build_looped

from monitorbench.adapters.autoregressive import Autoregressive
from monitorbench.adapters.depth_loop import DepthLoop
from monitorbench.depth import CONVENTIONS, compose, opaque_depth, trace_segment


def depth(adapter: Any, *, convention: Any = "circuit", **sampler: Any) -> int:
    segments = adapter.segments(context_length=64, max_new_tokens=8, sampler=sampler)
    return opaque_depth(segments, convention=convention).depth


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_loops_and_seams_leave_the_depth_of_the_plain_forward_pass(convention: str) -> None:
    hrm, looped = build_hrm(), build_looped(50)
    whole = depth(Autoregressive(model=hrm, tokenizer=None), convention=convention)
    assert depth(DepthLoop(model=hrm, tokenizer=None), convention=convention) == whole
    at_site = {"site": "model.L_module", "calls": 6}
    assert depth(DepthLoop(model=hrm, tokenizer=None), convention=convention, **at_site) == whole
    whole = depth(Autoregressive(model=looped, tokenizer=None), convention=convention)
    assert depth(DepthLoop(model=looped, tokenizer=None), convention=convention, **LOOPED) == whole


def depths(models: Sequence[Any], *cuts: frozenset[str], **sampler: Any) -> Iterator[list[int]]:
    """For each set of channels that can be read, the depth of every model."""
    adapters = [DepthLoop(model=model, tokenizer=None) for model in models]
    calls = [{"calls": model.config.num_hidden_layers} if sampler else {} for model in models]
    traces = [
        [trace_segment(part) for part in adapter.segments(context_length=64, max_new_tokens=8, sampler=sampler | own)]
        for adapter, own in zip(adapters, calls, strict=True)
    ]
    return ([compose(trace, cut).depth for trace in traces] for cut in cuts)


def test_depth_grows_with_every_high_cycle_and_not_at_all_where_both_states_can_be_read() -> None:
    cuts = [frozenset(names) for names in ((), ("z_H",), ("z_L",), ("z_H", "z_L"))]
    opaque, high, low, both = depths([build_hrm(H_cycles=cycles) for cycles in (1, 2, 3)], *cuts)
    assert len(set(both)) == 1
    # A cycle is four runs of a stack, each as deep as what is left of one when both states are read.
    assert [deeper - less for less, deeper in pairwise(opaque)] == [4 * both[0]] * 2
    for one in (high, low):
        assert all(none < some < every for none, some, every in zip(both, one, opaque, strict=True))


def test_depth_grows_with_every_loop_at_a_site_and_not_at_all_where_its_state_can_be_read() -> None:
    models = [build_looped(50, loops=loops) for loops in (2, 3, 8)]
    opaque, read = depths(models, frozenset(), frozenset({"loop_state"}), site="model.layers.0")
    assert len(set(read)) == 1
    assert opaque[2] - opaque[1] == 5 * (opaque[1] - opaque[0]) > 0
