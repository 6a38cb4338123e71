"""What the schema of an operation says about memory: what is new, what is a view, what is written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

import torch

from monitorbench.depth.costs import operation_name

Gives: TypeAlias = Literal["new", "view", "first"]
"""Where what comes out lies: in new memory, in that of the first argument, or it is the first argument."""

_SHAPED_BY_ARGUMENTS = ("aten", "monitorbench")
"""Libraries whose operations give shapes that depend on nothing but their arguments."""

_SHAPED_BY_VALUES = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
_VIEWS_BY_KERNEL = ("_unsafe_view",)
_SHAPED_BY_MASKS = ("index", "_unsafe_index")


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What the schema of an operation says.

    Attributes:
        name: the name that rules use.
        defaults: every argument with its default, in order; None where it has none.
        mutated: arguments that are written to.
        is_view: whether what comes out is a view of what goes in.
        gives: where all that comes out lies, which the kernel may know better than the schema; None where its layout
            does not follow from the arguments' layouts.
        unless_masked: whether it does not follow, either, where an argument is a mask.
    """

    name: str
    defaults: Mapping[str, Any]
    mutated: tuple[str, ...]
    is_view: bool
    gives: Gives | None
    unless_masked: bool

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Every argument by its name."""
        return {**self.defaults, **dict(zip(self.defaults, args, strict=False)), **kwargs}


@cache
def signature(func: Any) -> Signature:
    """The signature of an operation with its overload."""
    schema = func._schema
    name = operation_name(schema.name)
    is_view = bool(schema.returns) and all(_aliases(item, write=False) for item in schema.returns)
    return Signature(
        name=name,
        defaults={a.name: a.default_value if a.has_default_value() else None for a in schema.arguments},
        mutated=tuple(a.name for a in schema.arguments if _aliases(a, write=True)),
        is_view=is_view,
        gives="view" if is_view or name in _VIEWS_BY_KERNEL else _gives(func, name),
        unless_masked=name in _SHAPED_BY_MASKS,
    )


def _gives(func: Any, name: str) -> Gives | None:
    taken, given = func._schema.arguments, func._schema.returns
    by_values = name not in _SHAPED_BY_MASKS and _SHAPED_BY_VALUES.intersection(func.tags)
    if func.namespace not in _SHAPED_BY_ARGUMENTS or by_values:
        return None
    if all(item.alias_info is None for item in (*taken, *given)):
        return "new"
    in_place = func._schema.name.endswith("_") and torch.Tag.inplace_view not in func.tags
    written = [_aliases(item, write=True) for item in taken]
    return "first" if in_place and written[0] and sum(written) == len(given) == 1 else None


def _aliases(item: Any, *, write: bool) -> bool:
    return item.alias_info is not None and item.alias_info.is_write == write
