"""At the size of a real vocabulary, nothing as large as the logits is made beside the result.

Shape suffixes: P positions, V vocabulary.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from monitorbench.adapters.base import Index
from monitorbench.interventions.keeping import Keep, keep_min_p, keep_top_k, keep_top_p
from monitorbench.interventions.random_tokens import random_identities
from monitorbench.interventions.truncation import truncate

V, P = 262_144, 96


class LiveBytes(TorchDispatchMode):
    """Follows the bytes of every storage that comes into being while entered, until it goes.

    Memory that an operation takes and gives back inside itself is not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = {one.untyped_storage().data_ptr() for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        result = func(*args, **(kwargs or {}))
        for one in tree_leaves(result):
            if isinstance(one, Tensor) and one.untyped_storage().data_ptr() not in given:
                storage = one.untyped_storage()
                self._alive[storage.data_ptr()] = storage.nbytes()
                weakref.finalize(storage, self._alive.pop, storage.data_ptr(), None)
        self.peak = max(self.peak, sum(self._alive.values()))
        return result


@pytest.fixture(scope="module")
def logits() -> Tensor:
    return torch.randn((2, P // 2, V), generator=torch.Generator().manual_seed(0))


def extra(work: Callable[[], Tensor]) -> int:
    """Bytes alive at the worst moment beside the result."""
    with LiveBytes() as live:
        result = work()
    return live.peak - result.untyped_storage().nbytes()


def test_a_copy_is_seen(logits: Tensor) -> None:
    size = logits.untyped_storage().nbytes()
    assert extra(lambda: (logits + 1).mul(2)) == size
    assert extra(lambda: logits + 1) == 0
    assert extra(lambda: torch.cat([part + 1 for part in logits])) == size


@pytest.mark.parametrize("keep", [keep_top_k(8), keep_min_p(1e-4), keep_top_p(0.001)], ids=["top_k", "min_p", "top_p"])
def test_truncation_makes_no_second_copy(logits: Tensor, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    # An eighth of what is worked on at once, so that the bound is tight at a size that a test can hold.
    monkeypatch.setattr("monitorbench.interventions.truncation.MOST_AT_ONCE", 2**19)
    size = logits.untyped_storage().nbytes()
    assert 0 < extra(lambda: truncate(logits, keep)) < size / 4


def test_random_identities_make_no_second_copy(logits: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitorbench.interventions.random_tokens.MOST_AT_ONCE", 2**19)
    size = logits.untyped_storage().nbytes()
    assert 0 < extra(lambda: random_identities(logits, [0, 1], Index(block=0, step=0))) < size / 4
