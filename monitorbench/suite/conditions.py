"""What each keyword of JSON Schema demands, in the words of a suite's author."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from monitorbench.suite.violations import Violation, is_valid
from monitorbench.suite.words import KINDS, either, found, nearest, quoted, scalar
from monitorbench.suite.yaml12 import FORMS

Words: TypeAlias = tuple[str, str]
"""What is wrong, and what to do about it."""

ALTERNATIVES = ("anyOf", "oneOf")
SWITCHES = ("on", "off", "yes", "no", "y", "n")
"""What YAML 1.1 reads as true and false."""


def _wrong_type(broken: Violation, subject: str) -> Words:
    value = broken.value
    kinds = (broken.demand,) if isinstance(broken.demand, str) else tuple(broken.demand)
    if isinstance(value, float) and not math.isfinite(value) and {"number", "integer"} & set(kinds):
        return f"{subject} wants a finite number, got {scalar(value)}", "write a number"
    return f"{subject} wants {either(KINDS[kind] for kind in kinds)}, got {found(value)}", _type_fix(kinds, value)


def _type_fix(kinds: tuple[str, ...], value: Any) -> str:
    numeric = "number" in kinds or "integer" in kinds
    if isinstance(value, str):
        if value.lower() in SWITCHES:
            return "write true or false" if "boolean" in kinds else f"{_write(kinds)}: YAML 1.2 reads on/yes as text"
        is_number = numeric and (FORMS["int"].match(value) or FORMS["float"].match(value))
        return "remove the quotes" if is_number else _write(kinds)
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return f"write {int(value)}"
    is_scalar = not isinstance(value, list | dict | None)
    return "put it in quotes" if "string" in kinds and is_scalar else _write(kinds)


def _write(kinds: tuple[str, ...]) -> str:
    return f"write {either(KINDS[kind] for kind in kinds)}"


# --- values that break a condition


def _choice(broken: Violation, subject: str) -> Words:
    value, names = broken.value, broken.demand
    title = broken.rule.get("title")
    what = f"unknown {title} {scalar(value)}" if title else f"{subject} cannot be {scalar(value)}"
    if isinstance(value, str) and all(isinstance(name, str) for name in names):
        return what, nearest(value, names)
    return what, f"write {either(scalar(name) for name in names)}"


def _constant(broken: Violation, subject: str) -> Words:
    return f"{subject} cannot be {scalar(broken.value)}", f"write {scalar(broken.demand)}"


def _pattern(broken: Violation, subject: str) -> Words:
    wanted = broken.rule.get("patternErrorMessage", f"text that matches {broken.demand}")
    return f"{subject} cannot be {scalar(broken.value)}", f"write {wanted}"


def _bound(relation: str) -> Callable[[Violation, str], Words]:
    def words(broken: Violation, subject: str) -> Words:
        limit = scalar(broken.demand)
        return (
            f"{subject} must be {relation} {limit}, got {scalar(broken.value)}",
            f"write a number that is {relation} {limit}",
        )

    return words


def _size(relation: str, unit: str) -> Callable[[Violation, str], Words]:
    def words(broken: Violation, subject: str) -> Words:
        limit, size = broken.demand, len(broken.value)
        if size == 0:
            return f"{subject} is empty", f"give it {relation} {limit} {unit}{'s' * (limit != 1)}"
        what = f"{subject} wants {relation} {limit} {unit}{'s' * (limit != 1)}, got {size}"
        return what, "remove some" if size > limit else "add some"

    return words


def _repeated(_broken: Violation, subject: str) -> Words:
    return f"{subject} holds the same item twice", "remove one of them"


def _needed(broken: Violation, _subject: str) -> Words:
    for key, needs in broken.demand.items():
        missing = [name for name in needs if isinstance(needs, list) and name not in broken.value]
        if key in broken.value and missing:
            return f"{quoted(key)} needs {' and '.join(map(quoted, missing))}", f"add `{missing[0]}:`"
    return "keys that need each other are not all there", "see the description of the check type"


def _excluded(broken: Violation, subject: str) -> Words:
    together = broken.demand.get("required") if isinstance(broken.demand, dict) else None
    if together:
        return f"{subject} cannot have {' and '.join(map(quoted, together))} together", "remove one of them"
    return f"{subject} cannot be {scalar(broken.value)}", "write another value"


# --- values that fit none, or too many, of several alternatives


def chosen(broken: Violation) -> list[Violation]:
    """The violations of the one alternative that the author can have meant; none when that is open."""
    if broken.keyword not in ALTERNATIVES:
        return []
    fits = [index for index, branch in enumerate(broken.demand) if _meant(branch, broken.value)]
    return [inner for inner in broken.inner if [inner.branch] == fits]


def _meant(branch: Mapping[str, Any], value: Any) -> bool:
    shape = {key: branch[key] for key in ("type", "required") if key in branch}
    return bool(shape) and is_valid(value, shape)


def _alternatives(broken: Violation, subject: str) -> Words:
    branches = broken.demand
    if isinstance(broken.value, dict) and all("required" in branch for branch in branches):
        return _key_alternatives(broken, subject, [branch["required"] for branch in branches])
    what = either(_wanted(branch) for branch in branches)
    if not broken.inner:
        return f"{subject} fits more than one of {what}", "write another value"
    return f"{subject} wants {what}, got {found(broken.value)}", f"write {what}"


def _key_alternatives(broken: Violation, subject: str, groups: list[list[str]]) -> Words:
    names = [" and ".join(map(quoted, group)) for group in groups]
    given = [name for name, group in zip(names, groups, strict=True) if all(key in broken.value for key in group)]
    share = "exactly one" if broken.keyword == "oneOf" else "at least one"
    what = f"{subject} wants {share} of {', '.join(names)}, got {' and '.join(given) or 'none'}"
    return what, f"keep {either(given)}" if given else f"add {either(names)}"


def _wanted(branch: Mapping[str, Any]) -> str:
    if "const" in branch:
        return scalar(branch["const"])
    if "enum" in branch:
        return either(scalar(name) for name in branch["enum"])
    kinds = branch.get("type", "object")
    return either(KINDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _forbidden(broken: Violation, subject: str) -> Words:
    rule = f"the rule {quoted(str(broken.keyword))} of its schema forbids it"
    return f"{subject} cannot be {scalar(broken.value)}", rule


_KEYWORDS: Mapping[str, Callable[[Violation, str], Words]] = {
    "type": _wrong_type,
    "enum": _choice,
    "const": _constant,
    "pattern": _pattern,
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("greater than"),
    "exclusiveMaximum": _bound("less than"),
    "multipleOf": _bound("a multiple of"),
    "minItems": _size("at least", "item"),
    "maxItems": _size("at most", "item"),
    "minLength": _size("at least", "character"),
    "maxLength": _size("at most", "character"),
    "minProperties": _size("at least", "key"),
    "maxProperties": _size("at most", "key"),
    "uniqueItems": _repeated,
    "dependencies": _needed,
    "not": _excluded,
    "anyOf": _alternatives,
    "oneOf": _alternatives,
}


def in_words(broken: Violation, subject: str) -> Words:
    """What is wrong with the value that `subject` names, and what to do about it.

    A schema that knows better than its keywords what to do says so by `errorMessage`, which editors show, too.
    """
    what, fix = _KEYWORDS.get(broken.keyword, _forbidden)(broken, subject)
    return what, broken.rule.get("errorMessage", fix)
