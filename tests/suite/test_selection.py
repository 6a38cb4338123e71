"""`--only`: the checks asked for, and, ungated, those that they rest on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitorbench.errors import SuiteError
from monitorbench.suite.model import Suite
from monitorbench.suite.selection import rests_on, select

CHAIN = """\
schema_version: 1
name: chain
model: org/m
checks:
  - {id: a, check: opaque-depth-ratio, context_length: 8, max_depth: 9}
  - {id: b, check: opaque-depth-ratio, context_length: 8, max_depth: 9, interpretable_if: {loop_state: a}}
  - {id: c, check: opaque-depth-ratio, context_length: 8, max_depth: 9, interpretable_if: {loop_state: b}}
  - {id: d, check: opaque-depth-ratio, context_length: 8, max_depth: 9}
"""


@pytest.mark.parametrize(
    ("only", "kept"),
    [
        ((), {"a": True, "b": True, "c": True, "d": True}),
        (("d",), {"d": True}),
        (("c",), {"a": False, "b": False, "c": True}),
        (("c", "a"), {"a": True, "b": False, "c": True}),
        (("d", "b", "b"), {"a": False, "b": True, "d": True}),
    ],
)
def test_what_is_kept(loaded: Callable[..., Suite], only: tuple[str, ...], kept: dict[str, bool]) -> None:
    suite = select(loaded(CHAIN), only)
    assert [(check.id, check.gated) for check in suite.checks] == list(kept.items())
    assert loaded(CHAIN, only=only) == suite


def test_what_a_check_rests_on_is_named_once(loaded: Callable[..., Suite]) -> None:
    twice = loaded(CHAIN.replace("{loop_state: a}", "{loop_state: a, self_conditioning: a}"))
    assert [list(rests_on(check)) for check in twice.checks] == [[], ["a"], ["b"], []]


def test_unknown_ids_are_refused_together(loaded: Callable[..., Suite]) -> None:
    with pytest.raises(SuiteError) as caught:
        select(loaded(CHAIN.replace("id: d", "id: depth")), ("dept", "a", "xyz"))
    assert str(caught.value).split("\n") == [
        "--only:1:1: no check `dept`; did you mean `depth`?",
        "--only:1:1: no check `xyz`; known: `a`, `b`, `c`, `depth`",
    ]
