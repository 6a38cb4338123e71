"""Prompts that several arms share are read once: what a model keeps of each is kept for the next batch that has it.

Shape suffixes: B rows, H heads, W prompt width, d width of a head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

from monitorbench.adapters.kept_rows import MOST, KeptRows

if TYPE_CHECKING:
    from torch import Tensor

Layer: TypeAlias = "tuple[int, Tensor, Tensor]"


class Prefills:
    """Keys and values (B, H, W, d) of every layer for prompts that were read, as they were handed to the cache."""

    def __init__(self, most: int = MOST) -> None:
        self._rows = KeptRows(most)
        self._layers: list[int] = []

    def forget(self) -> None:
        """Keep nothing of what was read so far."""
        self._rows.forget()

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
            if (kept := self._rows.together(names)) is not None:
                for layer, keys, values in zip(self._layers, kept[::2], kept[1::2], strict=True):
                    cache.update(keys, values, layer)
                return SimpleNamespace(past_key_values=cache)
            with _seen(cache) as layers:
                output = read(**inputs)
            self._layers = [layer for layer, _, _ in layers]
            self._rows.keep(names, [part for _, *parts in layers for part in parts])
            return output

        reader.forward = first
        try:
            yield
        finally:
            del reader.forward


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
