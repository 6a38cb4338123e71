"""Regions of memory, compared with the sets of bytes that they stand for."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.depth.graph import Graph
from monitorbench.depth.memory import Memory, Region


def places(tensor: torch.Tensor) -> set[int]:
    """Which elements of the storage a view reaches."""
    base = torch.arange(tensor.untyped_storage().nbytes() // tensor.element_size())
    return set(base.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset()).flatten().tolist())


@st.composite
def views(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views of one tensor, each made by slicing, selecting and transposing."""
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    base = torch.zeros(shape)

    def view() -> torch.Tensor:
        result = base
        for dim, size in enumerate(shape):
            start = draw(st.integers(0, size - 1))
            result = result.narrow(dim, start, draw(st.integers(1, size - start)))
        if draw(st.booleans()):
            result = result.select(0, 0)
        return result.transpose(0, -1) if result.dim() > 1 and draw(st.booleans()) else result

    return view(), view()


@settings(max_examples=200, deadline=None)
@given(views())
def test_regions_meet_and_cover_exactly_as_their_elements_do(pair):
    one, other = pair
    region, region_other = Region.of(one), Region.of(other)
    assert region.meets(region_other) == bool(places(one) & places(other))
    assert region.covers(region_other) == (places(one) >= places(other))


def test_strides_that_do_not_nest_count_as_meeting():
    base = torch.zeros(12)
    even, thirds = base[::2], base[1::3]
    assert Region.of(even).meets(Region.of(thirds))
    assert not Region.of(even).covers(Region.of(thirds))


def test_storage_written_in_very_many_parts_keeps_the_deepest():
    graph, base = Graph(), torch.zeros(1000)
    memory = Memory(graph)
    source = graph.add_source("x", token=False)
    node = source
    for place in range(1000):
        node = graph.add("tanh", "", [(node, 1)])
        memory.write(base[place], node)
    read = memory.read(base)
    assert read is not None
    assert graph[read].depths == {source: 1000}
