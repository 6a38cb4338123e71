"""How mistakes speak."""

from __future__ import annotations

import math

import pytest

from monitorbench.suite.words import either, found, nearest, quoted, scalar


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "true"),
        (None, "null"),
        (3, "the number 3"),
        (1e-05, "the number 1e-05"),
        (-math.inf, "the number -.inf"),
        (math.nan, "the number .nan"),
        ("on", "the text 'on'"),
        ([1], "a list"),
        ({}, "a mapping"),
    ],
)
def test_what_was_found(value: object, words: str) -> None:
    assert found(value) == words


def test_text_is_shown_on_one_short_line() -> None:
    assert scalar("a\nb") == r"'a\nb'"
    assert quoted("x" * 40) == "`" + "x" * 40 + "`"
    assert quoted("x" * 41) == "`" + "x" * 37 + "...`"
    assert "\n" not in quoted("\n" * 100)


def test_choices() -> None:
    assert [either(words) for words in (["a"], ["a", "b"], ["a", "b", "a", "c"])] == ["a", "a or b", "a, b or c"]


def test_the_nearest_name_or_all_of_them() -> None:
    assert nearest("sede", ["seed", "n"]) == "did you mean `seed`?"
    assert nearest("zzz", ["seed", "n"]) == "known: `n`, `seed`"
    assert nearest("zzz", []) == "there are none"
    assert nearest("zzz", [f"n{i:02}" for i in range(25)]).endswith("`n19`, 5 more")
