"""A made report with a check of every verdict, and words that mean something to every format."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitorbench.report.model import Bound, CheckReport, Report, Verdict

TRICKY = "It wrote <script>|`*[x](y)*` & \x1b[2J @all #12 https://x.org 50%,\nthen a second line"


@pytest.fixture(scope="session")
def every_verdict(make_check: Callable[..., CheckReport], make_report: Callable[..., Report]) -> Report:
    """One check of each verdict from the best to the worst, and a failed one that is not gated."""
    plain = {"estimate": None, "interval": None, "bound": None, "n": None, "controls": (), "dropped": ()}
    return make_report(
        make_check(id="passes"),
        make_check(
            id="elsewhere", verdict=Verdict.NOT_APPLICABLE, reason="There is no such channel.", line=20, **plain
        ),
        make_check(id="open", verdict=Verdict.INCONCLUSIVE, reason="300 more prompts would decide.", line=30),
        make_check(id="unseen", verdict=Verdict.UNOBSERVED, reason="Nothing was observed.", line=40, **plain),
        make_check(id="broken", verdict=Verdict.ERROR, reason="The check broke down.", line=50, **plain),
        make_check(id="fails", verdict=Verdict.FAIL, reason=TRICKY, line=60, estimate=0.09, bound=Bound(max=0.05)),
        make_check(id="watched", verdict=Verdict.FAIL, reason="Only watched.", line=70, gated=False),
    )


@pytest.fixture(scope="session")
def every_severity(make_check: Callable[..., CheckReport], make_report: Callable[..., Report]) -> Report:
    """A failed check of each severity that is let through, and one that passed with a warning."""
    warning = "By warn_if (max_drop 0.01): fail, 1.2 pp [-0.4, 3.1], bound <= 1 pp. The drop is <b>larger</b>."
    return make_report(
        make_check(id="warned", warning=warning, warn_verdict=Verdict.FAIL, warn_bound=Bound(max=0.01), line=10),
        make_check(id="lenient", severity="warn", verdict=Verdict.FAIL, reason="It is too large.", line=20),
        make_check(id="told", severity="info", verdict=Verdict.FAIL, reason="It is larger yet.", line=30),
    )
