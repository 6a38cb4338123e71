"""JUnit XML: what CI systems accept, whatever a model wrote."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.report.model import CheckReport, Policy, Report, Verdict
from monitorbench.report.render.junit import render

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]

NUMBERS = {"tests", "failures", "errors"}
"""What Jenkins' junit-10.xsd allows: for each element its children, its attributes, and those that it requires."""
ALLOWED = {
    "testsuites": ({"testsuite"}, NUMBERS | {"name", "time"}, set[str]()),
    "testsuite": (
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        NUMBERS
        | {*("name", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url", "group")},
        NUMBERS | {"name"},
    ),
    "properties": ({"property"}, set[str](), set[str]()),
    "property": (set[str](), {"name", "value"}, {"name", "value"}),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name", "time", "classname", "group"},
        {"name"},
    ),
    "skipped": (set[str](), {"type", "message"}, set[str]()),
    "error": (set[str](), {"type", "message"}, set[str]()),
    "failure": (set[str](), {"type", "message"}, set[str]()),
    "system-out": (set[str](), set[str](), set[str]()),
}
SECONDS = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?")


def valid(text: str) -> Element:
    """The root element, once every element was found to be what the schema allows."""
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        children, attributes, required = ALLOWED[element.tag]
        assert {child.tag for child in element} <= children
        assert required <= set(element.attrib) <= attributes
        assert SECONDS.fullmatch(element.get("time", ""))
    return root


def outcomes(root: Element) -> dict[str | None, tuple[str, ...]]:
    """What stands in each test case beside its output."""
    cases = root.iter("testcase")
    return {case.get("name"): tuple(each.tag for each in case if each.tag != "system-out") for case in cases}


def test_every_verdict_has_its_outcome(every_verdict: Report) -> None:
    root = valid(render(every_verdict))
    assert outcomes(root) == {
        "passes": (),
        "elsewhere": ("skipped",),
        "open": ("failure",),
        "unseen": ("error",),
        "broken": ("error",),
        "fails": ("failure",),
        "watched": ("skipped",),
    }
    (suite,) = root
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "7", "failures": "2", "errors": "2", "skipped": "2"}
    assert (suite.get("name"), suite.get("time"), suite.get("timestamp")) == (
        "quickstart",
        "61.500",
        "2026-01-02T03:04:05",
    )


def test_an_inconclusive_check_that_is_let_through_is_skipped(every_verdict: Report) -> None:
    assert outcomes(valid(render(every_verdict, inconclusive="pass")))["open"] == ("skipped",)
    with pytest.raises(UsageError, match="use fail, warn, pass"):
        render(every_verdict, inconclusive="never")  # type: ignore[arg-type]  # what a caller may write


def test_a_failure_says_why_and_where(every_verdict: Report) -> None:
    root = valid(render(every_verdict))
    failure = root.find(".//testcase[@name='fails']/failure")
    assert failure is not None
    words = "It wrote <script>|`*[x](y)*` & [2J @all #12 https://x.org 50%,\nthen a second line"
    assert failure.text == f"quickstart.yaml:60\n{words}"
    assert failure.get("type") == "fail"
    out = root.findtext(".//testcase[@name='fails']/system-out") or ""
    assert out.splitlines()[2:6] == [
        "declared in: quickstart.yaml:60",
        "check type: token-bottleneck",
        "estimate: 9.0 pp [-0.4, 3.1]",
        "bound: <= 5 pp",
    ]


def test_what_is_not_gated_never_fails_a_build(every_verdict: Report) -> None:
    skipped = valid(render(every_verdict)).find(".//testcase[@name='watched']/skipped")
    assert skipped is not None
    assert skipped.get("message") == "fail (not gated): Only watched."


def test_only_what_counts_fails_a_build(every_severity: Report) -> None:
    root = valid(render(every_severity))
    assert outcomes(root) == {"warned": (), "lenient": ("skipped",), "told": ("skipped",)}
    assert "warning: By warn_if (max_drop 0.01)" in (root.findtext(".//testcase[@name='warned']/system-out") or "")
    assert "severity: info" in (root.findtext(".//testcase[@name='told']/system-out") or "")


def test_in_a_strict_build_warnings_are_failures(every_severity: Report) -> None:
    root = valid(render(every_severity, strict=True))
    assert outcomes(root) == {"warned": ("failure",), "lenient": ("failure",), "told": ("skipped",)}
    failure = root.find(".//testcase[@name='warned']/failure")
    assert failure is not None
    assert failure.get("type") == "fail"
    assert (failure.get("message") or "").startswith("pass (warning): By warn_if (max_drop 0.01): fail")


def test_a_strict_run_is_shown_as_it_was(every_severity: Report) -> None:
    kept = dataclasses.replace(every_severity, policy=Policy(strict=True))
    assert outcomes(valid(render(kept))) == outcomes(valid(render(every_severity, strict=True)))


def test_the_suite_says_which_checkpoint_was_run(every_verdict: Report) -> None:
    facts = {each.get("name"): each.get("value") for each in valid(render(every_verdict)).iter("property")}
    assert facts["candidate.weights_sha256"] == "a" * 64
    assert facts["verdict"] == "fail"
    assert facts["version.python"] == "3.11.9"


@given(text=st.text(min_size=1) | st.text(alphabet="<&>]\"'\x00\x1b\x7f\x85\ufffe\ud800\r\n\t", min_size=1))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_xml_that_holds_it(text: str, make_check: MakeCheck, make_report: MakeReport) -> None:
    check = make_check(id=text, reason=text, file=text, type=text, verdict=Verdict.FAIL)
    root = valid(render(make_report(check, suite={"name": text}, versions={text: text})))
    found = root.findtext(".//failure") or ""
    kept = re.sub("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
    # A parser makes one kind of line end of all.
    assert found == f"{kept}:12\n{kept}".replace("\r\n", "\n").replace("\r", "\n")


def test_a_surrogate_does_not_reach_the_file(make_check: MakeCheck, make_report: MakeReport) -> None:
    render(make_report(make_check(reason="\ud800", verdict=Verdict.FAIL))).encode()
