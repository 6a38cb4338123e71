"""A real model whose adapter runs out of memory, or raises, where a test wants it to."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch

from monitorbench.adapters.base import Output


def out_of_memory() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


class Limited:
    """An adapter that takes batches of few rows, and no rows under some seeds.

    Attributes:
        calls: rows of every batch that was tried.
        done: batches that came to an end.
    """

    def __init__(
        self,
        sound: Any,
        *,
        most: int = 10**9,
        bad: Collection[int] = (),
        lack: Callable[[], Exception] = out_of_memory,
        fault: Callable[[], BaseException] = lambda: ValueError("the row is\nbad"),
        stop_after: int = 10**9,
    ) -> None:
        self.sound, self.most, self.bad, self.lack, self.fault = sound, most, bad, lack, fault
        self.stop_after = stop_after
        self.calls: list[int] = []
        self.done = 0
        self.held: list[weakref.ref[Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sound, name)

    def sharing_prefills(self) -> Limited:
        return self

    def generate(self, prompts: Sequence[Any], seeds: Sequence[int], *rest: Any) -> Output:
        assert not any(held() is not None for held in self.held), "what failed before takes up no memory"
        if self.done == self.stop_after:
            raise KeyboardInterrupt
        self.calls.append(len(prompts))
        if len(prompts) > self.most:
            taken = torch.zeros(1000)
            cycle: list[Any] = [taken]
            cycle.append(cycle)
            self.held.append(weakref.ref(taken))
            raise self.lack()
        if any(seed in self.bad for seed in seeds):
            raise self.fault()
        output: Output = self.sound.generate(prompts, seeds, *rest)
        self.done += 1
        return output
