"""Progress in a terminal: a bar for everything that is counted; all of them vanish at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from monitorbench.notices import ModelLoaded, Notice, RunPlanned
from monitorbench.progress.gauges import Gauge, Gauges, walked
from monitorbench.report.words import one_line

PATIENCE = 1.0
"""Seconds before anything is drawn, so that what is quick does not flicker."""


class Bars:
    """One bar for the whole, one for the rollouts, one for the checks, one for whatever takes long besides.

    Args:
        err: the terminal.
        gauges: what is drawn; the notices reach it first.
    """

    def __init__(self, err: TextIO, gauges: Gauges) -> None:
        self._gauges = gauges
        # Only what else goes to stderr may be lifted above the bars: results on stdout must stay there.
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            _Counted(),
            _Time(),
            console=Console(file=err, markup=False, highlight=False, emoji=False),
            transient=True,
            redirect_stdout=False,
        )
        self._tasks: dict[int, tuple[Gauge, TaskID]] = {}
        self._lock = threading.RLock()
        self._drawn, self._over = False, False
        self._timer = threading.Timer(PATIENCE, self._draw)
        self._timer.daemon = True

    def start(self) -> None:
        """Draw as soon as it takes long."""
        self._timer.start()

    def show(self, notice: Notice) -> None:
        """Draw what has become of it."""
        if isinstance(notice, ModelLoaded) and "series" not in self._gauges.by_level:
            text = f"{notice.role}: {notice.source} ({notice.parameters:,} parameters, {notice.device})"
            self._progress.console.print(one_line(text), soft_wrap=True)
        with self._lock:
            self._match()
            if isinstance(notice, RunPlanned):
                self._draw()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While something else is written where the bars stand."""
        with self._lock:
            if self._drawn:
                self._progress.stop()
            yield
            if self._drawn:
                self._progress.start()

    def close(self) -> None:
        """Stop drawing and take the bars away."""
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._drawn:
                self._drawn = False
                self._progress.stop()

    def _draw(self) -> None:
        with self._lock:
            if not self._drawn and not self._over:
                self._drawn = True
                self._progress.start()

    def _match(self) -> None:
        """A task for each gauge, and none besides."""
        shown = {id(gauge): gauge for _, gauge in walked(self._gauges)}
        for key in self._tasks.keys() - shown.keys():
            self._progress.remove_task(self._tasks.pop(key)[1])
        for key, gauge in shown.items():
            if key not in self._tasks:
                self._tasks[key] = gauge, self._progress.add_task(gauge.what, total=gauge.total, gauge=gauge)
            self._progress.update(
                self._tasks[key][1],
                description=gauge.what or gauge.unit,
                total=gauge.total,
                completed=gauge.done,
            )


class _Counted(ProgressColumn):
    """How much is done of how much."""

    def render(self, task: Task) -> Text:
        gauge: Gauge = task.fields["gauge"]
        return Text("" if gauge.total is None else f"{gauge.done:,}/{gauge.total:,}", style="progress.download")


class _Time(ProgressColumn):
    """What is left, or how long it has taken."""

    def render(self, task: Task) -> Text:
        gauge: Gauge = task.fields["gauge"]
        return Text(gauge.time, style="progress.remaining")
