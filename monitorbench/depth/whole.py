"""Operations that stay whole while a program is traced, so that no kernel, device or type changes the count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_ATTENTION = (
    "(Tensor query, Tensor key, Tensor value, Tensor? attn_mask, int keys, float scaling, float? softcap, "
    "Tensor? position_bias) -> Tensor"
)
_GROUPED_PRODUCT = "(Tensor rows, Tensor matrices, Tensor ends) -> Tensor"


def _attention_shape(query: Tensor, _key: Tensor, value: Tensor, *_: Any) -> Tensor:
    return query.new_empty((*query.shape[:-1], value.shape[-1]))


def _grouped_product_shape(rows: Tensor, matrices: Tensor, _ends: Tensor) -> Tensor:
    return rows.new_empty((rows.shape[0], matrices.shape[-1]))


for _name, _schema, _shape in (
    ("attention", _ATTENTION, _attention_shape),
    ("grouped_product", _GROUPED_PRODUCT, _grouped_product_shape),
):
    torch.library.define(f"monitorbench::{_name}", _schema)
    torch.library.register_fake(f"monitorbench::{_name}", _shape)


class WholeOperations(TorchFunctionMode):
    """Replaces functions that kernels differ in by operations of our own, which have only shapes and a depth rule."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Replace the few and pass the others on."""
        return _WHOLE.get(func, func)(*args, **(kwargs or {}))


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None,
    *,
    keys: int,
    scaling: float | None,
    softcap: float | None = None,
    position_bias: Tensor | None = None,
) -> Tensor:
    """Attention as one operation: queries (B, heads, P, head_dim), of which each sees `keys` keys.

    A bias by position, broadcastable to (B, heads, P, keys), is added to the scores like any other number, and is not
    a mask.
    """
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    result: Tensor = torch.ops.monitorbench.attention(
        query, key, value, attn_mask, keys, scaling, softcap, position_bias
    )
    return result


def _scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *_: Any, **options: Any
) -> Tensor:
    """Nothing is dropped in inference, a causal mask is structure, and sharing keys among heads moves data."""
    return attention(query, key, value, attn_mask, keys=key.shape[-2], scaling=options.get("scale"))


def _grouped_mm(
    mat_a: Tensor, mat_b: Tensor, offs: Tensor, bias: Tensor | None = None, out_dtype: torch.dtype | None = None
) -> Tensor:
    product: Tensor = torch.ops.monitorbench.grouped_product(mat_a, mat_b, offs)
    product = product if out_dtype is None else product.to(out_dtype)
    return product if bias is None else product + bias


def _kept(input: Tensor, *_: Any, **__: Any) -> Tensor:  # noqa: A002 - torch's own name of the argument
    """Nothing is dropped in inference, whether or not the module happens to be in training."""
    return input


def _places(index: Any) -> tuple[Any, ...] | None:
    """An index whose numbers are tensors, so that it need not be read as a number; None for any other."""
    entries = index if isinstance(index, tuple) else (index,)
    computed = [isinstance(entry, Tensor) and entry.dim() == 0 and entry.dtype != torch.bool for entry in entries]
    numbers = [type(entry) is int for entry in entries]
    if not any(computed) or not all(a or b for a, b in zip(computed, numbers, strict=True)):
        return None
    return tuple(entry[None] if isinstance(entry, Tensor) else entry for entry in entries)


def _get(tensor: Tensor, index: Any) -> Tensor:
    places = _places(index)
    return tensor[index] if places is None else tensor[places][0]


def _set(tensor: Tensor, index: Any, value: Any) -> None:
    places = _places(index)
    tensor[index if places is None else places] = value


_WHOLE: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys(
        (
            torch.nn.functional.dropout,
            torch.nn.functional.dropout1d,
            torch.nn.functional.dropout2d,
            torch.nn.functional.dropout3d,
            torch.nn.functional.alpha_dropout,
            torch.nn.functional.feature_alpha_dropout,
        ),
        _kept,
    ),
    torch.nn.functional.scaled_dot_product_attention: _scaled_dot_product_attention,
    torch._grouped_mm: _grouped_mm,
    Tensor.__getitem__: _get,
    Tensor.__setitem__: _set,
}
