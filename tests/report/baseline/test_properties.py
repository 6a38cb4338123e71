"""What holds of every run and every baseline file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.report.baseline.file import dumps, read
from monitorbench.report.baseline.judge import held_against
from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.codec import to_json
from monitorbench.report.consistency import contradictions
from monitorbench.report.exit_code import overall
from monitorbench.report.model import Bound, CheckReport, Interval, Report, Verdict

Accepting = Callable[..., BaselineFile]
Make = Callable[..., Any]

WIDTHS = st.floats(0.0, 0.3)
VALUES = st.floats(-0.9, 0.9)
VERDICTS = st.sampled_from([each for each in Verdict if each is not Verdict.ERROR])
TOLERANCES = st.none() | st.fixed_dictionaries({}, optional={"abs": st.floats(0, 0.5), "rel": st.floats(0, 2)}).filter(
    bool
)
BOUNDS = st.sampled_from([Bound(max=0.05), Bound(min=0.2), Bound(min=0.1, max=0.6), None])


@st.composite
def checks(draw: st.DrawFn) -> dict[str, Any]:
    value, half = draw(VALUES), draw(WIDTHS)
    interval = Interval(low=value - half, high=value + half, level=0.9, method="made")
    measured, versus = draw(st.booleans()), draw(st.booleans())
    return {
        "estimate": value if measured else None,
        "interval": interval if measured and draw(st.booleans()) else None,
        "verdict": draw(VERDICTS),
        "bound": draw(BOUNDS),
        "tolerance": draw(TOLERANCES) or ({"abs": 0.1} if versus else None),
        "versus": versus,
    }


SUITES = st.dictionaries(st.sampled_from("abcd"), checks(), min_size=1)


@pytest.fixture(scope="session")
def made(make_check: Make, make_report: Make) -> Callable[..., Report]:
    """A report on such checks."""

    def made(found: dict[str, dict[str, Any]]) -> Report:
        reports, asked = [], []
        for name, drawn in found.items():
            fields = dict(drawn)
            said = {"tolerance": fields.pop("tolerance"), "max_drop_vs": "previous" if fields.pop("versus") else None}
            asked.append({"id": name} | {key: value for key, value in said.items() if value})
            reports.append(make_check(id=name, parameters={"task": "t"}, evidence={}, **fields))
        report: Report = make_report(*reports, suite={"name": "s", "tasks": {"t": {}}, "checks": asked})
        return report

    return made


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a baseline file may be."""
    return tmp_path_factory.mktemp("edited") / "b.json"


def judged(report: Report, file: BaselineFile | None) -> Report:
    found = held_against(report, file)
    verdict, code = overall(found)
    return replace(report, checks=found, verdict=verdict, exit_code=int(code))


def is_fixable(check: CheckReport, drawn: dict[str, Any]) -> bool:
    """Whether accepting a check is enough: what has to be shown needs a value, and a side that is worse."""
    two_sided = check.bound is None or None not in (check.bound.min, check.bound.max)
    if drawn["versus"] and check.verdict is Verdict.PASS:
        return check.estimate is not None and not two_sided
    return not (drawn["versus"] and check.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE) and two_sided)


@given(found=SUITES)
def test_the_run_that_was_accepted_passes(
    found: dict[str, dict[str, Any]], made: Callable[..., Report], accepting: Accepting
) -> None:
    report = made(found)
    again = judged(report, accepting(report))
    broken = [check for check in report.checks if not is_fixable(check, found[check.id])]
    nothing = all(check.verdict is Verdict.NOT_APPLICABLE for check in report.checks)
    assert contradictions(again) == ()
    if not broken:
        assert again.exit_code == (3 if nothing else 0)


@given(found=SUITES)
def test_accepting_the_same_run_twice_changes_nothing(
    found: dict[str, dict[str, Any]], made: Callable[..., Report], accepting: Accepting
) -> None:
    report = made(found)
    once = accepting(report)
    assert dumps(accepting(report, once)) == dumps(once)


@given(before=SUITES, after=SUITES, data=st.data())
def test_what_is_not_named_stays_byte_for_byte(
    before: dict[str, dict[str, Any]],
    after: dict[str, dict[str, Any]],
    data: st.DataObject,
    made: Callable[..., Report],
    accepting: Accepting,
) -> None:
    old, new = accepting(made(before)), made(after)
    chosen = data.draw(st.sets(st.sampled_from(sorted(after)), min_size=1))
    changed = accepting(new, old, only=tuple(sorted(chosen)), today=date(2027, 1, 1))
    for name in before.keys() - chosen:
        assert only(changed, name) == only(old, name)
    assert set(changed.of("s")) == before.keys() | chosen


def only(file: BaselineFile, name: str) -> str:
    return dumps(BaselineFile(suites={"s": {name: file.of("s")[name]}}))


@given(
    value=VALUES,
    tolerance=st.floats(0, 0.5),
    beyond=st.floats(0.001, 0.5),
    half=WIDTHS,
    other_half=WIDTHS,
    verdict=st.sampled_from([Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE]),
    upward=st.booleans(),
    versus=st.booleans(),
)
def test_what_is_worse_beyond_its_tolerance_always_counts(
    made: Callable[..., Report], accepting: Accepting, **drawn: Any
) -> None:
    """Its interval and that of the accepted value lie apart by more than the tolerance: no noise explains that."""
    value, tolerance, half, other_half = (drawn[name] for name in ("value", "tolerance", "half", "other_half"))
    side = 1 if drawn["upward"] else -1
    worse = value + side * (tolerance + half + other_half + drawn["beyond"])
    check = {
        "bound": Bound(max=0.05) if drawn["upward"] else Bound(min=0.2),
        "tolerance": {"abs": tolerance},
        "versus": drawn["versus"],
    }

    def run(estimate: float, width: float, verdict: Verdict) -> Report:
        interval = Interval(low=estimate - width, high=estimate + width, level=0.9, method="made")
        return made({"a": check | {"estimate": estimate, "interval": interval, "verdict": verdict}})

    file = accepting(run(value, half, drawn["verdict"]))
    again = judged(run(worse, other_half, drawn["verdict"]), file)
    assert (again.verdict, again.exit_code) == (Verdict.FAIL, 1)
    better = judged(run(value - side * 0.01, 0.0, Verdict.PASS), accepting(run(value, 0.0, Verdict.PASS)))
    assert better.exit_code == 0


@given(found=SUITES, later=SUITES)
def test_no_file_makes_a_run_better_than_a_failure_that_was_not_accepted(
    found: dict[str, dict[str, Any]],
    later: dict[str, dict[str, Any]],
    made: Callable[..., Report],
    accepting: Accepting,
) -> None:
    """A check is let through only where a failure of it was accepted; no other verdict gets better."""
    file, report = accepting(made(found)), made(later)
    for before, after in zip(report.checks, held_against(report, file), strict=True):
        accepted = file.of("s").get(before.id)
        if after.known:
            assert accepted is not None
            assert accepted.reason == "as it is"
        elif before.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE):
            assert after.verdict in (before.verdict, Verdict.FAIL)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "value": NUMBERS | st.none() | JSON,
        "interval": st.none() | st.fixed_dictionaries({"low": NUMBERS, "high": NUMBERS}) | JSON,
        "bound": st.fixed_dictionaries({"min": NUMBERS | st.none(), "max": NUMBERS | st.none()}) | JSON,
        "verdict": st.sampled_from(["pass", "fail", "unobserved", "error", "great"]),
        "expires": st.sampled_from([None, "2027-02-29", "2027-02-28", "0000-00-00", "2027-02-28\n"]),
        "prompts": st.fixed_dictionaries(
            {"low": NUMBERS, "high": NUMBERS, "values": st.dictionaries(st.sampled_from("pqr"), NUMBERS)}
        )
        | JSON,
        "settings": st.dictionaries(st.text(max_size=3), JSON, max_size=2),
        "reason": st.text(max_size=5),
    },
)


@given(fields=FIELDS, found=checks())
def test_an_edited_entry_is_refused_or_held_against(
    fields: dict[str, Any], found: dict[str, Any], made: Callable[..., Report], accepting: Accepting, path: Path
) -> None:
    report = made({"a": found})
    payload = json.loads(dumps(accepting(report)))
    entry = payload["suites"]["s"]["a"]
    if isinstance(fields.get("interval"), dict) and fields["interval"].keys() == {"low", "high"}:
        fields["interval"] |= {"level": 0.9, "method": "edited"}
    entry |= fields
    path.write_text(json.dumps(payload), encoding="utf-8")
    with contextlib.suppress(UsageError):
        again = judged(report, read(path))
        assert contradictions(again) == ()
        to_json(again)


@given(value=JSON)
def test_whatever_a_file_holds_it_is_read_or_refused(value: object, path: Path) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(UsageError, match=r"is no baseline file|is a baseline file of version"):
        read(path)
