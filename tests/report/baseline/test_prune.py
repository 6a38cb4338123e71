"""What a baseline file no longer needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.baseline.prune import Dropped, pruned
from monitorbench.report.model import CheckReport, Report, Verdict

TODAY = date(2027, 1, 1)


@pytest.fixture
def file(
    make_check: Callable[..., CheckReport],
    make_report: Callable[..., Report],
    accepting: Callable[..., BaselineFile],
) -> BaselineFile:
    """Two suites of one check that passes and one known failure each, let through until the first of April."""
    checks = make_check(id="passes"), make_check(id="fails", verdict=Verdict.FAIL)
    report = make_report(*checks, suite={"name": "s"})
    return accepting(replace(report, suite={"name": "t"}), accepting(report))


def test_nothing_is_dropped_that_a_suite_still_has(file: BaselineFile) -> None:
    checks = {"s": {"passes": "token-bottleneck", "fails": "token-bottleneck", "further": "token-bottleneck"}}
    assert pruned(file, checks=checks, today=TODAY) == (file, ())
    assert pruned(file, checks={}, today=TODAY) == (file, ())


def test_checks_that_are_gone_or_of_another_type_are_dropped_of_the_suites_that_are_named(file: BaselineFile) -> None:
    after, dropped = pruned(file, checks={"s": {"fails": "other"}}, today=TODAY)
    assert dropped == (
        Dropped(suite="s", check="fails", why="its type is other now"),
        Dropped(suite="s", check="passes", why="the suite has no such check"),
    )
    assert dict(after.suites) == {"t": file.of("t")}


@pytest.mark.parametrize(
    ("today", "suites", "left"),
    [
        (date(2027, 4, 1), {}, {"s": ["fails", "passes"], "t": ["fails", "passes"]}),
        (date(2027, 4, 2), {}, {"s": ["passes"], "t": ["passes"]}),
        (date(2027, 4, 2), {"s": ("passes", "fails")}, {"s": ["passes"], "t": ["fails", "passes"]}),
    ],
)
def test_what_expired_is_dropped(
    today: date, suites: dict[str, tuple[str, ...]], left: dict[str, list[str]], file: BaselineFile
) -> None:
    checks = {suite: dict.fromkeys(names, "token-bottleneck") for suite, names in suites.items()}
    after, _ = pruned(file, checks=checks, today=today)
    assert {suite: sorted(entries) for suite, entries in after.suites.items()} == left
