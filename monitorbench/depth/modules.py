"""Which module is running, for attributing gates."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


class ModulePath:
    """Follows the forward passes of modules while it is entered.

    Args:
        root: modules inside it are named by their path in it, any other by its class.
    """

    def __init__(self, root: nn.Module | None) -> None:
        self._names = {id(module): name for name, module in root.named_modules()} if root is not None else {}
        self._running: list[str] = []
        self._handles: list[Any] = []

    @property
    def current(self) -> str:
        """Path of the innermost module that is running; empty outside of any."""
        return self._running[-1] if self._running else ""

    def __enter__(self) -> Self:
        def enter(module: nn.Module, _inputs: Any) -> None:
            self._running.append(self._names.get(id(module), type(module).__name__))

        def leave(_module: nn.Module, _inputs: Any, _output: Any) -> None:
            self._running.pop()

        self._handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave, always_call=True)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
