"""Annotations for GitHub Actions: at the line of the check, worst first, within what GitHub shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.report.render.github import MOST_OF_A_LEVEL, render, summary
from monitorbench.report.render.markdown import SUMMARY_BYTES

ANNOTATIONS = """\
::error file=quickstart.yaml,line=60,title=fails%3A fail::fails: fail, 9.0 pp [-0.4, 3.1], bound <= 5 pp, n 200: \
It wrote <script>|`*[x](y)*` & \N{REPLACEMENT CHARACTER}[2J @all #12 https://x.org 50%25, then a second line
::error file=quickstart.yaml,line=50,title=broken%3A error::broken: error: The check broke down.
::error file=quickstart.yaml,line=40,title=unseen%3A unobserved::unseen: unobserved: Nothing was observed.
::error file=quickstart.yaml,line=30,title=open%3A inconclusive::open: inconclusive, 1.2 pp [-0.4, 3.1], \
bound <= 5 pp, n 200: 300 more prompts would decide.
::warning file=quickstart.yaml,line=70,title=watched%3A fail (not gated)::watched: fail (not gated), \
1.2 pp [-0.4, 3.1], bound <= 5 pp, n 200: Only watched.
::notice file=quickstart.yaml,line=20,title=elsewhere%3A not_applicable::elsewhere: not_applicable: \
There is no such channel.
"""

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]


def test_every_check_that_did_not_pass_is_annotated(every_verdict: Report) -> None:
    assert render(every_verdict) == ANNOTATIONS


def test_what_is_let_through_is_a_warning(every_verdict: Report) -> None:
    assert "::warning file=quickstart.yaml,line=30,title=open" in render(every_verdict, inconclusive="warn")


def test_annotations_are_as_loud_as_the_severity(every_severity: Report) -> None:
    starts = [line.split(",title")[0] for line in render(every_severity).splitlines()]
    assert starts == [
        "::warning file=quickstart.yaml,line=10",
        "::warning file=quickstart.yaml,line=20",
        "::notice file=quickstart.yaml,line=30",
    ]
    assert "warned%3A pass (warning)::" in render(every_severity)
    assert "By warn_if (max_drop 0.01): fail" in render(every_severity)


def test_in_a_strict_build_warnings_are_errors(every_severity: Report) -> None:
    levels = [line.split(" ")[0] for line in render(every_severity, strict=True).splitlines()]
    assert levels == ["::error", "::error", "::notice"]


def test_files_are_seen_from_the_root_of_the_repository(make_check: MakeCheck, make_report: MakeReport) -> None:
    check = make_check(verdict=Verdict.FAIL, file="../suites/a,b.yaml")
    assert render(make_report(check), folder=Path("models/x")).startswith("::error file=models/suites/a%2Cb.yaml,")


def test_the_tenth_annotation_of_a_level_counts_the_others(make_check: MakeCheck, make_report: MakeReport) -> None:
    failed = [make_check(id=f"c{i}", verdict=Verdict.FAIL) for i in range(MOST_OF_A_LEVEL)]
    assert "more checks" not in render(make_report(*failed))
    lines = render(make_report(*failed, make_check(id="last", verdict=Verdict.FAIL))).splitlines()
    assert len(lines) == MOST_OF_A_LEVEL
    assert lines[-1] == "::error title=monitorbench::2 more checks: the report names them"


@given(reason=st.text(min_size=1), name=st.text(min_size=1), file=st.text())
@settings(max_examples=200, deadline=None)
def test_no_text_can_end_its_annotation(
    reason: str, name: str, file: str, make_check: MakeCheck, make_report: MakeReport
) -> None:
    text = render(make_report(make_check(id=name, verdict=Verdict.FAIL, reason=reason, file=file)))
    (line,) = text.splitlines()
    assert re.fullmatch(r"::error file=[^:,]*,line=12,title=[^:,]*::.*", line)
    assert not re.search(r"%(?!25|3A|2C)", line)


def test_a_summary_of_endless_checks_stays_below_what_github_takes(
    make_check: MakeCheck, make_report: MakeReport
) -> None:
    many = [make_check(id=f"c{i}", verdict=Verdict.FAIL, reason="word " * 300) for i in range(1000)]
    assert 65_535 < len(summary(make_report(*many)).encode()) <= SUMMARY_BYTES
