"""The formats of a report, by name."""

from __future__ import annotations

import pytest

from monitorbench.errors import UsageError
from monitorbench.report.model import Report
from monitorbench.report.render.registry import FORMATS
from monitorbench.report.write import dumps


def test_the_formats_are_exactly_these() -> None:
    assert list(FORMATS) == ["github", "html", "json", "junit", "markdown", "terminal"]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "html"])
def test_a_format_is_a_pure_function_of_the_report(name: str, every_verdict: Report) -> None:
    render = FORMATS.load(name)
    assert render(every_verdict) == render(every_verdict) != ""


def test_json_is_the_report_itself(every_verdict: Report) -> None:
    assert FORMATS.load("json")(every_verdict) == dumps(every_verdict)


def test_an_unknown_format_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no report format is called 'mardown'; did you mean 'markdown'"):
        FORMATS.load("mardown")
