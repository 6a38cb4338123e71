"""The first problems of a stream, all different."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from monitorbench.errors import UsageError
from monitorbench.tasks.base import Problem

MOST_DRAWS = 100
"""Draws for every problem wanted, after which a stream counts as used up."""


def first_different(stream: Iterator[Problem], n: int, *, of: str, fix: str) -> Sequence[Problem]:
    """The first `n` problems of a stream, by their ids.

    Args:
        stream: problems without end.
        n: how many.
        of: what the stream holds, in words.
        fix: what to do where it does not hold so many.

    Raises:
        UsageError: it does not hold so many.
    """
    found: dict[str, Problem] = {}
    for problem in itertools.islice(stream, MOST_DRAWS * n):
        found.setdefault(problem.id, problem)
        if len(found) == n:
            return list(found.values())
    raise UsageError(f"{of} does not hold {n} different problems", fix=fix)
