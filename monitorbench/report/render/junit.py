"""The report as JUnit XML, one test case per check, as Jenkins' `junit-10.xsd` and what builds on it want it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from monitorbench.report.exit_code import ExitCode, counted, effect, policy_of
from monitorbench.report.model import CheckReport, Inconclusive, Policy, Report, Verdict
from monitorbench.report.words import bound_words, count_words, estimate_words, one_line, verdict_words

# XML 1.0 allows the control characters from U+007F on, and a terminal obeys them.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OUTCOMES: Mapping[Verdict, str] = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.UNOBSERVED: "error",
    Verdict.INCONCLUSIVE: "failure",
    Verdict.NOT_APPLICABLE: "skipped",
}


def render(report: Report, *, inconclusive: Inconclusive | None = None, strict: bool = False) -> str:
    """The report as JUnit XML.

    A check that counts and failed is a failure, one that broke down or observed nothing an error, and one that does not
    apply is skipped. A check that does not count, or is let through, is never a failure: it is skipped unless it
    passed, be it with a warning. Characters that XML 1.0 does not allow, or a terminal obeys, are removed.

    Args:
        report: what to show.
        inconclusive: `fail` makes a failure of an inconclusive check; `warn` and `pass` skip it; None does as the run.
        strict: whether warnings are failures, as they are where the run was strict.

    Raises:
        UsageError: `inconclusive` is another word.
    """
    policy = policy_of(report, inconclusive=inconclusive, strict=strict)
    outcomes = {check.id: _outcome(check, policy) for check in report.checks}
    counts = Counter(outcomes.values())
    numbers = {
        "tests": str(len(report.checks)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "time": _seconds(report.run.seconds),
    }
    name = _legal(str(report.suite.get("name", "monitorbench")))
    root = Element("testsuites", {"name": "monitorbench", **numbers})
    own = {"skipped": str(counts["skipped"]), "timestamp": report.run.started[:19], "hostname": report.run.host}
    suite = SubElement(root, "testsuite", {"name": name, **numbers, **{key: _legal(each) for key, each in own.items()}})
    properties = SubElement(suite, "properties")
    for key, value in _facts(report):
        SubElement(properties, "property", {"name": _legal(key), "value": _legal(value)})
    for check in report.checks:
        seconds = report.run.seconds_by_check.get(check.id, 0.0)
        _case(suite, check, outcomes[check.id], policy, classname=name, seconds=seconds)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _outcome(check: CheckReport, policy: Policy) -> str:
    """The element that stands for what a check came to; empty for a pass."""
    if effect(check, policy) is ExitCode.PASS:
        return "" if check.verdict is Verdict.PASS else "skipped"
    return _OUTCOMES[counted(check, policy) or check.verdict]


def _case(suite: Element, check: CheckReport, outcome: str, policy: Policy, *, classname: str, seconds: float) -> None:
    about = {"name": _legal(check.id), "classname": classname, "time": _seconds(seconds)}
    case = SubElement(suite, "testcase", about)
    if outcome:
        # A check that passed has an element only where its warning counts as a fail.
        reason = "" if check.verdict is Verdict.PASS else check.reason
        words = " ".join(filter(None, (reason, check.warning)))
        message = one_line(f"{verdict_words(check)}: {words}")
        kind = counted(check, policy) or check.verdict
        found = SubElement(case, outcome, {"type": kind.value, "message": _legal(message)})
        found.text = _legal(f"{check.file}:{check.line}\n{words}")
    SubElement(case, "system-out").text = _legal("\n".join(_details(check)))


def _details(check: CheckReport) -> Iterator[str]:
    yield f"{check.verdict}: {check.reason}"
    if check.warning:
        yield f"warning: {check.warning}"
    told = {
        "declared in": f"{check.file}:{check.line}",
        "check type": check.type,
        "estimate": estimate_words(check),
        "bound": bound_words(check),
        "n": count_words(check.n),
        "rests on": ", ".join(check.rests_on),
        "severity": check.severity if check.severity != "fail" else "",
    }
    yield from (f"{key}: {one_line(value)}" for key, value in told.items() if value)


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    yield "verdict", report.verdict
    yield "exit_code", str(report.exit_code)
    yield "suite_sha256", report.suite_sha256
    for model in report.models:
        yield f"{model.role}.source", model.source
        yield f"{model.role}.weights_sha256", model.weights_sha256
    for package, version in sorted(report.versions.items()):
        yield f"version.{package}", version


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("", text)
