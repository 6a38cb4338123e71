"""Report dataclasses to plain JSON values and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitorbench.report.codec import InvalidReportError, from_json, to_json
from monitorbench.report.model import CheckReport, Report

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]


def test_enums_become_text_and_tuples_lists(make_report: MakeReport) -> None:
    payload = to_json(make_report())
    assert type(payload["verdict"]) is str
    assert type(payload["exit_code"]) is int
    assert payload["models"][0]["channels"] == ["thought"]
    assert payload["checks"][0]["bound"] == {"min": None, "max": 0.05}


def test_fields_keep_their_order_and_free_form_keys_are_sorted(make_check: MakeCheck, make_report: MakeReport) -> None:
    payload = to_json(make_report(make_check(evidence={"b": {"z": 1, "a": 2}, "a": 3})))
    first, *_, last = payload
    assert (first, last) == ("schema_version", "run")
    assert list(payload["checks"][0]["evidence"]) == ["a", "b"]
    assert list(payload["checks"][0]["evidence"]["b"]) == ["a", "z"]


@pytest.mark.parametrize(
    ("evidence", "complaint"),
    [
        ({"drop": float("nan")}, r"report\.checks\[0\]\.evidence\.drop is nan, which JSON cannot hold"),
        ({"drops": [0.1, float("inf")]}, r"report\.checks\[0\]\.evidence\.drops\[1\] is inf"),
        ({"drop": -float("inf")}, r"is -inf"),
        ({"tau": np.zeros(2)}, r"evidence\.tau is a ndarray"),
        ({"n": np.int64(3)}, r"evidence\.n is a int64"),
        ({"seen": {"a"}}, r"evidence\.seen is a set"),
        ({"by_k": {1: 0.5}}, r"evidence\.by_k has the key 1; keys have to be text"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(
    evidence: dict[str, Any], complaint: str, make_check: MakeCheck, make_report: MakeReport
) -> None:
    with pytest.raises(InvalidReportError, match=complaint):
        to_json(make_report(make_check(evidence=evidence)))


def test_nan_is_refused_in_fields_too(make_check: MakeCheck, make_report: MakeReport) -> None:
    with pytest.raises(InvalidReportError, match=r"internal error: report\.checks\[0\]\.estimate is nan"):
        to_json(make_report(make_check(estimate=float("nan"))))


def test_none_stays_none_both_ways(make_check: MakeCheck, make_report: MakeReport) -> None:
    report = make_report(make_check(estimate=None, interval=None, bound=None, n=None))
    payload = to_json(report)
    assert payload["checks"][0]["estimate"] is None
    assert from_json(payload) == report
