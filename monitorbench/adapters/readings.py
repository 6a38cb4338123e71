"""What a causal model makes of prompts, kept for the next batch that has them: arms that share prompts read them once.

Shape suffixes: B rows, W prompt width, d width of the model, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from monitorbench.adapters.kept_rows import MOST, KeptRows, Name

if TYPE_CHECKING:
    from torch import Tensor

Weights: TypeAlias = "list[tuple[Tensor, int, int]]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a forward pass leaves for the next one.

    Attributes:
        cache: past_key_values.
        state_B1d: the last hidden state at the last position.
        logits_B1V: what is predicted there.
    """

    cache: Any
    state_B1d: Tensor
    logits_B1V: Tensor


class Readings:
    """Readings of prompts of one model, as it is: whatever changes a weight or a buffer of it makes all be forgotten.

    Only keys and values are kept, and of a model that is not being trained. One whose cache holds anything else reads
    its prompts every time.
    """

    def __init__(self, most: int = MOST) -> None:
        self._rows = KeptRows(most)
        self._caches: dict[tuple[int, int], Any] = {}
        self._weights: Weights = []

    def forget(self) -> None:
        """Keep nothing of what was read so far."""
        self._rows.forget()
        self._caches.clear()

    def of(self, model: Any, ids_BW: Tensor, mask_BW: Tensor, read: Callable[[], Reading]) -> Reading:
        """The reading of a batch of prompts: what `read` gives, or gave before, bit for bit.

        Args:
            model: a causal model of transformers.
            ids_BW: the prompts.
            mask_BW: 0 where there is padding and 1 elsewhere.
            read: reads them.
        """
        if not _is_at_rest(model):
            return read()
        weights = _weights(model)
        if not _same(weights, self._weights):
            self.forget()
            self._weights = weights
        B, W = ids_BW.shape
        names = [(B, W, tuple(ids[mask].tolist())) for ids, mask in zip(ids_BW, mask_BW.bool(), strict=True)]
        kept = self._rows.together(names)
        if kept is not None:
            return self._put_back((B, W), kept)
        reading = read()
        # Some models adapt themselves to the lengths that they read; then reading also does what is not kept.
        if _keeps_keys_and_values(reading.cache, B) and _same(_weights(model), weights):
            self._keep((B, W), names, reading)
        return reading

    def _keep(self, shape: tuple[int, int], names: Sequence[Name], reading: Reading) -> None:
        held = [part for layer in _filled(reading.cache.layers) for part in (layer.keys, layer.values)]
        self._rows.keep(names, [reading.state_B1d, reading.logits_B1V, *held])
        self._caches[shape] = _like(reading.cache, [None] * len(held))

    def _put_back(self, shape: tuple[int, int], kept: Sequence[Tensor]) -> Reading:
        state_B1d, logits_B1V, *held = kept
        return Reading(cache=_like(self._caches[shape], held), state_B1d=state_B1d, logits_B1V=logits_B1V)


def _filled(layers: Sequence[Any]) -> list[Any]:
    """Those that hold something; the others use what the model computed for a layer before them."""
    return [layer for layer in layers if layer.is_initialized and hasattr(layer, "dtype")]


def _like(cache: Any, held: Sequence[Tensor | None]) -> Any:
    """A cache that is like this one but for what it holds: keys and values of every filled layer, one after the other.

    Layers replace what they hold and never write to it.
    """
    twin = copy(cache)
    twin.layers = [copy(layer) for layer in cache.layers]
    for layer, keys, values in zip(_filled(twin.layers), held[::2], held[1::2], strict=True):
        layer.keys, layer.values = keys, values
    return twin


def _keeps_keys_and_values(cache: Any, B: int) -> bool:
    """Whether a cache is one that grows, with keys and values (B, ...) in its layers, and holds nothing else."""
    from transformers.cache_utils import DummyLayer, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    return (
        type(cache) is DynamicCache
        and not cache.offloading
        and vars(cache).keys() == vars(DynamicCache()).keys()
        and all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer, DummyLayer) for layer in cache.layers)
        and all(len(layer.keys) == len(layer.values) == B for layer in _filled(cache.layers))
    )


def _is_at_rest(model: Any) -> bool:
    """Whether reading draws nothing at random and every change of a weight can be seen."""
    return not any(part.training for part in model.modules()) and not any(
        part.is_inference() for part in chain(model.parameters(), model.buffers())
    )


def _weights(model: Any) -> Weights:
    """Every parameter and buffer, where it lies, and how often it was written to."""
    return [(part, part.data_ptr(), part._version) for part in chain(model.parameters(), model.buffers())]


def _same(some: Weights, others: Weights) -> bool:
    return len(some) == len(others) and all(
        one is other and place == its_place and count == its_count
        for (one, place, count), (other, its_place, its_count) in zip(some, others, strict=True)
    )
