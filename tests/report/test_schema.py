"""The published schema accepts what runs write and nothing else."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from monitorbench.report.codec import from_json, to_json
from monitorbench.report.model import Report, RunFacts, Verdict
from monitorbench.report.schema import problems, schema, schema_text

LATER = ("dtype", "remote_code", "chat_template", "device_map", "tensor_parallel")
"""Fields of a model that the first reports did not have."""
LATER_OF_RUNS = ("recorded", "rescored")
LATER_OF_CHECKS = {"severity": "fail", "warning": "", "warn_verdict": None, "warn_bound": None}
"""Those of a check, with what is read where they are not there."""
MakeReport = Callable[..., Report]


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every object schema with named fields inside a schema."""
    if isinstance(node, dict):
        if "properties" in node:
            yield node
        for item in node.values():
            yield from objects(item)


def changed(payload: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of the payload with the value at a dotted path replaced, or taken away for `...`."""
    result = copy.deepcopy(payload)
    *parents, last = (int(part) if part.isdecimal() else part for part in path.split("."))
    node: Any = result
    for part in parents:
        node = node[part]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return result


def test_it_is_a_valid_draft_07_document() -> None:
    Draft7Validator.check_schema(schema())
    assert json.loads(schema_text()) == schema()
    assert schema_text().endswith("}\n")


def test_every_field_is_described_and_required_and_no_other_is_allowed() -> None:
    found = list(objects(schema()))
    # The ten dataclasses; a check has a second bound, and more intervals: of a control, and two of what was accepted.
    assert len(found) == 14
    for each in found:
        later = {*LATER, *LATER_OF_CHECKS, *LATER_OF_RUNS, "policy", "accepted"}
        assert each["required"] == [name for name in each["properties"] if name not in later]
        assert each["additionalProperties"] is False
        for name, field in each["properties"].items():
            assert field["description"].endswith("."), name


def test_a_full_report_fits(make_report: MakeReport) -> None:
    assert problems(to_json(make_report())) == ()


def test_a_minimal_report_fits() -> None:
    report = Report(
        verdict=Verdict.NOT_APPLICABLE,
        exit_code=3,
        versions={},
        device={},
        suite_sha256="0" * 64,
        suite={},
        models=(),
        checks=(),
        run=RunFacts(started="2026-01-02T03:04:05", seconds=0.0, host="", platform=""),
    )
    assert problems(to_json(report)) == ()


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("schema_version", 2, "report.schema_version: 1 was expected"),
        ("verdict", "passed", "report.verdict: 'passed' is not one of"),
        ("exit_code", 4, "report.exit_code: 4 is not one of [0, 1, 2, 3, 130]"),
        ("suite_sha256", "", "report.suite_sha256: '' does not match"),
        ("suite", [], "report.suite: wants object, found list"),
        ("versions.torch", 2.11, "report.versions.torch: wants string, found float"),
        ("extra", 1, "report: Additional properties are not allowed ('extra' was unexpected)"),
        ("run", ..., "report: 'run' is a required property"),
        ("run.started", "yesterday", "report.run.started: 'yesterday' does not match"),
        ("run.seconds", -1, "report.run.seconds: -1 is less than the minimum of 0"),
        ("run.seconds_by_check.depth", "1 s", "report.run.seconds_by_check.depth: wants number, found str"),
        ("models.0.weights_sha256", "A" * 64, "report.models[0].weights_sha256:"),
        ("models.0.parameters", -1, "report.models[0].parameters: -1 is less than the minimum of 0"),
        ("models.0.remote_code", "no", "report.models[0].remote_code: wants boolean or null, found str"),
        ("models.0.device_map", {"lm_head": 0}, "report.models[0].device_map.lm_head: wants string, found int"),
        ("models.0.channels", "thought", "report.models[0].channels: wants array, found str"),
        ("checks.0.id", "", "report.checks[0].id:"),
        ("checks.0.line", 0, "report.checks[0].line: 0 is less than the minimum of 1"),
        ("checks.0.gated", 1, "report.checks[0].gated: wants boolean, found int"),
        ("checks.0.verdict", None, "report.checks[0].verdict:"),
        ("checks.0.reason", "", "report.checks[0].reason:"),
        ("checks.0.estimate", True, "report.checks[0].estimate: wants number or null, found bool"),
        ("checks.0.estimate", ..., "report.checks[0]: 'estimate' is a required property"),
        ("checks.0.n", 1.5, "report.checks[0].n: wants integer or null, found float"),
        ("checks.0.n", -1, "report.checks[0].n: -1 is less than the minimum of 0"),
        ("checks.0.interval.level", 0, "report.checks[0].interval.level: 0 is less than or equal to the minimum of 0"),
        ("checks.0.interval.level", 90, "report.checks[0].interval.level: 90 is greater than the maximum of 1"),
        ("checks.0.interval.low", None, "report.checks[0].interval.low: wants number, found NoneType"),
        ("checks.0.bound.most", 1, "report.checks[0].bound: Additional properties"),
        ("checks.0.dropped.0.count", -1, "report.checks[0].dropped[0].count: -1 is less than the minimum of 0"),
        ("checks.0.controls.0.ok", "yes", "report.checks[0].controls[0].ok: wants boolean or null, found str"),
        ("checks.0.rests_on", [1], "report.checks[0].rests_on[0]: wants string, found int"),
    ],
)
def test_each_broken_invariant_is_named(path: str, value: Any, complaint: str, make_report: MakeReport) -> None:
    found = problems(changed(to_json(make_report()), path, value))
    assert any(problem.startswith(complaint) for problem in found), found


def test_older_reports_fit_without_the_fields_that_came_later(make_report: MakeReport) -> None:
    payload = to_json(make_report())
    for name in LATER:
        assert name in payload["models"][0]
        payload = changed(payload, f"models.0.{name}", ...)
    assert problems(payload) == ()
    (model,) = from_json(payload).models
    assert [getattr(model, name) for name in LATER] == [None] * len(LATER)


def test_reports_of_before_severities_are_read_as_what_they_were(make_report: MakeReport) -> None:
    payload = changed(to_json(make_report()), "policy", ...)
    for name in LATER_OF_CHECKS:
        payload = changed(payload, f"checks.0.{name}", ...)
    assert problems(payload) == ()
    report = from_json(payload)
    assert report.policy is None
    assert {name: getattr(report.checks[0], name) for name in LATER_OF_CHECKS} == LATER_OF_CHECKS


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        ("checks.0.severity", "fatal", "report.checks[0].severity: 'fatal' is not one of ['fail', 'warn', 'info']"),
        ("checks.0.warn_verdict", "so-so", "report.checks[0].warn_verdict: 'so-so' is not one of ['pass', 'fail', "),
        ("policy", {"inconclusive": "maybe", "strict": False}, "report.policy.inconclusive: 'maybe' is not one of "),
    ],
)
def test_words_that_mean_nothing_are_refused(place: str, value: Any, complaint: str, make_report: MakeReport) -> None:
    (found,) = problems(changed(to_json(make_report()), place, value))
    assert found.startswith(complaint)


def test_every_field_left_out_is_missed(make_report: MakeReport) -> None:
    payload = to_json(make_report())
    for name in {field.name for field in dataclasses.fields(Report)} - {"policy"}:
        assert problems(changed(payload, name, ...)) == (f"report: {name!r} is a required property",)


@pytest.mark.parametrize("section", ["suite", "checks.0.parameters", "checks.0.evidence"])
def test_free_form_sections_take_any_json(section: str, make_report: MakeReport) -> None:
    anything = {"list": [1, None, {"deep": [True]}], "text": "x"}
    assert problems(changed(to_json(make_report()), section, anything)) == ()


@pytest.mark.parametrize("payload", [None, 1, "report", [], {}])
def test_other_json_is_no_report(payload: object) -> None:
    assert problems(payload)


def test_long_values_are_not_quoted_in_full(make_report: MakeReport) -> None:
    (problem,) = problems(changed(to_json(make_report()), "verdict", "x" * 10_000))
    assert len(problem) < 300
