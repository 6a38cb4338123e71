"""Whether two ranks come to the same rollouts: all that decides them has to be the same on both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from monitorbench.errors import UsageError


def require_same(own: Sequence[str], leading: Sequence[str]) -> None:
    """Refuse to mix rollouts of ranks that compute differently.

    Args:
        own: what decides the rollouts of each planned arm on this rank, as canonical JSON.
        leading: the same on the leading rank.

    Raises:
        UsageError: naming the first thing that differs.
    """
    if len(own) != len(leading):
        raise _differs(f"{len(own)} arms are planned here, and {len(leading)} on rank 0")
    for one, other in zip(own, leading, strict=True):
        if one != other:
            place, here, there = next(_differences("", json.loads(one), json.loads(other)))
            raise _differs(f"{place} is {here} here, and {there} on rank 0")


def _differs(what: str) -> UsageError:
    return UsageError(
        f"computes otherwise than rank 0: {what}",
        fix="give all ranks the same suite, code, packages and devices",
    )


def _differences(place: str, here: Any, there: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(here, dict) and isinstance(there, dict):
        for name in sorted({*here, *there}):
            yield from _differences(f"{place}.{name}".strip("."), here.get(name), there.get(name))
    elif here != there:
        yield place, json.dumps(here), json.dumps(there)
