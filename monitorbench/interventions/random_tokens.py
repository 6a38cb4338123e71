"""The same probabilities at every position, of random tokens.

Shape suffixes: B rows, P positions, N positions worked on at once, V vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from monitorbench.adapters.base import Index

MOST_AT_ONCE = 2**22
"""Places worked on at a time, 32 MB: a vocabulary times all positions can be far more."""


def random_identities(logits_BPV: Tensor, seeds: Sequence[int], index: Index) -> Tensor:
    """Logits (B, P, V) that hold at every position the same numbers as before, at other tokens.

    Every row has one permutation of the vocabulary and for each position another shift in it, so that no two positions
    share which token became which, unless there are more of them than tokens. Both are drawn on the CPU from the seed
    of the row, the block, the step and the loop: they depend neither on other rows nor on the device.
    """
    V = logits_BPV.shape[-1]
    at_once = max(1, MOST_AT_ONCE // V)
    mixed_BPV = torch.empty_like(logits_BPV)
    for row, seed in enumerate(seeds):
        permutation_V, shift_P1 = _drawn(seed, index, logits_BPV.shape[1], V)
        permutation_V, shift_P1 = permutation_V.to(logits_BPV.device), shift_P1.to(logits_BPV.device)
        for start in range(0, len(shift_P1), at_once):
            part = slice(start, start + at_once)
            source_NV = (permutation_V + shift_P1[part]) % V
            mixed_BPV[row, part] = logits_BPV[row, part].gather(-1, source_NV)
    return mixed_BPV


def _drawn(seed: int, index: Index, P: int, V: int) -> tuple[Tensor, Tensor]:
    key = f"random tokens/{seed}/{index.block}/{index.step}/{index.loop}".encode()
    generator = torch.Generator().manual_seed(int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") >> 1)
    # Not `randint`: while a model generates, calls of it are counted as draws of the sampler.
    permutation_V, shifts_V = (torch.randperm(V, generator=generator) for _ in range(2))
    return permutation_V, shifts_V[torch.arange(P) % V, None]
