"""Bars in a terminal, lines elsewhere, nothing where it is to be quiet."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time

import pytest

from monitorbench.notices import (
    ArmStarted,
    CaseStarted,
    ModelLoaded,
    RolloutsDone,
    RunPlanned,
    TraceStarted,
    Working,
    tell,
)
from monitorbench.progress import Progress
from monitorbench.progress.gauges import Gauges
from monitorbench.progress.lines import Lines

PLAN = RunPlanned(suite="s", arms=1, rollouts=100, checks=2)
MODEL = ModelLoaded(role="candidate", source="m", parameters=1_000, device="cpu")


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Log:
    """Lines with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now, self.err = 0.0, io.StringIO()
        self.gauges = Gauges(lambda: self.now)
        self.lines = Lines(self.err, self.gauges, clock=lambda: self.now)

    def __call__(self, *notices: object, after: float = 0.0) -> list[str]:
        """What is written on the notices, and when so many seconds have passed since."""
        begun = len(self.err.getvalue())
        for notice in notices:
            self.gauges(notice)  # type: ignore[arg-type]  # notices of the tests below
            self.lines.show(notice)  # type: ignore[arg-type]  # likewise
        self.now += after
        self.lines.tick()
        return self.err.getvalue()[begun:].splitlines()


@pytest.fixture
def log() -> Log:
    return Log()


def test_what_is_quick_says_nothing(log: Log) -> None:
    assert log(Working(what="building"), TraceStarted(model="m", segment="s", number=1, total=1), after=0.5) == []


def test_a_step_is_named_once_it_takes_long_and_then_every_ten_seconds(log: Log) -> None:
    assert log(Working(what="building m"), after=1.5) == ["building m"]
    assert log(after=5) == []
    assert log(after=5) == ["building m, 12 s so far"]
    assert log(after=9) == []
    assert log(after=1) == ["building m, 22 s so far"]


def test_a_long_arm_says_every_ten_seconds_how_far_it_is(log: Log) -> None:
    begun = ["candidate: m (1,000 parameters, cpu)", "recording arm 1 of 1: a (100 rollouts)"]
    assert log(PLAN, MODEL, ArmStarted(arm="a", rollouts=100)) == begun
    assert log(RolloutsDone(arm="a", done=20, total=100), after=9) == []
    assert log(after=1) == ["recording a: 20 of 100 rollouts, about 40 s left"]
    assert log(RolloutsDone(arm="a", done=40, total=100), after=10) == [
        "recording a: 40 of 100 rollouts, about 30 s left"
    ]


def test_among_many_runs_arms_and_models_have_no_lines_of_their_own(log: Log) -> None:
    assert log(CaseStarted(case="x", number=1, total=2)) == ["case 1 of 2: x"]
    assert log(PLAN, MODEL, ArmStarted(arm="a", rollouts=100)) == []
    assert log(after=10) == ["case 1 of 2: x: recording a: 0 of 100 rollouts, 10 s so far"]


def test_what_is_written_besides_counts_as_a_sign_of_life(log: Log) -> None:
    log(Working(what="building m"), after=1)
    log.now += 9
    with log.lines.aside():
        log.err.write("a result\n")
    assert log() == []


def test_the_clock_runs_by_itself() -> None:
    err = io.StringIO()
    with Progress(err) as show:
        show(Working(what="building"))
        for _ in range(500):
            if err.getvalue():
                break
            time.sleep(0.01)
    assert err.getvalue() == "building\n"


@pytest.mark.parametrize("stream", [io.StringIO, Screen])
def test_quiet_shows_nothing_and_counts_all_the_same(stream: type[io.StringIO]) -> None:
    err = stream()
    with Progress(err, quiet=True) as show, show.aside():
        for notice in (PLAN, MODEL, ArmStarted(arm="a", rollouts=100), RolloutsDone(arm="a", done=20, total=100)):
            show(notice)
    assert (err.getvalue(), show.gauges.kept) == ("", (20, 100))


def test_what_is_told_deep_inside_is_heard_by_whoever_listens() -> None:
    with Progress(io.StringIO(), quiet=True) as show:
        tell(Working(what="reading", done=1, total=2, unit="rows"))
    tell(Working(what="reading", done=9, total=10, unit="rows"))
    assert show.gauges.text().startswith("reading: 1 of 2 rows")


def test_a_terminal_shows_a_bar_for_everything_that_is_counted_and_takes_it_away() -> None:
    err = Screen()
    with Progress(err) as show:
        for notice in (PLAN, ArmStarted(arm="a", rollouts=100), RolloutsDone(arm="a", done=20, total=100)):
            show(notice)
        show(Working(what="looking up", done=1, total=4, unit="tokens"))
        with show.aside():
            err.write("a result\n")
    shown = err.getvalue()
    assert "recording a" in shown
    assert "20/100" in shown
    assert "1/4" in shown
    assert "\x1b[2Ka result\n" in shown, "the bars are not in its way"
    assert shown.endswith("\x1b[2K")


def test_what_is_quick_does_not_flicker() -> None:
    err = Screen()
    with Progress(err) as show:
        show(Working(what="building"))
    assert err.getvalue() == ""


def test_bars_in_a_real_terminal() -> None:
    script = (
        "import sys, time\nfrom monitorbench.notices import *\nfrom monitorbench.progress import Progress\n"
        "with Progress(sys.stderr) as show:\n"
        "    show(RunPlanned(suite='s', arms=1, rollouts=100, checks=2))\n"
        "    show(ArmStarted(arm='a', rollouts=100))\n"
        "    time.sleep(0.2)\n"
        "    show(RolloutsDone(arm='a', done=50, total=100))\n"
        "    time.sleep(0.3)\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", script], stderr=theirs, env=environment) as run:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # the other end is closed: how Linux says that a terminal is at its end
            pass
        os.close(ours)
    assert run.returncode == 0
    assert b"recording a" in shown
    assert b"50/100" in shown
    assert b"about 1 s left" in shown
    assert shown.rstrip().endswith(b"\x1b[2K")
