"""`fail_if` and `warn_if` of a check: its bounds by another name, and tighter ones whose breach is a warning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from monitorbench.errors import Mistake
from monitorbench.suite.conditions import in_words
from monitorbench.suite.model import CheckSchema, Vocabulary
from monitorbench.suite.overrides import SET
from monitorbench.suite.tree import Node
from monitorbench.suite.violations import is_valid, violations
from monitorbench.suite.words import quoted, scalar

FAIL_IF, WARN_IF = "fail_if", "warn_if"


def with_bounds(root: Node, vocabulary: Vocabulary) -> tuple[Node, list[Mistake]]:
    """The tree with the bounds of every `fail_if` where they mean the same: beside it, as parameters of the check.

    What `fail_if` holds besides stays there, for validation to refuse. A bound that is given in both places is a
    mistake, unless one of them is set on the command line.
    """
    checks = root.entries.get("checks")
    if checks is None or not checks.items:
        return root, []
    mistakes: list[Mistake] = []
    items = tuple(_unwrapped(check, _schema(check, vocabulary), mistakes) for check in checks.items)
    return root.with_entry("checks", replace(checks, value=items)), mistakes


def useless_warnings(root: Node, vocabulary: Vocabulary) -> Iterator[Mistake]:
    """Bounds of a `warn_if` that can never warn, or that mean nothing beside the rest of their check."""
    for check in root.entries["checks"].items if "checks" in root.entries else ():
        schema, given = _schema(check, vocabulary), check.entries.get(WARN_IF)
        if schema is None or given is None or _wrong(check, schema) or not is_valid(given.plain(), _form(schema)):
            continue
        loose = [mistake for name in schema.bounds if (mistake := _loose(check, given, name)) is not None]
        yield from loose
        wrong = None if loose else _wrong(replace(check, value={**check.entries, **given.entries}), schema)
        if wrong is not None:
            what, fix = wrong
            yield given.place.mistake(f"check {quoted(check.text_at('id') or '')}, by its `{WARN_IF}`, {what}", fix)


def _schema(check: Node, vocabulary: Vocabulary) -> CheckSchema | None:
    return vocabulary.checks.get(check.text_at("check") or "")


def _unwrapped(check: Node, schema: CheckSchema | None, mistakes: list[Mistake]) -> Node:
    given = check.entries.get(FAIL_IF)
    if given is None or schema is None or not given.entries:
        return check
    entries, left = dict(check.entries), dict(given.entries)
    for name in schema.bounds:
        node, own = left.get(name), check.entries.get(name)
        if node is None:
            continue
        del left[name]
        if own is None or (node.place.file == SET and own.place.file != SET):
            entries[name] = node
        elif own.place.file != SET:
            what = f"{quoted(name)} is given in `{FAIL_IF}` and beside it"
            mistakes.append((node.key_place or node.place).mistake(what, "remove one of them"))
    del entries[FAIL_IF]
    return replace(check, value={**entries, FAIL_IF: replace(given, value=left)} if left else entries)


def _loose(check: Node, given: Node, name: str) -> Mistake | None:
    """What is wrong with a bound that is broken only where the check's own is broken, too."""
    warn, own = given.entries.get(name), check.entries.get(name)
    if warn is None or own is None:
        return None
    if not (isinstance(warn.value, int | float) and isinstance(own.value, int | float)):
        return None
    largest = name.startswith("max")
    if warn.value < own.value if largest else warn.value > own.value:
        return None
    what = f"{quoted(name)} {scalar(warn.value)} can never warn: the check fails at {scalar(own.value)} already"
    return warn.place.mistake(what, f"write {'less' if largest else 'more'} than {scalar(own.value)}")


def _wrong(check: Node, schema: CheckSchema) -> tuple[str, str] | None:
    """What is wrong with the parameters of a check, and what to do; None where nothing is."""
    plain = {name: check.entries[name].plain() for name in schema.properties if name in check.entries}
    broken = next(violations(plain, {**_form(schema), "required": list(schema.required), **schema.extra}), None)
    if broken is None:
        return schema.refusal(plain)
    what, fix = in_words(broken, quoted(str(broken.path[-1])) if broken.path else "it")
    return f"is not complete: {what}", fix


def _form(schema: CheckSchema) -> dict[str, Any]:
    return {"properties": dict(schema.properties)}
