"""Which module is running, for attributing gates, and which block of a transformer it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockRun:
    """One run of a block: its path, and which run of any block it is, from 1."""

    path: str
    number: int


class ModulePath:
    """Follows the forward passes of modules while it is entered.

    A block is a module with parts of its own in a `ModuleList`; inside a block there are no further blocks.

    Args:
        root: modules inside it are named by their path in it, any other by its class.

    Attributes:
        has_blocks: whether the root holds blocks.
        block: the run of a block that goes on; None outside of any.
    """

    def __init__(self, root: nn.Module | None) -> None:
        modules = dict(root.named_modules()) if root is not None else {}
        self._names = {id(module): name for name, module in modules.items()}
        self._blocks = _blocks(modules.values())
        self._running: list[str] = []
        self._handles: list[Any] = []
        self._block_runs = self._block_level = 0
        self.has_blocks = bool(self._blocks)
        self.block: BlockRun | None = None

    @property
    def current(self) -> str:
        """Path of the innermost module that is running; empty outside of any."""
        return self._running[-1] if self._running else ""

    def __enter__(self) -> Self:
        def enter(module: nn.Module, _inputs: Any) -> None:
            self._running.append(self._names.get(id(module), type(module).__name__))
            if self.block is None and id(module) in self._blocks:
                self._block_runs += 1
                self._block_level = len(self._running)
                self.block = BlockRun(path=self.current, number=self._block_runs)

        def leave(_module: nn.Module, _inputs: Any, _output: Any) -> None:
            if len(self._running) == self._block_level:
                self.block = None
            self._running.pop()

        self._handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave, always_call=True)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()


def _blocks(modules: Iterable[nn.Module]) -> frozenset[int]:
    lists = [module for module in modules if isinstance(module, nn.ModuleList)]
    return frozenset(id(part) for parts in lists for part in parts if any(True for _ in part.children()))
