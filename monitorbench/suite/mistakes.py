"""Violations of the JSON Schema of suites, as mistakes with their positions in the files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from monitorbench.errors import Mistake
from monitorbench.suite.conditions import chosen, in_words
from monitorbench.suite.model import Vocabulary
from monitorbench.suite.tree import Node, Path, Place
from monitorbench.suite.violations import Violation, is_valid, violations
from monitorbench.suite.words import nearest, quoted, scalar


def mistakes_in(root: Node, schema: Mapping[str, Any]) -> list[Mistake]:
    """Every way in which a tree breaks a JSON Schema (draft-07), each once, and every number that JSON lacks."""
    found = dict.fromkeys(_translated(root, violations(root.plain(), schema)))
    said = {(mistake.file, mistake.line, mistake.column) for mistake in found}
    endless = (node for node in _scalars(root) if isinstance(node.value, float) and not math.isfinite(node.value))
    unsaid = (node for node in endless if (node.place.file, node.place.line, node.place.column) not in said)
    return [
        *found,
        *(node.place.mistake(f"{scalar(node.value)} is not a finite number", "write a number") for node in unsaid),
    ]


def refused_checks(root: Node, vocabulary: Vocabulary) -> Iterator[Mistake]:
    """Checks whose parameters fit their schema one by one and yet mean nothing together."""
    for check in root.entries["checks"].items if "checks" in root.entries else ():
        schema = vocabulary.checks.get(check.text_at("check") or "")
        form = {"properties": dict(schema.properties), "required": list(schema.required)} if schema else {}
        if schema and is_valid(check.plain(), {**form, **schema.extra}):
            words = schema.refusal(
                {key: check.entries[key].plain() for key in schema.properties if key in check.entries}
            )
            if words is not None:
                what, fix = words
                yield check.place.mistake(f"check {quoted(check.text_at('id') or '')} {what}", fix)


def _scalars(node: Node) -> Iterator[Node]:
    inner = (*node.entries.values(), *node.items)
    for item in inner:
        yield from _scalars(item)
    if not inner:
        yield node


def _translated(root: Node, broken: Iterable[Violation]) -> Iterator[Mistake]:
    for violation in _without_echoes(broken):
        meant = chosen(violation)
        if violation.keyword == "required":
            yield from _missing_keys(root, violation)
        elif violation.keyword == "additionalProperties":
            yield from _unknown_keys(root, violation)
        elif meant:
            yield from _translated(root, meant)
        else:
            yield _place(root, violation).mistake(*in_words(violation, _subject(root, violation)))


def _without_echoes(broken: Iterable[Violation]) -> Iterator[Violation]:
    """Where a value has the wrong type, whatever else is said about it follows from that."""
    listed = list(broken)
    mistyped = {violation.path for violation in listed if violation.keyword == "type"}
    return (violation for violation in listed if violation.keyword == "type" or violation.path not in mistyped)


def _missing_keys(root: Node, violation: Violation) -> Iterator[Mistake]:
    for key in violation.demand:
        if key not in violation.value:
            what = f"missing key {quoted(key)} {_inside(root, violation.path)}"
            yield root.at(violation.path).place.mistake(what, f"add `{key}:`")


def _unknown_keys(root: Node, violation: Violation) -> Iterator[Mistake]:
    known = violation.rule.get("properties", {})
    patterns = violation.rule.get("patternProperties", {})
    for key, node in root.at(violation.path).entries.items():
        if key not in known and not any(re.search(pattern, key) for pattern in patterns):
            what = f"unknown key {quoted(key)} {_inside(root, violation.path)}"
            yield (node.key_place or node.place).mistake(what, nearest(key, known))


def _place(root: Node, violation: Violation) -> Place:
    node = root.at(violation.path)
    if violation.of_key:
        node = node.entries[violation.value]
        return node.key_place or node.place
    return node.place


def _subject(root: Node, violation: Violation) -> str:
    return "the name" if violation.of_key else _named(root, violation.path) or "the suite"


def _inside(root: Node, path: Path) -> str:
    name = _named(root, path)
    return f"in {name}" if name else "at the top level"


def _named(root: Node, path: Path) -> str:
    """What messages call the value at a path; empty for the whole suite."""
    match path:
        case ():
            return ""
        case ("tasks", str(name)):
            return f"task {quoted(name)}"
        case ("checks", int(index)):
            name = root.at(path).text_at("id") or ""
            return f"check {quoted(name)}" if name else f"check {index + 1}"
        case (*_, str(owner), int(index)):
            return f"item {index + 1} of {quoted(owner)}"
        case _:
            return quoted(str(path[-1]))
