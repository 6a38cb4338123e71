"""JSON Schema validation (draft-07) with the numbers of suites: the violations as plain data."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft7Validator, TypeChecker, ValidationError, validators

from monitorbench.suite.tree import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One keyword of a schema that a value does not satisfy.

    Attributes:
        keyword: such as `minimum`.
        demand: the value of the keyword.
        value: the value that does not satisfy it.
        rule: the schema that the keyword stands in.
        path: keys and indices that lead to the value.
        branch: for a violation inside `anyOf` or `oneOf`, the index of the alternative.
        of_key: whether `value` is a key of the mapping at `path`, and not the value there.
        inner: for `anyOf` and `oneOf`, the violations of every alternative.
    """

    keyword: str
    demand: Any
    value: Any
    rule: Mapping[str, Any]
    path: Path
    branch: str | int | None
    of_key: bool
    inner: tuple[Violation, ...]


def _is_integer(_checker: TypeChecker, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: TypeChecker, value: object) -> bool:
    return _is_integer(checker, value) or (isinstance(value, float) and math.isfinite(value))


def _unique(
    validator: Draft7Validator, demanded: bool, items: Any, _schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """`uniqueItems` in linear time: the library compares every pair of items that cannot be sorted."""
    if demanded and validator.is_type(items, "array"):
        keys = [_identity(item) for item in items]
        if len(set(keys)) < len(keys):
            yield ValidationError("holds the same item twice")


def _identity(value: object) -> Hashable:
    """Equal for values that JSON Schema takes for equal: 1 and 1.0, but not 1 and true."""
    if isinstance(value, Mapping):
        return ("mapping", frozenset((key, _identity(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", *map(_identity, value))
    return (type(value).__name__ if isinstance(value, bool | str) else "", value)


# Draft-07 counts 2.0 as an integer and infinity as a number; code that uses the values does not.
_TYPES = Draft7Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
_Validator: type[Draft7Validator] = validators.extend(  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    Draft7Validator, {"uniqueItems": _unique}, type_checker=_TYPES
)


def is_valid(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether plain data satisfies a schema."""
    return _Validator(schema).is_valid(value)


def violations(value: Any, schema: Mapping[str, Any]) -> Iterator[Violation]:
    """Every violation of a schema by plain data; `required` comes once for each key that is missing."""
    return map(_violation, _Validator(schema).iter_errors(value))


def _violation(error: ValidationError) -> Violation:
    steps = list(error.relative_schema_path)
    return Violation(
        keyword=str(error.validator),
        demand=error.validator_value,
        value=error.instance,
        rule=error.schema if isinstance(error.schema, Mapping) else {},
        path=tuple(error.absolute_path),
        branch=steps[0] if error.parent is not None and steps else None,
        of_key=steps[-2:-1] == ["propertyNames"] and steps[-3:-2] != ["properties"],
        inner=tuple(map(_violation, error.context or ())),
    )
