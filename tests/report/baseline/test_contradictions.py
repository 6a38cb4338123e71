"""A report cannot say of an accepted value what it does not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from monitorbench.report.baseline.judge import held_against
from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.consistency import contradictions
from monitorbench.report.exit_code import overall
from monitorbench.report.model import CheckReport, Held, Report, Verdict
from monitorbench.report.write import dumps, from_json, to_json

Ran = Callable[..., Report]
Accepting = Callable[..., BaselineFile]

FAIL: dict[str, Any] = {"verdict": Verdict.FAIL, "reason": "The drop is too large."}
VERSUS: dict[str, Any] = {"versus": True, "tolerance": {"abs": 0.02}, "weights": "b"}


def judged(report: Report, file: BaselineFile | None, **changes: Any) -> Report:
    """The report held against a file, and then forged."""
    checks = tuple(forged(check, **changes) for check in held_against(report, file))
    verdict, code = overall(checks)
    return replace(report, checks=checks, verdict=verdict, exit_code=int(code))


def forged(check: CheckReport, **changes: Any) -> CheckReport:
    assert check.accepted is not None
    own = {"verdict": changes.pop("final")} if "final" in changes else {}
    return replace(check, accepted=replace(check.accepted, **changes), **own)


def complaints(report: Report) -> list[str]:
    return [each.removeprefix("report.checks.bottleneck.accepted: ") for each in contradictions(report)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({}, FAIL),
        (FAIL, FAIL),
        (FAIL, FAIL | {"day": "2027-05-01"}),
        (FAIL, FAIL | {"value": 0.5, "weights": "b"}),
        ({}, {"value": 0.5, "tolerance": {"abs": 0.02}, "weights": "b"}),
        ({}, {"seed": 1, **FAIL}),
        ({}, VERSUS),
        ({}, {**VERSUS, "value": 0.5}),
        ({}, {**VERSUS, "seed": 1}),
        (None, VERSUS),
        (None, FAIL),
    ],
)
def test_whatever_comes_of_a_check_is_sound_and_survives_the_file(
    before: dict[str, Any] | None, after: dict[str, Any], ran: Ran, accepting: Accepting
) -> None:
    report = judged(ran(**after), BaselineFile() if before is None else accepting(ran(**before)))
    assert contradictions(report) == ()
    assert dumps(from_json(to_json(report))) == dumps(report)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"expires": "2026-12-31"}, "it is let through until 2026-12-31, and the run is of 2027-01-01"),
        ({"expires": None}, "it is let through until None, and the run is of 2027-01-01"),
        ({"reason": ""}, "a known failure was accepted as one, with a reason"),
        ({"verdict": Verdict.PASS}, "a known failure was accepted as one, with a reason"),
        ({"words": "All is well."}, "the reason does not begin with what is said of the accepted value"),
        ({"by_bounds": Verdict.ERROR, "final": Verdict.ERROR}, "error cannot be a known failure"),
        ({"by_bounds": Verdict.INCONCLUSIVE}, "fail does not follow from inconclusive and known failure"),
        ({"held": Held.EXPIRED}, "it expired, and is let through until 2027-04-01 in a run of 2027-01-01"),
        ({"held": Held.WORSE}, "it is called worse, which its difference and its tolerance do not say"),
    ],
)
def test_a_forged_known_failure_is_found(
    changes: dict[str, Any], complaint: str, ran: Ran, accepting: Accepting
) -> None:
    assert complaint in complaints(judged(ran(**FAIL), accepting(ran(**FAIL)), **changes))


def test_a_worse_value_cannot_be_called_a_pass(ran: Ran, accepting: Accepting) -> None:
    worse = ran(0.5, tolerance={"abs": 0.02}, weights="b")
    forgery = judged(worse, accepting(ran()), held=Held.NO_WORSE, final=Verdict.PASS)
    assert complaints(forgery) == ["it is called no worse, which its difference and its tolerance do not say"]
    assert complaints(judged(worse, accepting(ran()), final=Verdict.PASS)) == [
        "pass does not follow from pass and worse"
    ]


def test_what_has_to_be_shown_cannot_be_left_out(ran: Ran) -> None:
    assert complaints(ran(**VERSUS)) == [
        "its suite asks for `max_drop_vs: previous`, and it was held against nothing",
    ]
    assert contradictions(ran(**VERSUS, gated=False)) == ()
    unheld = judged(ran(**VERSUS), None, final=Verdict.PASS)
    assert complaints(unheld) == ["pass does not follow from pass and new"]


def test_reports_of_before_are_read_without(ran: Ran) -> None:
    payload = to_json(ran())
    del payload["checks"][0]["accepted"]
    assert from_json(payload) == ran()
