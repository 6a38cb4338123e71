"""Suites that somebody could write by mistake or in bad faith: shipped ones changed in a few places, and debris."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from monitorbench.planning import vocabulary
from monitorbench.suite.schema import schema

SHIPPED = sorted((Path(__file__).parents[2] / "suites").glob("*.yaml"))
VOCABULARY = vocabulary()


class Raw(str):
    """Text that is written as it is, without quotes."""

    __slots__ = ()


class Pairs(list[Any]):
    """A mapping as a list of key and value, since a key may be there twice."""


def _words(form: Any) -> Iterator[str]:
    """Every key and every word that a schema knows."""
    if isinstance(form, Mapping):
        properties = form.get("properties")
        yield from properties if isinstance(properties, Mapping) else ()
        yield from (word for word in form.get("enum", ()) if isinstance(word, str))
        for inner in form.values():
            yield from _words(inner)
    elif isinstance(form, list):
        for inner in form:
            yield from _words(inner)


WORDS = sorted({*_words(schema(VOCABULARY)), *VOCABULARY.checks, *VOCABULARY.tasks, *VOCABULARY.adapters})
SOURCES = [
    *("zoo:ar-chain", "zoo:../../etc", "zoo:/etc", "zoo:", "zoo:ar-chain/../..", "zoo:.", "package:os", "package:"),
    *("package:yaml/../..", "package:yaml", "package:..", "package:yaml//etc", "package:yaml/" + "x" * 5000),
    *(
        "/etc",
        "/dev/zero",
        "/etc/passwd",
        "..",
        "../../..",
        "~",
        "~nobody-here/x",
        "org/name",
        "org/../name",
        "a" * 5000,
    ),
    *("org/name@main", "org/name@../../x", "file:///etc", "https://x.org/y", "\x1b[2J", "C:\\x", "./" + "x/" * 3000),
]
NUMBERS = [0, 1, -1, 2, 0.5, -0.0, 1e-3, 1e308, 5e-324, math.nan, math.inf, -math.inf, 2**63 - 1, -(2**63), 10**18]
FRAGMENTS = [
    *("!!python/object/apply:os.system ['touch x']", "!!python/name:os.system", "!!python/module:os", "!!binary aGk="),
    *("!!python/object/new:os.system [x]", "!<tag:yaml.org,2002:python/object/apply:os.getcwd> []", "!!timestamp 1"),
    *(
        "!!set {a}",
        "!!omap [a: 1]",
        "!!int x",
        "!!float []",
        "!!str {}",
        "!!null x",
        "!!bool 2",
        "! x",
        "!!",
        "!local 1",
    ),
    *("&a [*a]", "*a", "&a 1", "&a", "<<", "{<<: {a: 1}}", "{<<: *a}", "{? [a] : 1}", "{? {a: 1} : 1}", "{1: 2}"),
    *(
        "{a: 1, a: 2}",
        "017",
        "0x1F",
        "0o17",
        "1" * 30,
        "1" * 5000,
        "1e999",
        "-1e999",
        "1_000",
        "12:30:45",
        "2024-01-02",
    ),
    *(
        "[" * 40 + "]" * 40,
        "{a: " * 40 + "1" + "}" * 40,
        "[",
        "}",
        "'",
        '"',
        "|",
        ">",
        "%",
        "@",
        "`",
        "# x",
        "---",
        "...",
    ),
    *(
        "~",
        "",
        "on",
        "no",
        ".nan",
        ".inf",
        "-",
        "?",
        ":",
        '"\\UFFFFFFFF"',
        '"\\ud800"',
        '"\\x1b[2J"',
        '"\\u202e"',
        "\t",
    ),
    *('"\\0"', "a: b", "- a", "[" + "x, " * 500 + "]", "x" * 5000, '"' + "é" * 500 + '"', "\u2028", "\x85", "\ufeff"),
]

scalars = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(NUMBERS),
    st.sampled_from(SOURCES),
    st.sampled_from(["chain", "bottleneck", "depth", "revision", "self_conditioning", "../x", "pkg.mod:Class"]),
    st.sampled_from([Raw(text) for text in FRAGMENTS]),
    st.booleans(),
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(scalars, inner), max_size=3).map(Pairs),
    max_leaves=6,
)
keys = st.sampled_from(WORDS) | st.sampled_from([Raw(text) for text in FRAGMENTS]) | st.text(max_size=8)
OPERATIONS = (
    *("nudge",) * 9,
    "replace",
    "delete",
    "rename",
    "repeat",
    "swap",
    "wrap",
    "insert",
    "alias",
    "tag",
    "quote",
    "move",
)
changes = st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 499), st.integers(0, 499), values, keys)


@st.composite
def changed_suites(draw: st.DrawFn) -> str:
    """A shipped suite after one to five changes of its nodes."""
    tree = copy.deepcopy(draw(st.sampled_from(_TREES)))
    for change in draw(st.lists(changes, min_size=1, max_size=5)):
        _change(tree, change)
    return document(tree)


def document(tree: Any) -> str:
    """A tree as YAML: its outer keys on lines of their own, all else on one line each."""
    if not isinstance(tree, Pairs):
        return written(tree)
    return "".join(f"{_key(key)}: {written(value)}\n" for key, value in tree)


def written(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{_key(key)}: {written(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else f"{'-' * (value < 0)}.inf"
    return json.dumps(value)


def _key(key: Any) -> str:
    return written(list(key) if isinstance(key, tuple) else key)


def _pairs(value: Any) -> Any:
    if isinstance(value, dict):
        return Pairs([key, _pairs(inner)] for key, inner in value.items())
    return [_pairs(inner) for inner in value] if isinstance(value, list) else value


_TREES = [_pairs(yaml.safe_load(path.read_text("utf-8"))) for path in SHIPPED]


def _slots(tree: Any) -> list[tuple[list[Any], int]]:
    """Every list with every place in it: the entries of a mapping are pairs of key and value."""
    found: list[tuple[list[Any], int]] = []
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            found.append((tree, index))
            found += _slots(item[1] if isinstance(tree, Pairs) else item)
    return found


def _get(slot: tuple[list[Any], int]) -> Any:
    holder, index = slot
    return holder[index][1] if isinstance(holder, Pairs) else holder[index]


def _put(slot: tuple[list[Any], int], value: Any) -> None:
    holder, index = slot
    holder[index] = [holder[index][0], value] if isinstance(holder, Pairs) else value


def _change(tree: Any, change: tuple[Any, ...]) -> None:  # noqa: PLR0912  # one branch for each operation
    operation, at, other, value, key = change
    slots = _slots(tree)
    if not slots:
        return
    slot, second = slots[at % len(slots)], slots[other % len(slots)]
    holder, index = slot
    old, text = _get(slot), written(_get(slot))
    match operation:
        case "nudge" if not isinstance(old, list):
            wanted = NUMBERS if isinstance(old, int | float) else [*WORDS, *SOURCES]
            _put(slot, wanted[other % len(wanted)])
        case "nudge":
            holder[index] = _nudged(holder[index], other)
        case "delete":
            del holder[index]
        case "rename" if isinstance(holder, Pairs):
            holder[index] = [key, old]
        case "repeat":
            holder.insert(index, holder[index])
        case "insert":
            holder.insert(index, [key, value] if isinstance(holder, Pairs) else value)
        case "swap":
            one, two = Raw(text), Raw(written(_get(second)))
            _put(slot, two)
            _put(second, one)
        case "move":
            _put(second, Raw(text))
        case "wrap":
            _put(slot, [old] if other % 2 else Pairs([[key, old]]))
        case "alias":
            _put(second, Raw("*anchor"))
            _put(slot, Raw(f"&anchor {text}"))
        case "tag":
            _put(slot, Raw(f"{('!!str', '!!map', '!!seq', '!!int', '!!python/tuple', '!x')[other % 6]} {text}"))
        case "quote":
            _put(slot, text)
        case _:
            _put(slot, value)


def _nudged(item: Any, by: int) -> Any:
    """A list or a mapping with its contents turned round by some places, or the first of them left out."""
    key, inner = item if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) else (None, item)
    if not isinstance(inner, list) or not inner:
        return item
    start = by % len(inner)
    turned = type(inner)([*inner[start:], *inner[: start * (by % 2)]])
    return turned if key is None else [key, turned]


@st.composite
def debris(draw: st.DrawFn) -> bytes:
    """Any bytes, any text of the signs of YAML, or a shipped suite with some bytes put in or taken out."""
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return draw(st.binary(max_size=200))
    if kind == 1:
        signs = st.sampled_from([*"ab:-?[]{},&*!|>'\"%@`#\\ \n\t01.~<é\x00\x85\ufeff", *FRAGMENTS, *WORDS[:40]])
        return "".join(draw(st.lists(signs, max_size=30))).encode("utf-8", "surrogatepass")
    content = draw(st.sampled_from(SHIPPED)).read_bytes()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = start + draw(st.sampled_from([0, 0, 1, 4, 30, 10_000]))
        put = draw(
            st.sampled_from([part.encode("utf-8", "surrogatepass") for part in FRAGMENTS]) | st.binary(max_size=4)
        )
        content = content[:start] + put * draw(st.sampled_from([1, 1, 1, 3, 200])) + content[end:]
    return content if kind != 2 else content.decode("utf-8", "replace").encode(draw(st.sampled_from(ENCODINGS)))


PATHS = ["sampling.seed", "sampling.stop", "tasks.chain.n", "checks.bottleneck.max_drop", "model.source", "channels"]
ENCODINGS = ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"]


@st.composite
def command_lines(draw: st.DrawFn) -> dict[str, Any]:
    """What a command line may change: settings by path, checks by id, models."""
    word = st.sampled_from([*WORDS, "chain", "bottleneck", "0", "", "<<", "\x1b[2J"])
    path = st.lists(word, min_size=1, max_size=4).map(".".join) | st.sampled_from(PATHS)
    setting = st.tuples(path, values.map(written)).map("=".join) | st.text(max_size=12)
    fields = {
        "set": st.lists(setting, max_size=2).map(tuple),
        "only": st.lists(st.sampled_from(["bottleneck", "depth", "", "../x", "\x1b[2J"]), max_size=1).map(tuple),
        "model": st.none() | st.sampled_from(SOURCES) | st.text(max_size=8),
        "baseline": st.none() | st.none() | st.sampled_from(SOURCES) | st.text(max_size=8),
        "device": st.none() | st.none() | st.sampled_from(["cpu", "cuda:" + "9" * 400, "tpu", "cpu\n"]),
        "dtype": st.none() | st.none() | st.sampled_from(["float16", "float64", "\x1b"]),
        "seed": st.none() | st.integers(),
        "limit": st.none() | st.integers(1, 9) | st.integers(),
    }
    return {name: draw(strategy) for name, strategy in fields.items()}
