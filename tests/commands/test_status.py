"""The status line: silent for a second, then on stderr only."""

from __future__ import annotations

import io
import time

from monitorbench.commands.status import Status
from monitorbench.notices import CheckStarted, TraceStarted


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def wait_for(err: io.StringIO, text: str) -> None:
    """Wait until a text stands on the stream."""
    for _ in range(500):
        if text in err.getvalue():
            return
        time.sleep(0.01)
    raise AssertionError(f"{text!r} was never written: {err.getvalue()!r}")


def test_quick_work_says_nothing() -> None:
    err = io.StringIO()
    with Status(err, patience=60) as show:
        show.say("building")
        show(TraceStarted(model="m", segment="forward"))
    assert err.getvalue() == ""


def test_slow_work_says_what_goes_on_and_then_what_begins() -> None:
    err = io.StringIO()
    with Status(err, patience=0.01) as show:
        show.say("building\nm")
        wait_for(err, "building m\n")
        show(TraceStarted(model="m", segment="forward"))
        show(TraceStarted(model="m", segment="forward"))
    assert err.getvalue() == "building m\ntracing m: forward\n"


def test_other_notices_are_passed_over() -> None:
    err = io.StringIO()
    with Status(err, patience=0.01) as show:
        show.say("building")
        wait_for(err, "building")
        show(CheckStarted(check="c", type="t"))
    assert err.getvalue() == "building\n"


def test_a_terminal_shows_one_line_that_vanishes() -> None:
    err = Screen()
    with Status(err, patience=0.01) as show:
        show.say("building")
        wait_for(err, "building")
        show.say("tracing")
        wait_for(err, "tracing")
    # The cursor is shown again, and the last thing on the screen is an erased line.
    assert err.getvalue().endswith("\x1b[2K")
