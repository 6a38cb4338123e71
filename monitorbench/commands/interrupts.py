"""Being told to stop: once, and what is done is put in order; twice, and it ends at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from monitorbench.report.exit_code import ExitCode

ASKS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what CI services and batch systems send before they kill."""
_SAME = 0.5
"""Seconds within which a second signal is the first one again: `timeout` and `torchrun` send theirs twice."""
_SHOW_CURSOR = b"\x1b[?25h"
_asked: list[float] = []
"""When this process was first asked to stop; empty where it was not."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Signals that ask this process to stop raise `KeyboardInterrupt` inside, in the main thread; others get none.

    The first one does, at the latest when the block ends: raised in a finalizer or in a callback, it gets lost. The
    next ends the process without more ado, even where Python itself does not get to run: a thread waits for it, which
    needs nothing of the main one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    _asked.clear()

    def ask(_signal: int, _frame: Any) -> None:
        if not _asked:
            _asked.append(time.monotonic())
            raise KeyboardInterrupt

    handlers = {each: signal.signal(each, ask) for each in ASKS}
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), name="monitorbench interrupts", daemon=True).start()
    try:
        yield
        heed()
    finally:
        signal.set_wakeup_fd(before)
        for each, handler in handlers.items():
            signal.signal(each, handler)
        os.close(writer)


def heed() -> None:
    """Raise the interrupt that this process was sent, in case it got lost where it was raised."""
    if _asked:
        raise KeyboardInterrupt


def _watch(reader: int) -> None:
    """Count the signals that ask for an end; the pipe is closed once nobody needs to any more."""
    first = None
    while signals := os.read(reader, 64):
        for _ in range(sum(each in ASKS for each in signals)):
            if first is None:
                first = time.monotonic()
            elif time.monotonic() - first > _SAME:
                _end()
    os.close(reader)


def _end() -> None:
    if sys.stderr.isatty():  # bars hide it
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)
    os.write(2, b"\ninterrupted again: ended at once\n")
    os._exit(ExitCode.INTERRUPTED)


def came_from_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt is behind an error: one that comes while a module is imported may be raised as another."""
    return any(isinstance(each, KeyboardInterrupt) for each in _chain(error))


@contextmanager
def on_interrupt(words: Callable[[], str]) -> Iterator[None]:
    """Have an interrupt inside say what is kept and how to go on.

    Args:
        words: gives that, once it is needed.
    """
    try:
        yield
    except BaseException as error:
        if came_from_interrupt(error):
            error.add_note(words())
        raise


def told(error: BaseException) -> str:
    """What there is to say of an interrupt."""
    notes = [note for each in _chain(error) for note in getattr(each, "__notes__", ())]
    return f"interrupted; {notes[0] if notes else 'nothing was kept'}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
