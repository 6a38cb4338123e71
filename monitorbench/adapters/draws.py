"""Random draws that depend on a row's seed, the block and the step only: never on the other rows of the batch.

Shape suffixes: B rows, N rows times positions, V vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class SeededDraws(TorchFunctionMode):
    """While entered, `torch.multinomial` and `torch.randint` draw row by row from counter-based seeds.

    A model's own generation loop draws from the global generator, one call for the whole batch, so that a row's
    tokens would depend on the batch it stands in. Here the draw of row b is a function of (seed of b, block, number
    of the call inside the block). Uniform numbers are drawn on the CPU, so that devices agree.

    Args:
        seeds: seed of each row.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        super().__init__()
        self._seeds = tuple(seeds)
        self._generator = torch.Generator()
        self._block = self._call = 0

    def start(self, block: int) -> None:
        """Begin a block; its draws do not depend on how many were made before."""
        self._block, self._call = block, 0

    def reseed(self, seeds: Sequence[int]) -> None:
        """Rows draw from other seeds from the next call on; the count of calls goes on."""
        self._seeds = tuple(seeds)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.multinomial:
            return self._multinomial(*args, **kwargs)
        if func is torch.randint:
            return self._randint(**kwargs)
        return func(*args, **kwargs)

    def _uniform(self, width: int) -> Tensor:
        """(B, width) float64 in [0, 1)."""
        rows = []
        for seed in self._seeds:
            key = hashlib.blake2b(f"{seed}/{self._block}/{self._call}".encode(), digest_size=8).digest()
            self._generator.manual_seed(int.from_bytes(key, "big") >> 1)
            rows.append(torch.rand(width, generator=self._generator, dtype=torch.float64))
        self._call += 1
        return torch.stack(rows)

    def _multinomial(self, probabilities_NV: Tensor, num_samples: int = 1, replacement: bool = False) -> Tensor:
        """One sample per row of `probabilities_NV`, by inverting the cumulative distribution."""
        del replacement
        if num_samples != 1:
            raise RuntimeError(f"seeded draws give one sample a row, {num_samples} were asked for")
        width = probabilities_NV.shape[0] // len(self._seeds)
        uniform_N1 = self._uniform(width).reshape(-1, 1).to(probabilities_NV.device)
        cumulative_NV = probabilities_NV.double().cumsum(-1)
        reached_NV = cumulative_NV > uniform_N1 * cumulative_NV[:, -1:]
        return reached_NV.to(torch.int8).argmax(-1, keepdim=True)

    def _randint(self, *, low: int = 0, high: int, size: Sequence[int], device: Any = None) -> Tensor:
        """Integers in [low, high) of shape (B, ...)."""
        width = torch.Size(size[1:]).numel()
        return (low + (self._uniform(width) * (high - low)).long()).reshape(tuple(size)).to(device)
