"""Circuits built gate by gate from scalars: a second, slow and obvious way to find the depth of a function.

A wire carries one number and knows the longest path of gates that leads to it. There are three gates: a function of one
number, of two, and the choice of one of two numbers by a third. Everything below is built from them alone, and shares
no code with the package: that the numbers come out right shows that the circuit computes the function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, TypeAlias

NO_PATH = -math.inf


@dataclass(frozen=True, slots=True)
class Wire:
    """A number, and the longest path of gates from an input to it: none for what is computed from constants alone."""

    value: Any
    depth: float = 0

    def __add__(self, other: Wire) -> Wire:
        return binary(lambda a, b: a + b, self, other)

    def __sub__(self, other: Wire) -> Wire:
        return binary(lambda a, b: a - b, self, other)

    def __mul__(self, other: Wire) -> Wire:
        return binary(lambda a, b: a * b, self, other)

    def __truediv__(self, other: Wire) -> Wire:
        return binary(lambda a, b: a / b, self, other)


Wires: TypeAlias = list[Wire]


def inputs(values: Sequence[float], depth: int = 0) -> Wires:
    """Numbers that come in, `depth` gates after the input."""
    return [Wire(value, depth) for value in values]


def constant(value: Any) -> Wire:
    """A parameter or a literal."""
    return Wire(value, NO_PATH)


def constants(values: Sequence[Any]) -> Wires:
    return [constant(value) for value in values]


def unary(fn: Callable[[float], float], a: Wire) -> Wire:
    """A gate of one number."""
    return Wire(fn(a.value), a.depth + 1)


def binary(fn: Callable[[float, float], float], a: Wire, b: Wire) -> Wire:
    """A gate of two numbers."""
    return Wire(fn(a.value, b.value), max(a.depth, b.depth) + 1)


def choose(decide: Callable[[float], bool], by: Wire, yes: Wire, no: Wire) -> Wire:
    """A gate that passes on one of two numbers, as a third one says."""
    return Wire((yes if decide(by.value) else no).value, max(by.depth, yes.depth, no.depth) + 1)


def deepest(wires: Sequence[Wire]) -> float:
    return max(wire.depth for wire in wires)


def values(wires: Sequence[Wire]) -> list[float]:
    return [wire.value for wire in wires]


def tree(fn: Callable[[float, float], float], wires: Sequence[Wire]) -> Wire:
    """An associative function of all wires: neighbours meet pairwise, level by level."""
    wires = list(wires)
    while len(wires) > 1:
        pairs = [binary(fn, a, b) for a, b in zip(wires[::2], wires[1::2], strict=False)]
        wires = pairs + (wires[-1:] if len(wires) % 2 else [])
    return wires[0]


def total(wires: Sequence[Wire]) -> Wire:
    return tree(lambda a, b: a + b, wires)


def mean(wires: Sequence[Wire]) -> Wire:
    return total(wires) / constant(len(wires))


def dot(a: Sequence[Wire], b: Sequence[Wire]) -> Wire:
    return total([x * y for x, y in zip(a, b, strict=True)])


def matrix_vector(rows: Sequence[Wires], x: Wires) -> Wires:
    return [dot(row, x) for row in rows]


def softmax(wires: Wires, *, stabilised: bool) -> Wires:
    if stabilised:
        largest = tree(max, wires)
        wires = [wire - largest for wire in wires]
    powers = [unary(math.exp, wire) for wire in wires]
    share = total(powers)
    return [power / share for power in powers]


def normalised(wires: Wires, epsilon: float, *, centred: bool) -> Wires:
    """A layer norm when centred, else the norm by the root mean square; without weight and bias."""
    if centred:
        middle = mean(wires)
        wires = [wire - middle for wire in wires]
    square = mean([unary(lambda x: x * x, wire) for wire in wires])
    scale = unary(lambda s: s**-0.5, square + constant(epsilon))
    return [wire * scale for wire in wires]


def attention(
    query: Wires, keys: Sequence[Wires], values: Sequence[Wires], *, stabilised: bool, seen: Sequence[bool] = ()
) -> Wires:
    """What one query gathers from the keys that it sees, by default all; scores are scaled by 1 / sqrt(width).

    Stabilised, as a program does it: hidden keys are scored, too, and then masked by a sum.
    """
    scale = constant(len(query) ** -0.5)
    scores = [dot(query, key) * scale for key in keys]
    if seen and stabilised:
        scores = [score + constant(0.0 if visible else -1e30) for score, visible in zip(scores, seen, strict=True)]
    elif seen:
        scores, values = list(compress(scores, seen)), list(compress(values, seen))
    weights = softmax(scores, stabilised=stabilised)
    return [dot(weights, column) for column in map(list, zip(*values, strict=True))]


def rotated(x: Wires, cos: Wires, sin: Wires) -> Wires:
    """Rotary positions: each number turns with the one half a head away, which is negated on one side."""
    half = len(x) // 2
    other = [unary(lambda a: -a, wire) for wire in x[half:]] + x[:half]
    return [a * c + b * s for a, b, c, s in zip(x, other, cos, sin, strict=True)]


def prefixes(fn: Callable[[float, float], float], wires: Wires) -> Wires:
    """Every prefix under an associative function, by a parallel prefix network (Sklansky, 1960)."""
    if len(wires) == 1:
        return wires
    half = 1 << ((len(wires) - 1).bit_length() - 1)
    left, right = prefixes(fn, wires[:half]), prefixes(fn, wires[half:])
    return left + [binary(fn, left[-1], wire) for wire in right]


def recurrence(factors: Wires, terms: Wires) -> Wires:
    """h = a h + b from h = 0, step by step."""
    states = [terms[0]]
    for a, b in zip(factors[1:], terms[1:], strict=True):
        states.append(a * states[-1] + b)
    return states


def scanned_recurrence(factors: Wires, terms: Wires) -> Wires:
    """The same by a prefix network: first (a, b) and then (c, d) make (c a, c b + d)."""

    def scan(pairs: list[tuple[Wire, Wire]]) -> list[tuple[Wire, Wire]]:
        if len(pairs) == 1:
            return pairs
        half = 1 << ((len(pairs) - 1).bit_length() - 1)
        left, right = scan(pairs[:half]), scan(pairs[half:])
        a, b = left[-1]
        return left + [(c * a, c * b + d) for c, d in right]

    return [state for _, state in scan(list(zip(factors, terms, strict=True)))]


def select(table: Wires, index: Wire) -> Wire:
    """The entry at a computed place: a tree of choices, each level by one more digit of the index."""
    digit = 0
    while len(table) > 1:
        odd = _odd_digit(digit)
        pairs = [choose(odd, index, b, a) for a, b in zip(table[::2], table[1::2], strict=False)]
        table = pairs + (table[-1:] if len(table) % 2 else [])
        digit += 1
    return table[0]


def _odd_digit(digit: int) -> Callable[[float], bool]:
    return lambda place: bool(int(place) >> digit & 1)


def with_places(wires: Wires) -> list[Wire]:
    """Numbers with their places: what comparators compare and pass on together."""
    return [Wire((wire.value, place), wire.depth) for place, wire in enumerate(wires)]


def apart(ranked: Sequence[Wire]) -> tuple[Wires, Wires]:
    """Numbers and places again."""
    return [Wire(w.value[0], w.depth) for w in ranked], [Wire(w.value[1], w.depth) for w in ranked]


def bitonic_sort(wires: Sequence[Wire]) -> list[Wire]:
    """Numbers with their places, ascending, by a bitonic network (Batcher, 1968) over the next power of two."""
    size, count = 1 << (len(wires) - 1).bit_length(), len(wires)
    wires = [*wires, *constants([(math.inf, -1)] * (size - count))]
    block = 2
    while block <= size:
        stride = block // 2
        while stride:
            for low in range(size):
                high = low ^ stride
                if low < high:
                    a, b = wires[low], wires[high]
                    ascending = not low & block
                    first, second = (min, max) if ascending else (max, min)
                    wires[low], wires[high] = binary(first, a, b), binary(second, a, b)
            stride //= 2
        block *= 2
    return wires[:count]


def largest(wires: Sequence[Wire], k: int) -> list[Wire]:
    """The k largest of numbers with their places, descending: a tournament of lists that are merged pairwise."""
    lists = [[wire] for wire in wires]
    while len(lists) > 1:
        pairs = [_merged(a, b, k) for a, b in zip(lists[::2], lists[1::2], strict=False)]
        lists = pairs + (lists[-1:] if len(lists) % 2 else [])
    return lists[0][:k]


def _merged(a: list[Wire], b: list[Wire], k: int) -> list[Wire]:
    """The k largest of two descending lists, descending: one gate to choose them, lg k more to put them in order."""
    size = 1 << (k - 1).bit_length()
    a, b = (side + constants([(-math.inf, -1)] * (size - len(side))) for side in (a[:k], b[:k]))
    chosen = [binary(max, x, y) for x, y in zip(a, b[::-1], strict=True)]
    stride = size // 2
    while stride:
        for i in range(size):
            if not i & stride:
                x, y = chosen[i], chosen[i + stride]
                chosen[i], chosen[i + stride] = binary(max, x, y), binary(min, x, y)
        stride //= 2
    return chosen[:k]
