"""YAML 1.2 scalars, positions, and everything that is refused before a suite is even looked at."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitorbench.suite.yaml12 import MAX_NODES, parse

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcd", "bcde", strict=True)
)
NESTED = f"a: &a {'[' * 17}1{']' * 17}\nb: {'[' * 16}*a{']' * 16}\n"


def value(text: str) -> Any:
    node, mistakes = parse(f"key: {text}\n", "s.yaml")
    assert node is not None
    assert mistakes == []
    return node.plain()["key"]


def refusals(text: str) -> list[str]:
    return [str(mistake) for mistake in parse(text, "s.yaml")[1]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1e-3", 0.001),
        (".5", 0.5),
        ("-2.", -2.0),
        ("+12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("0", 0),
        ("-.inf", -math.inf),
        (".Inf", math.inf),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_scalars_of_the_core_schema(text: str, wanted: object) -> None:
    found = value(text)
    assert found == wanted
    assert type(found) is type(wanted)


def test_nan() -> None:
    assert math.isnan(value(".NaN"))


@pytest.mark.parametrize(
    "text",
    ["on", "off", "yes", "no", "y", "12:30:45", "1_000", "2024-01-02", "0b11", "tRUE", "-0x1", "=", "<<", "e3", "."],
)
def test_everything_else_is_text(text: str) -> None:
    assert value(text) == text


@given(st.floats(allow_nan=False))
@settings(max_examples=50, deadline=None)
def test_floats_come_back_as_written(number: float) -> None:
    text = {math.inf: ".inf", -math.inf: "-.inf"}.get(number, repr(number))
    assert value(text) == number
    assert isinstance(value(text), float)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
@settings(max_examples=50, deadline=None)
def test_integers_come_back_as_written(number: int) -> None:
    assert value(str(number)) == number


def test_tags_that_fit_are_read() -> None:
    assert value("!!str 12") == "12"
    assert value("!!int '12'") == 12
    assert value("!!map {a: !!seq [1]}") == {"a": [1]}


def test_aliases_repeat_a_value() -> None:
    node, mistakes = parse("a: &x [1, 2]\nb: *x\n", "s.yaml")
    assert node is not None
    assert (node.plain(), mistakes) == ({"a": [1, 2], "b": [1, 2]}, [])


def test_positions_count_from_1() -> None:
    node, _ = parse("a: 1\nb:\n  - c\n  - dd: 3\n", "s.yaml")
    assert node is not None
    found = node.at(("b", 1, "dd"))
    assert found.key_place is not None
    assert (found.place.line, found.place.column) == (4, 9)
    assert (found.key_place.line, found.key_place.column) == (4, 5)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1:1: the file is empty; write a suite in it"),
        ("# nothing\n", "1:1: the file is empty; write a suite in it"),
        ("a: 1\na: 2", "2:1: duplicate key `a`, first given in line 1; remove one of them"),
        ("{a: {b: 1, b: 2}}", "1:12: duplicate key `b`, first given in line 1; remove one of them"),
        ("a:\n\t- 1", "2:1: a tab is used for indentation; use spaces"),
        ("a:\n  \tb: 1", "2:3: a tab is used for indentation; use spaces"),
        ("a: 1\n---\nb: 2", "2:1: a second document starts here; keep one suite in each file"),
        (
            "a: b: c",
            "1:5: a `:` where no key can stand; mend the indentation, or put text that holds `: ` in quotes",
        ),
        (
            "n: 017",
            "1:4: `017` has a leading zero, which readers of YAML 1.1 take for an octal number; write 17, or '017' for text",
        ),
        (
            "n: -08",
            "1:4: `-08` has a leading zero, which readers of YAML 1.1 take for an octal number; write -8, or '-08' for text",
        ),
        (
            "n: 99999999999999999999",
            "1:4: the number 99999999999999999999 is too large; write a number of at most 18 digits",
        ),
        (
            "n: 0xFFFFFFFFFFFFFFFFF",
            "1:4: the number 0xFFFFFFFFFFFFFFFFF is too large; write a number of at most 18 digits",
        ),
        ("1: a", "1:1: the key `1` is not text; put it in quotes"),
        ("null: a", "1:1: the key `null` is not text; put it in quotes"),
        ("true: a", "1:1: the key `true` is not text; put it in quotes"),
        ("? [a]\n: 1", "1:3: a list cannot be a key; use text as the key"),
        ("? {a: 1}\n: 1", "1:3: a mapping cannot be a key; use text as the key"),
        ("a: &a {b: 1}\nc:\n  <<: *a", "3:3: merge keys (`<<`) are not part of YAML 1.2; write the merged keys out"),
        ("a: *b", "1:4: `*` starts an alias of a value that has no anchor; put text that starts with `*` in quotes"),
        ("a: @b", "1:4: no text starts with this character; put the text in quotes"),
        ("a: 'b", "1:6: a quote before this is not closed; close it"),
        ("a: {b: 1\nc: 2", "2:2: a `{` or `[` before this is not closed; close it, or put a `,` before this"),
        ("a:\n  - b: 1\n   c: 2", "3:4: this line does not fit those above it; indent it as its neighbours are"),
        ("a: 1\nb\nc: 2", "3:1: a key without `:`; write `key: value`"),
        ("a: &a [*a]", "1:4: an alias stands inside what it repeats; remove the alias"),
        ("a: !thing 1", "1:4: the tag `!thing` does not fit here; remove it"),
        ("a: !!int x", "1:4: the tag `!!int` does not fit here; remove it"),
        ("a: !!set {x}", "1:4: the tag `!!set` does not fit here; remove it"),
        ("a: !!python/name:os.system x", "1:4: the tag `!!python/name:os.system` does not fit here; remove it"),
        ('a: "\\ud800"', "1:4: the text holds half of a surrogate pair; write the character itself"),
        ('a: "\\UFFFFFFFF"', "1:7: not YAML: an escape or a directive holds an impossible number; remove it"),
        ("a: b\x01", "1:5: the character U+0001 is not allowed in YAML; remove it"),
        ("[" * 1000, "1:33: nested more than 32 deep; write it flatter"),
        (NESTED, "1:22: nested more than 32 deep once aliases are written out; remove aliases"),
        (BOMB, f"1:35: more than {MAX_NODES:,} values once aliases are written out; write a smaller file"),
    ],
)
def test_what_is_refused(text: str, line: str) -> None:
    (refusal,) = refusals(text)
    assert refusal == f"s.yaml:{line}"


def test_a_file_is_read_on_after_a_mistake() -> None:
    assert refusals("a: 1\na: 2\nb: 017\n3: x\n") == [
        "s.yaml:2:1: duplicate key `a`, first given in line 1; remove one of them",
        "s.yaml:3:4: `017` has a leading zero, which readers of YAML 1.1 take for an octal number; "
        "write 17, or '017' for text",
        "s.yaml:4:1: the key `3` is not text; put it in quotes",
    ]


@given(st.text(alphabet=st.sampled_from(list("ab:-?[]{},&*!|>'\"%@`#\\ \n\t01.~<é\x00\x85\ufeff"))) | st.text())
@example("%YAML 99999999999999999999.1\n---\na")
@example('"\\x')
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_tree_or_a_list_of_mistakes(text: str) -> None:
    node, mistakes = parse(text, "s.yaml")
    assert node is not None or mistakes
    assert all("\n" not in str(mistake) for mistake in mistakes)


@pytest.mark.parametrize(
    ("fragment", "times"),
    [
        *(("[", 100_000), ("{a: ", 100_000), ("- ", 200_000), ("? ", 200_000), ("&a ", 100_000), ("k: 1\n", 1)),
        *(("- &a 1\n", 25_000), ("- {a: 1}\n", 25_000), ("#", 500_000), ("\n", 200_000), ("  x\n", 40_000)),
        *(("'", 100_001), ("%TAG !a! b\n", 20_000), ("a", 500_000), ("\\n", 100_000), ("*a ", 100_000)),
    ],
    ids=str,
)
def test_what_is_written_again_and_again_is_read_in_little_time(fragment: str, times: int) -> None:
    begun = time.process_time()
    parse(fragment * times, "s.yaml")
    assert time.process_time() - begun < 10
