"""Progress where there is no terminal: lines that stay, so few that a log can be read and so many that it lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from monitorbench.notices import ArmStarted, CaseStarted, ModelLoaded, Notice
from monitorbench.progress.gauges import Clock, Gauge, Gauges
from monitorbench.report.words import one_line

PATIENCE = 1.0
"""Seconds that a step takes before it is named."""
EVERY = 10.0
"""Seconds between lines on something that goes on and on."""
_TICK = 0.2


class Lines:
    """Names models, arms and cases as they begin, steps that take long, and now and then how far all of it is.

    Args:
        err: where the lines go.
        gauges: what they tell of; the notices reach it first.
        clock: seconds.
    """

    def __init__(self, err: TextIO, gauges: Gauges, *, clock: Clock = time.monotonic) -> None:
        self._err, self._gauges, self._clock = err, gauges, clock
        self._last = clock()
        self._named: Gauge | None = None
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._run, name="monitorbench progress", daemon=True)

    def start(self) -> None:
        """Begin to look at the clock."""
        self._ticker.start()

    def show(self, notice: Notice) -> None:
        """Write a line on what begins."""
        in_series = "series" in self._gauges.by_level
        match notice:
            case CaseStarted():
                self._write(f"case {notice.number} of {notice.total}: {notice.case}")
            case ModelLoaded() if not in_series:
                self._write(f"{notice.role}: {notice.source} ({notice.parameters:,} parameters, {notice.device})")
            case ArmStarted() if not in_series:
                self._write(self._recording(notice))

    def tick(self) -> None:
        """Write a line if it is time for one."""
        with self._lock:
            step, text = self._gauges.by_level.get("step"), self._gauges.text()
            if step is not None and step is not self._named and step.elapsed >= PATIENCE:
                self._named = step
                self._write(step.what)
            elif text and self._clock() - self._last >= EVERY:
                self._write(text)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While something else is written."""
        with self._lock:
            yield
            self._last = self._clock()

    def close(self) -> None:
        """Stop looking at the clock."""
        self._over.set()
        if self._ticker.is_alive():
            self._ticker.join()

    def _run(self) -> None:
        while not self._over.wait(_TICK):
            self.tick()

    def _recording(self, arm: ArmStarted) -> str:
        # Those that rest on what others came to are not known when the run is planned.
        known = self._gauges.started <= self._gauges.arms
        planned = f" of {self._gauges.arms}" if known else ""
        stored = f", {arm.reused:,} from the store" if arm.reused else ""
        return f"recording arm {self._gauges.started}{planned}: {arm.arm} ({arm.rollouts:,} rollouts{stored})"

    def _write(self, text: str) -> None:
        with self._lock:
            encoding = getattr(self._err, "encoding", None) or "utf-8"
            self._err.write(one_line(text).encode(encoding, "backslashreplace").decode(encoding) + "\n")
            self._err.flush()
            self._last = self._clock()
