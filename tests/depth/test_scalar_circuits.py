"""A second implementation: explicit circuits, built gate by gate from scalars, agree with the rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.depth import trace_function

sizes = st.integers(1, 16)
quick = settings(max_examples=50, deadline=None)


@dataclass(frozen=True)
class Wire:
    """A scalar, and the longest path that leads to it."""

    value: float
    depth: int = 0


def unary(fn: Callable[[float], float], a: Wire) -> Wire:
    return Wire(fn(a.value), a.depth + 1)


def binary(fn: Callable[[float, float], float], a: Wire, b: Wire) -> Wire:
    return Wire(fn(a.value, b.value), max(a.depth, b.depth) + 1)


def tree(fn: Callable[[float, float], float], wires: list[Wire]) -> Wire:
    while len(wires) > 1:
        pairs = [binary(fn, a, b) for a, b in zip(wires[::2], wires[1::2], strict=False)]
        wires = pairs + (wires[-1:] if len(wires) % 2 else [])
    return wires[0]


def add(a: float, b: float) -> float:
    return a + b


def mul(a: float, b: float) -> float:
    return a * b


def dot(a: list[Wire], b: list[Wire]) -> Wire:
    return tree(add, [binary(mul, x, y) for x, y in zip(a, b, strict=True)])


def softmax(wires: list[Wire], *, stabilised: bool) -> list[Wire]:
    if stabilised:
        largest = tree(max, wires)
        wires = [binary(lambda a, b: a - b, wire, largest) for wire in wires]
    powers = [unary(math.exp, wire) for wire in wires]
    total = tree(add, powers)
    return [binary(lambda a, b: a / b, power, total) for power in powers]


def inputs(*values: float) -> list[Wire]:
    return [Wire(value) for value in values]


def sample(n: int) -> list[float]:
    return torch.sin(torch.arange(1.0, n + 1) * 1.7).tolist()


@quick
@given(sizes)
def test_contraction(n):
    wire = dot(inputs(*sample(n)), inputs(*sample(n)[::-1]))
    a = torch.tensor(sample(n))
    assert wire.value == pytest.approx(float(a @ a.flip(0)), abs=1e-5)
    assert trace_function(torch.matmul, a, a) == (wire.depth,)


@quick
@given(sizes)
def test_reductions(n):
    a = torch.tensor(sample(n))
    assert trace_function(torch.sum, a) == (tree(add, inputs(*sample(n))).depth,)
    assert trace_function(torch.amax, a) == (tree(max, inputs(*sample(n))).depth,)


@quick
@given(sizes, st.booleans())
def test_softmax(n, stabilised):
    wires = softmax(inputs(*sample(n)), stabilised=stabilised)
    a = torch.tensor(sample(n))
    assert [wire.value for wire in wires] == pytest.approx(a.softmax(0).tolist(), abs=1e-5)
    convention = "implemented" if stabilised else "circuit"
    assert trace_function(lambda x: x.softmax(0), a, convention=convention) == (wires[0].depth,)


@quick
@given(sizes)
def test_rms_norm(n):
    wires = inputs(*sample(n))
    mean = unary(lambda s: s / n, tree(add, [unary(lambda x: x * x, wire) for wire in wires]))
    scale = unary(lambda m: m**-0.5, unary(lambda m: m + 1e-6, mean))
    normed = [unary(lambda x: 2 * x, binary(mul, wire, scale)) for wire in wires]
    norm = torch.nn.RMSNorm(n, eps=1e-6)
    torch.nn.init.constant_(norm.weight, 2)
    a = torch.tensor(sample(n))
    assert [wire.value for wire in normed] == pytest.approx(norm(a).tolist(), abs=1e-5)
    assert trace_function(norm, a) == (normed[0].depth,)


@quick
@given(st.integers(1, 12), st.integers(2, 12), st.booleans())
def test_attention(keys, width, stabilised):
    a = torch.sin(torch.arange(1.0, keys * width + 1)).reshape(1, 1, keys, width)
    rows = [inputs(*row) for row in a[0, 0].tolist()]
    scores = [unary(lambda s: s * width**-0.5, dot(rows[0], row)) for row in rows]
    weights = softmax(scores, stabilised=stabilised)
    out = dot(weights, [row[0] for row in rows])
    assert out.value == pytest.approx(float(F.scaled_dot_product_attention(a, a, a)[0, 0, 0, 0]), abs=1e-5)
    convention = "implemented" if stabilised else "circuit"
    assert trace_function(lambda x: F.scaled_dot_product_attention(x, x, x), a, convention=convention) == (out.depth,)


def merge(a: list[Wire], b: list[Wire], k: int) -> list[Wire]:
    """The k largest of two descending lists, descending: one gate to choose them, lg k more to put them in order."""
    size = 1 << (k - 1).bit_length()
    a, b = (side + [Wire(-math.inf)] * (size - len(side)) for side in (a[:k], b[:k]))
    chosen = [binary(max, x, y) for x, y in zip(a, b[::-1], strict=True)]
    stride = size // 2
    while stride:
        for i in range(size):
            if not i & stride:
                x, y = chosen[i], chosen[i + stride]
                chosen[i], chosen[i + stride] = binary(max, x, y), binary(min, x, y)
        stride //= 2
    return chosen[:k]


@quick
@given(sizes, st.data())
def test_top_k_tournament(n, data):
    k = data.draw(st.integers(1, n))
    lists = [[wire] for wire in inputs(*sample(n))]
    while len(lists) > 1:
        lists = [merge(a, b, k) for a, b in zip(lists[::2], lists[1::2], strict=False)] + (
            lists[-1:] if len(lists) % 2 else []
        )
    a = torch.tensor(sample(n))
    assert [wire.value for wire in lists[0][:k]] == pytest.approx(a.topk(k).values.tolist())
    (depth,) = trace_function(lambda x: x.topk(k).values, a)
    built = max(wire.depth for wire in lists[0])
    assert built == depth if k == 1 else built <= depth
