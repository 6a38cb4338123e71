"""Regions of memory, compared with the sets of bytes that they stand for; programs, with every element by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.depth import trace_function
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


@settings(max_examples=200, deadline=None)
@given(views())
def test_what_is_left_of_a_region_is_what_lies_outside_of_another(pair):
    one, other = pair
    item = one.element_size()
    rest = [
        {
            (piece.begin + sum(stride * digit for stride, digit in zip(strides, digits, strict=True))) // item
            for digits in np.ndindex(*sizes)
        }
        for piece in Region.of(one).without(Region.of(other))
        for strides, sizes in [tuple(zip(*piece.steps, strict=True))]
    ]
    assert set().union(*rest) == places(one) - places(other)
    assert sum(map(len, rest)) == len(places(one) - places(other))


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


SHAPE = (2, 3, 4)


@st.composite
def cuts(draw: st.DrawFn, *, steps: bool) -> tuple[tuple[slice | int, ...], bool]:
    """Where a view of the buffer lies: a slice or a place of every dimension, and whether it is transposed."""
    index: list[slice | int] = []
    for size in SHAPE:
        start = draw(st.integers(0, size - 1))
        stop, step = draw(st.integers(start + 1, size)), draw(st.integers(1, 2)) if steps else 1
        index.append(start if draw(st.booleans()) else slice(start, stop, step))
    return tuple(index), draw(st.booleans())


def programs(*, steps: bool) -> st.SearchStrategy:
    """Writes: what is done, where, and from where a value is read."""
    kinds = st.sampled_from(["zero", "input", "add", "move", "exp"])
    return st.lists(st.tuples(kinds, cuts(steps=steps), cuts(steps=steps)), min_size=1, max_size=12)


def view_of(buffer, cut):
    index, transposed = cut
    view = buffer[(*index, ...)]
    return view.swapaxes(0, -1) if transposed and view.ndim > 1 else view


def run(program, x):
    """The program, on one buffer of zeros, in place: all that it writes and reads is a view."""
    buffer = torch.zeros(SHAPE)
    for kind, target, source in program:
        view, read = view_of(buffer, target), view_of(buffer, source)
        if kind == "zero":
            view.zero_()
        elif kind == "input":
            view.copy_(x)
        elif kind == "add":
            view.add_(1)
        else:
            deepest = read.amax() if kind == "move" else read.exp().amax()
            view.copy_(deepest)
    return buffer


def oracle(program, *, by_element):
    """Depth of every element of the buffer, minus infinity for a constant.

    A sum over a view is a tree. What one operation writes has the depth of its deepest element, or of each by itself.
    """
    depth = np.full(SHAPE, -np.inf)
    for kind, target, source in program:
        view, read = view_of(depth, target), view_of(depth, source)
        if kind == "zero":
            view[...] = -np.inf
        elif kind == "input":
            view[...] = 0
        elif kind == "add":
            view[...] = (view if by_element else view.max()) + 1
        else:
            tree = (read.size - 1).bit_length()
            view[...] = read.max() + tree + (kind == "exp")
    return depth


def traced(program, cut):
    return trace_function(lambda x: view_of(run(program, x), cut).clone(), torch.zeros(()))[0]


@settings(max_examples=80, deadline=None)
@given(programs(steps=False), cuts(steps=False))
def test_programs_of_views_are_followed_part_by_part(program, cut):
    """Equal to following every element, where an operation writes one depth."""
    assert traced(program, cut) == max(0, view_of(oracle(program, by_element=False), cut).max())


@settings(max_examples=80, deadline=None)
@given(programs(steps=True), cuts(steps=True))
def test_depth_is_never_below_that_of_an_element(program, cut):
    """Also where regions of every other element are not told apart."""
    assert traced(program, cut) >= view_of(oracle(program, by_element=True), cut).max()


@pytest.mark.parametrize("parts", [10, 64, 65, 200])
def test_parts_are_told_apart_up_to_a_number(parts):
    """Part i is i gates deep; beyond 64 parts it counts as a deeper one."""

    def staircase(x):
        buffer = torch.zeros(parts)
        for part in range(parts):
            buffer[part] = x
            x = x + 1
        return buffer[3], buffer

    fourth, deepest = trace_function(staircase, torch.zeros(()))
    assert deepest == parts - 1
    assert fourth == 3 if parts <= 64 else 3 < fourth <= deepest
