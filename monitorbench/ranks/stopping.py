"""SIGTERM as an exception: torchrun, and a time limit of a cluster, end a process with it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self


class Stopped(BaseException):
    """The process was asked to end. No Exception: nothing that goes on after errors may go on after this."""


class Stopping:
    """While it lasts, SIGTERM raises Stopped in the main thread."""

    def __init__(self) -> None:
        self.asked = False
        self._held = False
        self._before: tuple[Any, int] | None = None

    def __enter__(self) -> Self:
        # Whoever counts signals, and ends the process at the second, must not see those that several ranks cause.
        wakeup = signal.set_wakeup_fd(-1)
        self._before = signal.signal(signal.SIGTERM, self._on_signal), wakeup
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            handler, wakeup = self._before
            signal.signal(signal.SIGTERM, handler)
            signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
            self._before = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """What happens here is finished first."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.check()

    def check(self) -> None:
        """Raise Stopped if the process was asked to end."""
        if self.asked and not self._held:
            raise Stopped

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        first, self.asked = not self.asked, True
        if first:
            self.check()
