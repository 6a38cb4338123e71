"""Prompts that several arms share are read once: what a model keeps of each is kept for the next batch that has it.

Shape suffixes: H heads, W prompt width, d width of a head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

MOST = 2**29
"""Bytes that are kept at most, beside the model and on its device; further prompts are read anew every time."""
Name: TypeAlias = "tuple[int, int, tuple[int, ...]]"
Layer: TypeAlias = "tuple[int, Tensor, Tensor]"


class Prefills:
    """Keys and values (H, W, d) of every layer for each prompt that was read, as they were handed to the cache.

    A prompt's values are those of one batch shape: its rows and width are a part of its name, so that what is put back
    is bit for bit what reading it again would give.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most, self._bytes = most, 0
        self._kept: dict[Name, list[Layer]] = {}

    @contextmanager
    def shared(self, reader: Any, prompts: Sequence[Sequence[int]], width: int) -> Iterator[None]:
        """For one generation: the first call of `reader` reads the prompts, or gets back what it made of them before.

        Args:
            reader: a module that is called with `past_key_values`, fills it, and of whose output nothing else is used.
            prompts: the prompt of each row.
            width: the width that they are padded to.
        """
        names = [(len(prompts), width, tuple(prompt)) for prompt in prompts]
        read = reader.forward

        def first(**inputs: Any) -> Any:
            reader.forward = read
            cache = inputs["past_key_values"]
            if all(name in self._kept for name in names):
                self._put_back(names, cache)
                return SimpleNamespace(past_key_values=cache)
            with _seen(cache) as layers:
                output = read(**inputs)
            self._keep(names, layers)
            return output

        reader.forward = first
        try:
            yield
        finally:
            del reader.forward

    def _put_back(self, names: Sequence[Name], cache: Any) -> None:
        import torch

        for layers in zip(*(self._kept[name] for name in names), strict=True):
            keys, values = (torch.stack([layer[part] for layer in layers]) for part in (1, 2))
            cache.update(keys, values, layers[0][0])

    def _keep(self, names: Sequence[Name], layers: Sequence[Layer]) -> None:
        for row, name in enumerate(names):
            size = sum(keys[row].nbytes + values[row].nbytes for _, keys, values in layers)
            if name not in self._kept and self._bytes + size <= self._most:
                self._bytes += size
                self._kept[name] = [(index, keys[row].clone(), values[row].clone()) for index, keys, values in layers]


@contextmanager
def _seen(cache: Any) -> Iterator[list[Layer]]:
    """What a cache is handed while the context lasts, before it makes its own of it."""
    layers: list[Layer] = []
    update = cache.update

    def watched(keys: Tensor, values: Tensor, index: int, *rest: Any, **named: Any) -> Any:
        layers.append((index, keys, values))
        return update(keys, values, index, *rest, **named)

    cache.update = watched
    try:
        yield layers
    finally:
        del cache.update
