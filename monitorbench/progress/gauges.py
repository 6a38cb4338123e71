"""How far things are: what is counted, how much of it is done, and how long the rest will take. Draws nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

from monitorbench.notices import (
    ArmStarted,
    CaseDone,
    CaseStarted,
    CheckJudged,
    CheckStarted,
    Notice,
    RolloutsDone,
    RunDone,
    RunPlanned,
    RunStarted,
    TraceStarted,
    TrialStarted,
    Working,
)
from monitorbench.report.words import one_line

Clock: TypeAlias = Callable[[], float]
Level: TypeAlias = Literal["series", "rollouts", "checks", "step"]
LEVELS: tuple[Level, ...] = ("series", "rollouts", "checks", "step")
"""From the whole to its parts."""


class Gauge:
    """One thing that is counted.

    Args:
        what: what goes on.
        total: how much there is to do; None where nobody knows.
        unit: what is counted, in the plural; nothing where `what` holds the count.
        clock: seconds.
    """

    def __init__(self, what: str, total: int | None = None, *, unit: str = "", clock: Clock = time.monotonic) -> None:
        self.what, self.total, self.unit, self._clock = one_line(what), total, unit, clock
        self.done = 0
        self.found = 0
        """Of what is done, that which took no time: it was there already."""
        self.begun = clock()

    def restart(self) -> None:
        """Count the time from here on."""
        self.begun = self._clock()

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return self._clock() - self.begun

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take, at the pace so far; None where nothing tells."""
        worked = self.done - self.found
        if self.total is None or worked <= 0:
            return None
        return self.elapsed / worked * max(self.total - self.done, 0)

    @property
    def time(self) -> str:
        """What is left, or, where nothing tells, how long it has taken."""
        return f"{in_words(self.elapsed)} so far" if self.left is None else f"about {in_words(self.left)} left"

    def counted(self) -> str:
        """How much is done of how much; nothing where nobody knows, or where it says so by itself."""
        return f"{self.done:,} of {self.total:,} {self.unit}" if self.total is not None and self.unit else ""


def in_words(seconds: float) -> str:
    """Seconds, minutes or hours, to no more digits than matter."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Gauges:
    """What notices add up to: a listener.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self.by_level: dict[Level, Gauge] = {}
        self.arms, self.started = 0, 0
        """Arms that the run has planned, and those that it has begun with."""
        self._done: dict[str, int] = {}

    def __call__(self, notice: Notice) -> None:
        """Take in what a notice says."""
        if not isinstance(notice, Working | TraceStarted | TrialStarted):
            self.by_level.pop("step", None)  # whatever it was, something else has begun
        match notice:
            case CaseStarted():
                self._series(f"case {notice.number} of {notice.total}: {notice.case}", notice.number, notice.total)
            case RunStarted():
                self._series(f"run {notice.number} of {notice.total}", notice.number, notice.total)
            case RunPlanned():
                self._plan(notice)
            case ArmStarted():
                self._arm(notice)
            case RolloutsDone(arm=arm, done=done):
                self._done[arm] = done
                self._count("rollouts", sum(self._done.values()))
            case CheckStarted(check=check):
                self._judge(check)
            case CheckJudged():
                self._count("checks", self.by_level["checks"].done + 1 if "checks" in self.by_level else 0)
            case Working():
                self._step(notice.what, notice.done, notice.total, notice.unit)
            case TraceStarted():
                self._step(f"tracing {notice.model}: {notice.segment}", notice.number - 1, notice.total, "segments")
            case TrialStarted():
                what = f"timing a batch of {notice.rollouts:,}: {notice.arm}"
                self._step(what, notice.number - 1, notice.total, "batches")
            case RunDone() | CaseDone():
                self._forget_run()

    @property
    def kept(self) -> tuple[int, int]:
        """Rollouts that are there, and all that are known to be wanted."""
        gauge = self.by_level.get("rollouts")
        return (0, 0) if gauge is None else (gauge.done, gauge.total or 0)

    @property
    def current(self) -> Gauge | None:
        """The innermost thing that goes on."""
        gauges = ((level, self.by_level.get(level)) for level in reversed(LEVELS))  # another thread may look
        return next((gauge for level, gauge in gauges if gauge and (level == "series" or gauge.what)), None)

    def text(self) -> str:
        """All of it on one line: what goes on, how much of it is done, and how long it will still take."""
        series, current = self.by_level.get("series"), self.current
        if current is None:
            return ""
        if series is None or series is current:
            return ", ".join(filter(None, (_named(current), current.time)))
        whole = series.what if series.left is None else f"{series.what} ({series.time})"
        return f"{whole}: {_named(current)}" + (f", {current.time}" if series.left is None else "")

    def _gauge(self, what: str, total: int | None, unit: str) -> Gauge:
        return Gauge(what, total, unit=unit, clock=self._clock)

    def _series(self, what: str, number: int, total: int) -> None:
        self._forget_run()
        gauge = self.by_level.setdefault("series", self._gauge(what, total, ""))
        gauge.what, gauge.done = one_line(what), number - 1

    def _plan(self, plan: RunPlanned) -> None:
        self.arms, self.started = plan.arms, 0
        if plan.rollouts:
            self.by_level["rollouts"] = self._gauge("", plan.rollouts, "rollouts")
        self.by_level["checks"] = self._gauge("", plan.checks, "checks")

    def _arm(self, arm: ArmStarted) -> None:
        self.started += 1
        self._call("rollouts", f"recording {arm.arm}")
        gauge = self.by_level.get("rollouts")
        if gauge is None:
            return
        if self.started == 1:
            gauge.restart()
        gauge.found += arm.reused
        if self.started > self.arms:  # it rests on what others came to, so that no plan could count it
            gauge.total = (gauge.total or 0) + arm.rollouts

    def _judge(self, check: str) -> None:
        gauge = self.by_level.get("checks")
        if gauge is not None and not gauge.what:
            gauge.restart()
        self._call("checks", f"judging {check}")

    def _call(self, level: Level, what: str) -> None:
        if level in self.by_level:
            self.by_level[level].what = one_line(what)

    def _count(self, level: Level, done: int) -> None:
        if level in self.by_level:
            self.by_level[level].done = done

    def _step(self, what: str, done: int, total: int | None, unit: str) -> None:
        """A step goes on as long as the same things are counted: what it says may change."""
        gauge = self.by_level.get("step")
        if gauge is None or (gauge.total, gauge.unit) != (total, unit) or (total is None and gauge.what != what):
            gauge = self.by_level["step"] = self._gauge(what, total, unit)
        gauge.what, gauge.done = one_line(what), done
        if total is not None and done >= total:
            del self.by_level["step"]

    def _forget_run(self) -> None:
        for level in ("rollouts", "checks", "step"):
            self.by_level.pop(level, None)
        self._done.clear()


def _named(gauge: Gauge) -> str:
    return ": ".join(filter(None, (gauge.what, gauge.counted())))


def walked(gauges: Gauges) -> Iterator[tuple[Level, Gauge]]:
    """Everything that is counted, from the whole to its parts."""
    return ((level, gauges.by_level[level]) for level in LEVELS if level in gauges.by_level)
