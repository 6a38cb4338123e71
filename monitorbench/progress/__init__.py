"""Shows how far a long command is: bars in a terminal, lines elsewhere, nothing where it is to be quiet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self, TextIO

from monitorbench.notices import Notice, hearing
from monitorbench.progress.gauges import Gauges

if TYPE_CHECKING:
    from monitorbench.progress.bars import Bars
    from monitorbench.progress.lines import Lines


class Progress:
    """A context manager and a listener: what is said inside of it is heard, be it yielded or told.

    Args:
        err: where it is shown.
        quiet: show nothing; all is counted all the same.
    """

    def __init__(self, err: TextIO, *, quiet: bool = False) -> None:
        self.gauges = Gauges()
        self._display = None if quiet else _display(err, self.gauges)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(hearing(self))
        if self._display is not None:
            self._display.start()
            self._open.callback(self._display.close)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, notice: Notice) -> None:
        """Show what the notice says, if there is anything to see."""
        self.gauges(notice)
        if self._display is not None:
            self._display.show(notice)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While something else is written to the same screen."""
        if self._display is None:
            yield
        else:
            with self._display.aside():
                yield

    def close(self) -> None:
        """Take it off the screen. Further calls change nothing."""
        self._open.close()


def _display(err: TextIO, gauges: Gauges) -> Bars | Lines:
    if err.isatty():
        from monitorbench.progress.bars import Bars

        return Bars(err, gauges)
    from monitorbench.progress.lines import Lines

    return Lines(err, gauges)
