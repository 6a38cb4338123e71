"""Max-plus matrices that remember what they are products of, so that every longest path can be told step by step.

A_VV[i, j] is the length of the longest path from variable i to variable j, minus infinity where there is none. The
product of two matrices takes the longest way through both: paths add up, side by side the longer counts.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Steps: TypeAlias = Counter[tuple["Chain", int, int]]
"""How often a path takes each way, from one variable to another, through a matrix that is no product."""


class Chain:
    """A matrix, and the two that it is the product of, if it is one.

    Args:
        A_VV: longest paths between V variables.
        parts: the matrices of the first part of a path and of the rest.
    """

    def __init__(self, A_VV: NDArray[np.float64], parts: tuple[Chain, Chain] | None = None) -> None:
        self.A_VV = A_VV
        self._parts = parts
        self._counted: dict[tuple[int, int], Steps] = {}
        self._squared: Chain | None = None

    def then(self, other: Chain) -> Chain:
        """The product: first this, then the other."""
        A_VV = np.stack([(row_V[:, None] + other.A_VV).max(0) for row_V in self.A_VV])
        return Chain(A_VV, (self, other))

    def factors(self, times: int) -> Iterator[Chain]:
        """Squares of squares whose product is this matrix a number of times: as many as the number has binary ones."""
        chain = self
        while times:
            if times % 2:
                yield chain
            times //= 2
            if times:
                chain = chain._square()

    def power(self, times: int) -> Chain:
        """The product of a number of these, at least one: equal to multiplying them one by one."""
        return functools.reduce(Chain.then, self.factors(times))

    def _square(self) -> Chain:
        if self._squared is None:
            self._squared = self.then(self)
        return self._squared

    def steps(self, before: int, after: int) -> Steps:
        """The ways of a longest path between two variables that a path connects, last one first."""
        if self._parts is None:
            return Counter([(self, before, after)])
        key = before, after
        if key not in self._counted:
            first, rest = self._parts
            middle = int(np.argmax(first.A_VV[before] + rest.A_VV[:, after]))
            self._counted[key] = rest.steps(middle, after) + first.steps(before, middle)
        return self._counted[key]
