"""Report dataclasses to plain JSON values and back. The type annotations of the dataclasses are the only map used."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from monitorbench.report.model import Report

Made = TypeVar("Made")


class InvalidReportError(ValueError):
    """A report that must not be written: the fault of the code that made it, never of the user."""


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain dicts, lists, strings, numbers, booleans and None.

    Fields keep the order of their dataclass and free-form mappings are sorted by key, so equal reports give equal text.

    Raises:
        InvalidReportError: if a value is not strict JSON (NaN, an array, a key that is not text), with its place.
    """
    return cast(dict[str, Any], _plain(report, "report"))


def from_json(payload: Mapping[str, Any]) -> Report:
    """The report that `to_json` made `payload` from. The payload has to fit the schema already."""
    return cast(Report, _typed(Report, payload))


def plain(value: object, place: str) -> Any:
    """A dataclass, or what one holds, as `to_json` writes it; `place` is what an error calls it.

    Raises:
        InvalidReportError: as `to_json`.
    """
    return _plain(value, place)


def typed(cls: type[Made], payload: Mapping[str, Any]) -> Made:
    """The dataclass that `plain` made `payload` from. The payload has to fit its schema already."""
    return cast(Made, _typed(cls, payload))


def without_none(hint: Any) -> tuple[Any, bool]:
    """An annotation without its `| None`, and whether it had one."""
    if get_origin(hint) not in (Union, UnionType):
        return hint, False
    (kept,) = [arg for arg in get_args(hint) if arg is not NoneType]
    return kept, True


@cache
def field_types(cls: type) -> Mapping[str, Any]:
    """Resolved annotation of every field of a dataclass, in order."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _plain(value: object, place: str) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidReportError(f"internal error: {place} is {value}, which JSON cannot hold; store None instead")
        return value
    if isinstance(value, tuple | list):
        return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return _plain_mapping(value, place)
    if dataclasses.is_dataclass(value):
        return {name: _plain(getattr(value, name), f"{place}.{name}") for name in field_types(cast(type, type(value)))}
    raise InvalidReportError(f"internal error: {place} is a {type(value).__name__}, which JSON cannot hold")


def _plain_mapping(mapping: Mapping[Any, object], place: str) -> dict[str, Any]:
    for key in mapping:
        if not isinstance(key, str):
            raise InvalidReportError(f"internal error: {place} has the key {key!r}; keys have to be text")
    return {str(key): _plain(mapping[key], f"{place}.{key}") for key in sorted(mapping)}


def _typed(hint: Any, value: Any) -> Any:
    kept, _ = without_none(hint)
    if value is None:
        return None
    if dataclasses.is_dataclass(kept):
        types = field_types(cast(type, kept))
        return cast(type, kept)(**{name: _typed(types[name], item) for name, item in value.items()})
    if get_origin(kept) is tuple:
        return tuple(_typed(get_args(kept)[0], item) for item in value)
    if isinstance(kept, type) and issubclass(kept, Enum):
        return kept(value)
    # In JSON, 1 and 1.0 are one number; sums and formats tell them apart.
    return float(value) if kept is float else value
