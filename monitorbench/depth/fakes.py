"""Runs operations on fake tensors, and works out only once what comes out of equal operations on equal layouts.

A model repeats its blocks, so nearly every operation has been seen before. Fake tensors know this too, but finding that
out, and checking what a new one is made of, costs them most of the time of a trace.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, in_kernel_invocation_manager
from torch.utils._mode_utils import no_dispatch

from monitorbench.depth.signatures import Signature, signature

_LIFT = torch.ops.aten.lift_fresh.default
_META = torch.device("meta")
_PLAIN = {bool, int, float, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format}
_MASKS = {torch.bool, torch.uint8}
_COMPLEX = {torch.complex32, torch.complex64, torch.complex128}


class _Layout(NamedTuple):
    shape: torch.Size
    strides: tuple[int, ...]
    offset: int
    dtype: torch.dtype
    device: torch.device


class _Outcome(NamedTuple):
    """What came out of an operation: layouts, and the kind of sequence that they are in, if they are in one."""

    layouts: tuple[_Layout, ...]
    sequence: type | None = None


class FakeOperations:
    """Runs operations in one fake mode.

    Args:
        fake_mode: the fake mode, which is on whenever something runs.
    """

    def __init__(self, fake_mode: FakeTensorMode) -> None:
        self._fake_mode = fake_mode
        self._outcomes: dict[Hashable, _Outcome | None] = {}
        self._blanks: dict[torch.device, dict[str, Any]] = {}
        unsafe = fake_mode._allow_unsafe_data_ptr_access
        self._guard = getattr(torch._C, f"_set_{'warn_deprecated' if unsafe else 'throw'}_on_mutable_data_ptr")

    def run(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the operation gives under the fake mode."""
        if func is _LIFT and type(args[0]) is Tensor:
            return self._lifted(args[0])
        known = signature(func)
        described = _described(func, known, args, kwargs)
        if described is None:
            return func(*args, **kwargs)
        key, tensors = described
        outcome = self._outcomes.get(key)
        if outcome is not None:
            return self._again(outcome, known, tensors)
        is_view = known.gives == "view"
        outputs = self._view(func, args, kwargs, tensors[0].fake_device) if is_view else func(*args, **kwargs)
        if key not in self._outcomes:
            unchanged = _described(func, known, args, kwargs) == described
            self._outcomes[key] = _outcome(outputs, known, tensors) if unchanged else None
        return outputs

    def _again(self, outcome: _Outcome, known: Signature, tensors: Sequence[FakeTensor]) -> Any:
        if known.gives == "first":
            return tensors[0]
        if known.gives == "new":
            with torch._C._DisableTorchDispatch():
                made = [self._made(layout) for layout in outcome.layouts]
        else:
            with self._in_kernel(tensors[0].fake_device):
                made = [self._shown(layout, tensors[0]) for layout in outcome.layouts]
        return made[0] if outcome.sequence is None else outcome.sequence(made)

    def _in_kernel(self, device: torch.device) -> AbstractContextManager[object]:
        """Where a view is taken: by the kernel of the device, or of meta tensors if there may be no such device."""
        if device.type == "cpu":
            return torch._C._DisableTorchDispatch()
        return in_kernel_invocation_manager(self._fake_mode)

    def _view(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], device: torch.device) -> Any:
        """The plain kernel gives a view without a look at any data."""
        with in_kernel_invocation_manager(self._fake_mode):
            outputs = func(*args, **kwargs)
        if isinstance(outputs, Tensor):
            return self._fake(outputs, device)
        return type(outputs)(self._fake(tensor, device) for tensor in outputs)

    def _made(self, layout: _Layout) -> FakeTensor:
        bare = torch.empty_strided(layout.shape, layout.strides, dtype=layout.dtype, device=_META)
        return self._fake(bare, layout.device)

    def _shown(self, layout: _Layout, base: Tensor) -> FakeTensor:
        return self._fake(torch.as_strided(base, layout.shape, layout.strides, layout.offset), layout.device)

    def _fake(self, bare: Tensor, device: torch.device) -> FakeTensor:
        """A fake tensor such as its constructor makes, without what that checks each time."""
        blank = self._blanks.get(device)
        if blank is None:
            fake = FakeTensor(self._fake_mode, bare, device)
            self._blanks[device] = dict(vars(fake))
            return fake
        fake = Tensor._make_subclass(
            FakeTensor, bare, bare.requires_grad, dispatch_device=True, device_for_backend_keys=blank["_fake_device"]
        )
        self._guard(fake)
        vars(fake).update(blank)
        return fake

    def _lifted(self, value: Tensor) -> Any:
        """What `torch.tensor` gives: a fake, of which the value stays known if it is a single number."""
        key = _LIFT, value.shape, value.stride(), value.dtype, value.device, value.requires_grad
        if not _is_plain(value):
            return _LIFT(value)
        outcome = self._outcomes.get(key)
        if outcome is None:
            fake = _LIFT(value)
            self._outcomes[key] = None if fake.constant is None else _Outcome((_layout_of(fake),))
            return fake
        with no_dispatch():
            fake = self._made(outcome.layouts[0])
            fake.constant = value.clone()
        self._fake_mode.fake_tensor_converter.add_constant_storage_mapping(fake)
        return fake


def _described(
    func: Any, known: Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Hashable, tuple[FakeTensor, ...]] | None:
    """All that the layout of an output may depend on, and the tensors among the arguments.

    None where there is more: a tensor that is no fake or has a known value, or something of which nothing is known.
    """
    key: list[Any] = [func, torch.get_default_dtype()]
    tensors: list[FakeTensor] = []
    if known.gives is None or not (_describe(args, key, tensors) and _describe(kwargs.items(), key, tensors)):
        return None
    constants = [tensor for tensor in tensors if tensor.constant is not None]
    if constants:
        without_value = known.gives == "new" and not any(tensor.numel() for tensor in constants)
        if len(constants) == len(tensors) or not without_value:
            return None
    if known.unless_masked and any(tensor.dtype in _MASKS for tensor in tensors[1:]):
        return None
    if known.gives == "view":
        key.append(tensors[0].storage_offset())
    return tuple(key), tuple(tensors)


def _describe(values: Iterable[Any], key: list[Any], tensors: list[FakeTensor]) -> bool:
    """Add to what is known of arguments; False where that is not all there is to know."""
    for value in values:
        kind = type(value)
        if kind is FakeTensor and _is_plain(value):
            key += value.shape, value.stride(), value.dtype, value.fake_device
            tensors.append(value)
        elif kind in _PLAIN:
            key += (kind, value)  # 1, 1.0 and True are equal, and give outputs of different types
        elif isinstance(value, (tuple, list)):
            key.append(len(value))
            if not _describe(value, key, tensors):
                return False
        else:
            return False
    return True


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and tensor.dtype not in _COMPLEX and not tensor.is_neg()


def _outcome(outputs: Any, known: Signature, taken: Sequence[Tensor]) -> _Outcome | None:
    """What came out, if it can be made again from its layout."""
    if known.gives == "first":
        return _Outcome(()) if outputs is taken[0] else None
    made = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    again = _is_view_again if known.gives == "view" else _is_new
    if not all(isinstance(tensor, FakeTensor) and _is_plain(tensor) and again(tensor, taken) for tensor in made):
        return None
    return _Outcome(tuple(map(_layout_of, made)), type(outputs) if made is outputs else None)


def _is_view_again(tensor: FakeTensor, taken: Sequence[Tensor]) -> bool:
    return _storage(tensor) == _storage(taken[0]) and tensor.dtype is taken[0].dtype


def _is_new(tensor: FakeTensor, taken: Sequence[Tensor]) -> bool:
    fresh = _storage(tensor) not in map(_storage, taken)
    return fresh and tensor.constant is None and not tensor.storage_offset()


def _storage(tensor: Tensor) -> int:
    number: int = tensor.untyped_storage()._cdata
    return number


def _layout_of(tensor: FakeTensor) -> _Layout:
    return _Layout(tensor.shape, tensor.stride(), int(tensor.storage_offset()), tensor.dtype, tensor.fake_device)
