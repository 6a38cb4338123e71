"""Reports that nobody's `run` wrote: real ones with leaves, keys and whole parts put in, taken out or replaced."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

HOSTILE = ["<script>alert(1)</script>", "\x1b[2J\x07", "\ud800", "\u202e", "=1+1", "|`*[x](y)", "]]>", "\0", "a\nb", ""]
NUMBERS = [0, -1, 1, 0.5, -0.0, 1e308, -1e308, 5e-324, 2**53 + 1, 10**18, 10**400, -(10**400), 1.0, 3.0, 1e300]
NOT_JSON = [math.nan, math.inf, -math.inf]

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(NOT_JSON),
    st.sampled_from(HOSTILE),
    st.integers(),
    st.floats(),
    st.text(max_size=10),
    st.sampled_from(["pass", "fail", "inconclusive", "unobserved", "error", "share", "ratio", "depth", "pp"]),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
texts = st.sampled_from(HOSTILE) | st.text(max_size=20)
numbers = st.sampled_from(NUMBERS) | st.floats() | st.integers()
likely = st.sampled_from(["replace", "same kind", "same kind", "same kind", "delete", "insert", "swap", "deepen"])
changes = st.tuples(likely, st.integers(0, 9_999), st.integers(0, 9_999), values, texts, numbers)


edits = st.tuples(st.integers(0, 10**6), st.sampled_from([0, 0, 1, 4, 30, 10_000]), st.deferred(lambda: debris))


def changed(plain: dict[str, Any], made: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """A report as JSON values after some changes."""
    payload = copy.deepcopy(plain)
    for change in made:
        _change(payload, change)
    return payload


def broken(content: bytes, made: Sequence[tuple[int, int, bytes]]) -> bytes:
    """The bytes of a report with some put in or taken out."""
    for at, cut, put in made:
        start = at % (len(content) + 1)
        content = content[:start] + put + content[start + cut :]
    return content


DEBRIS = [
    b"NaN",
    b"Infinity",
    b"1e999",
    b"9" * 5000,
    b"[" * 2000,
    b'{"a":' * 2000,
    b"\xff",
    b"\0",
    b"\xef\xbb\xbf",
    b"]",
    b"}",
]
DEBRIS += [b'"verdict": "pass", ', b'"exit_code": 0, ', b'"\\ud800"', b",", b'"']

debris = st.sampled_from(DEBRIS) | st.binary(max_size=4)


def _slots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in the tree: what holds it, and its key or index there."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _slots(value[key])


def _change(payload: Any, change: tuple[Any, ...]) -> None:
    operation, at, other, value, text, number = change
    slots = list(_slots(payload))
    if not slots:
        return
    (holder, key), (second, there) = slots[at % len(slots)], slots[other % len(slots)]
    old = holder[key]
    match operation:
        case "delete":
            del holder[key]
        case "insert" if isinstance(old, list):
            old.append(copy.deepcopy(old[other % len(old)]) if old else value)
        case "insert" if isinstance(old, dict):
            old[text] = value
        case "swap":
            holder[key] = json.loads(json.dumps(second[there]))
        case "deepen":
            depth = (3, 70, 900)[other % 3]
            holder[key] = json.loads("[" * depth + "1" + "]" * depth)
        case "same kind" if isinstance(old, str):
            holder[key] = text
        case "same kind" if isinstance(old, int | float) and not isinstance(old, bool):
            holder[key] = number
        case _:
            holder[key] = value
