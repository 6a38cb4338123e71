"""What goes on while a command works: nothing for a second, then a line on stderr that vanishes in a terminal."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self, TextIO

from monitorbench.notices import Notice, TraceStarted, TrialStarted
from monitorbench.report.words import one_line

_PATIENCE = 1.0


class Status:
    """Says what a command is doing once that takes over a second: a context manager, and a listener to notices.

    A terminal shows one line that changes and vanishes at the end; elsewhere each thing said stays as a line.

    Args:
        err: where the line goes.
        patience: seconds before anything is said.
    """

    def __init__(self, err: TextIO, patience: float = _PATIENCE) -> None:
        self._err, self._text, self._shown, self._status = err, "", "", None
        self._lock = threading.Lock()
        self._late = False
        self._timer = threading.Timer(patience, self._become_late)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._late, self._text = False, ""
            if self._status is not None:
                self._status.stop()

    def __call__(self, notice: Notice) -> None:
        """Say what the notice says, if there is anything to see."""
        if isinstance(notice, TraceStarted):
            self.say(f"tracing {notice.model}: {notice.segment}")
        elif isinstance(notice, TrialStarted):
            self.say(f"timing a batch of {notice.rollouts:,}: {notice.arm}")

    def say(self, text: str) -> None:
        """Say what begins now."""
        with self._lock:
            self._text = one_line(text)
            self._show()

    def _become_late(self) -> None:
        with self._lock:
            self._late = True
            self._show()

    def _show(self) -> None:
        if not self._late or not self._text or self._text == self._shown:
            return
        self._shown = self._text
        if not self._err.isatty():
            self._err.write(f"{self._text}\n")
            self._err.flush()
        elif self._status is None:
            self._status = _spinner(self._err, self._text)
        else:
            self._status.update(self._text)


def _spinner(err: TextIO, text: str) -> Any:
    from rich.console import Console

    status = Console(file=err, markup=False, highlight=False, emoji=False).status(text)
    status.start()
    return status
