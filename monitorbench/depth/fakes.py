"""Runs operations on fake tensors, and works out only once what comes out of equal operations on equal shapes.

A model repeats its blocks, so nearly every operation has been seen before. Fake tensors know this too, but finding that
out costs them most of the time of a trace.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, in_kernel_invocation_manager

from monitorbench.depth.costs import operation_name

_SHAPED_BY_ARGUMENTS = ("aten", "monitorbench")
"""Libraries whose operations give shapes that depend on nothing but their arguments."""

_SHAPED_BY_VALUES = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
_VIEWS_BY_KERNEL = ("_unsafe_view",)
_PLAIN = (bool, int, float, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format)

Layout: TypeAlias = tuple[torch.Size, tuple[int, ...], torch.dtype, torch.device]
"""Shape, strides, type, and the device that is stood in for."""


class _NotPlainError(Exception):
    """An argument of which more than shape and type may matter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What the schema of an operation says.

    Attributes:
        name: the name that rules use.
        defaults: every argument with its default, in order; None where it has none.
        mutated: arguments that are written to.
        is_view: whether what comes out is a view of what goes in.
        keeps_memory: whether it is one or, in spite of its schema, shares memory like one.
        is_function: whether everything that comes out is new, with a shape that follows from the arguments' shapes.
    """

    name: str
    defaults: Mapping[str, Any]
    mutated: tuple[str, ...]
    is_view: bool
    keeps_memory: bool
    is_function: bool

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Every argument by its name."""
        return {**self.defaults, **dict(zip(self.defaults, args, strict=False)), **kwargs}


@cache
def signature(func: Any) -> Signature:
    """The signature of an operation with its overload."""
    schema = func._schema
    name = operation_name(schema.name)
    taken, given = [[item.alias_info for item in items] for items in (schema.arguments, schema.returns)]
    is_view = bool(given) and all(alias is not None and not alias.is_write for alias in given)
    return Signature(
        name=name,
        defaults={a.name: a.default_value if a.has_default_value() else None for a in schema.arguments},
        mutated=tuple(a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write),
        is_view=is_view,
        keeps_memory=is_view or name in _VIEWS_BY_KERNEL,
        is_function=not any([*taken, *given])
        and func.namespace in _SHAPED_BY_ARGUMENTS
        and not any(tag in func.tags for tag in _SHAPED_BY_VALUES),
    )


class FakeOperations:
    """Runs operations in one fake mode.

    Args:
        fake_mode: the mode that all tensors belong to.
    """

    def __init__(self, fake_mode: FakeTensorMode) -> None:
        self._fake_mode = fake_mode
        self._layouts: dict[Hashable, tuple[Layout, ...] | None] = {}

    def run(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the operation gives under the fake mode."""
        if func is torch.ops.prim.device.default:
            return args[0].fake_device
        known = signature(func)
        if not (known.keeps_memory or known.is_function):
            return func(*args, **kwargs)
        try:
            key = func, torch.get_default_dtype(), *_described((args, tuple(kwargs.items())))
        except _NotPlainError:
            return func(*args, **kwargs)
        if known.keeps_memory:
            return self._view(func, args, kwargs)
        layouts = self._layouts.get(key)
        if layouts is not None:
            return self._made(func, layouts)
        outputs = func(*args, **kwargs)
        if key not in self._layouts:
            self._layouts[key] = _layouts(outputs, (args, tuple(kwargs.values())))
        return outputs

    def _made(self, func: Any, layouts: tuple[Layout, ...]) -> Any:
        with in_kernel_invocation_manager(self._fake_mode):
            bare = [torch.empty_strided(size, stride, dtype=dtype, device="meta") for size, stride, dtype, _ in layouts]
        made = [FakeTensor(self._fake_mode, tensor, device) for tensor, (*_, device) in zip(bare, layouts, strict=True)]
        return made[0] if len(func._schema.returns) == 1 else tuple(made)

    def _view(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """A view is made faster than found: the plain kernel gives it without a look at any data."""
        device = next(tensor.fake_device for tensor in _tensors((args, tuple(kwargs.values()))))
        with in_kernel_invocation_manager(self._fake_mode):
            outputs = func(*args, **kwargs)
        if isinstance(outputs, Tensor):
            return FakeTensor(self._fake_mode, outputs, device)
        return type(outputs)(FakeTensor(self._fake_mode, tensor, device) for tensor in outputs)


def _described(values: Any) -> Iterator[Hashable]:
    """All that the shape of an output may depend on.

    Raises:
        _NotPlainError: there is a tensor that is no fake or has a known value, or something of which nothing is known.
    """
    for value in values:
        if isinstance(value, Tensor):
            if not isinstance(value, FakeTensor) or value.constant is not None or not _is_plain(value):
                raise _NotPlainError
            yield value.shape
            yield value.stride()
            yield value.dtype
            yield value.fake_device
        elif isinstance(value, _PLAIN):
            yield type(value).__name__  # 1, 1.0 and True are equal, and give outputs of different types
            yield value
        elif isinstance(value, (tuple, list)):
            yield len(value)
            yield from _described(value)
        else:
            raise _NotPlainError


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not tensor.dtype.is_complex and not tensor.is_neg()


def _layouts(outputs: Any, inputs: Any) -> tuple[Layout, ...] | None:
    """Layouts of what came out; None where it is no more than new plain tensors."""
    given = outputs if isinstance(outputs, tuple) else (outputs,)
    taken = {tensor.untyped_storage()._cdata for tensor in _tensors(inputs)}
    for tensor in given:
        new = isinstance(tensor, FakeTensor) and tensor.untyped_storage()._cdata not in taken
        if not new or tensor.constant is not None or not _is_plain(tensor) or tensor.storage_offset():
            return None
    return tuple((tensor.shape, tensor.stride(), tensor.dtype, tensor.fake_device) for tensor in given)


def _tensors(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)
