"""The result as a terminal shows it, from a report alone; what a run shows is tested with `monitorbench.terminal`."""

from __future__ import annotations

from monitorbench.report.model import Report
from monitorbench.report.render.terminal import render


def test_the_table_and_the_reasons_fit_the_width(every_verdict: Report) -> None:
    shown = render(every_verdict, width=60)
    assert max(map(len, shown.splitlines())) <= 60
    assert shown.startswith("check      verdict           estimate")
    assert "watched    fail (not gated)" in shown
    assert "fails: fail\n  It wrote <script>|`*[x](y)*` & \N{REPLACEMENT CHARACTER}[2J @all #12" in shown
    assert shown.endswith("fail, exit 1: At least one gated check failed.\n")


def test_colours_only_where_they_are_asked_for(every_verdict: Report) -> None:
    assert "\x1b" not in render(every_verdict)
    assert "\x1b[1;31mfail" in render(every_verdict, colour=True)


def test_severities_and_warnings_stand_beside_the_verdicts(every_severity: Report) -> None:
    shown = render(every_severity, width=100)
    for cell in ("warned   pass (warning) ", "lenient  fail (severity warn) ", "told     fail (severity info) "):
        assert cell in shown
    assert "warned: pass (warning)\n  The drop lies inside the margin.\n  warning: By warn_if (max_drop 0.01)" in shown
    assert "Let through: warned: pass (warning), lenient: fail (severity warn)" in " ".join(shown.split())
