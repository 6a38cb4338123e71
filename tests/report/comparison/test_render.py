"""A comparison as text, Markdown, JSON and a page: all of them say the same, and no text of a model acts in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.report.comparison.compare import compare
from monitorbench.report.comparison.gate import judge
from monitorbench.report.comparison.model import Comparison, Judgement
from monitorbench.report.comparison.page import as_page
from monitorbench.report.comparison.render import as_json, as_markdown, as_text
from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.report.words import one_line

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]

TEXT = """\
new.json against old.json

check              verdict            reference  other   difference                 pairs
bottleneck         pass -> fail       1.0 pp     6.0 pp  +5.0 pp [3.8, 6.5], worse  40
depth              pass               1.2 pp     1.2 pp  0.0 pp                     -
gone               missing: was pass  1.2 pp     -       -                          -
extra (not gated)  new: error         -          1.2 pp  -                          -

Differences of depth have no interval: the reports share no prompts by name.

settings that differ:
  models.candidate.weights_sha256: aaaaaaaaaaaa -> ffffffffffff

new.json: bottleneck: pass became fail
new.json: gone: is missing
exit 1: 2 findings (fail on regression).
"""


@pytest.fixture(scope="module")
def comparison(make_check: MakeCheck, make_report: MakeReport) -> Comparison:
    def bottleneck(values: list[float], **changes: Any) -> CheckReport:
        held = {"ids": [str(i) for i in range(40)], "values": values, "low": -1.0, "high": 1.0, "left_out": 0}
        return make_check(evidence={"per_prompt": held}, estimate=sum(values) / 40, **changes)

    suite = {"checks": [{"id": "bottleneck", "tolerance": {"abs": 0.02}}]}
    before = make_report(bottleneck([0.0, 0.02] * 20), make_check(id="depth"), make_check(id="gone"), suite=suite)
    after = make_report(
        bottleneck([0.0, 0.12] * 20, verdict=Verdict.FAIL),
        make_check(id="depth"),
        make_check(id="extra", verdict=Verdict.ERROR, gated=False),
        suite=suite,
    )
    model = type(after.models[0])
    fields = {name: getattr(after.models[0], name) for name in model.__slots__} | {"weights_sha256": "f" * 64}
    return compare({"old.json": before, "new.json": make_report(*after.checks, suite=suite, models=(model(**fields),))})


def test_text(comparison: Comparison) -> None:
    assert as_text(comparison, judge(comparison, "regression"), width=100) == TEXT


def test_markdown_begins_with_what_was_found(comparison: Comparison) -> None:
    text = as_markdown(comparison, judge(comparison, "regression"))
    assert text.startswith(
        "## monitorbench: comparison\n\nexit 1: 2 findings (fail on regression).\n\n"
        "- new.json: bottleneck: pass became fail\n- new.json: gone: is missing\n\n### new.json against old.json\n\n"
    )
    assert "| bottleneck | pass -&gt; fail | 1.0 pp | 6.0 pp |" in text


def test_json_holds_every_number(comparison: Comparison) -> None:
    payload = json.loads(as_json(comparison, judge(comparison, "regression")))
    (other,) = payload["others"]
    first = other["checks"][0]
    assert (payload["exit_code"], payload["reference"], other["report"]) == (1, "old.json", "new.json")
    assert (first["kind"], first["standing"], first["difference"]["n"]) == ("changed", "worse", 40)
    assert first["difference"]["value"] == pytest.approx(0.05)
    assert other["differs"][0]["reference"] == "a" * 64
    assert other["checks"][2]["other"] is None


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.text = set[str](), ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_runs_nothing_and_fetches_nothing(comparison: Comparison) -> None:
    page = as_page(comparison, judge(comparison, "regression"))
    assert "default-src 'none'" in page
    assert not Page(page).tags & {"script", "link", "img", "iframe", "a"}
    assert "new.json: gone: is missing" in Page(page).text


def test_the_page_draws_reports_that_have_a_depth_and_an_accuracy(
    make_check: MakeCheck, make_report: MakeReport
) -> None:
    def architecture(depth: int, accuracy: float, recovery: float | None) -> Report:
        found = {"accuracy": {"soft": accuracy}, "recovery": {"value": recovery}}
        return make_report(
            make_check(id="d", type="opaque-depth-ratio", evidence={"contexts": [{"applied": {"depth": depth}}]}),
            make_check(id="b", type="bottleneck-drop", evidence=found),
        )

    found = compare({"a": architecture(100, 1.0, 1.0), "b": architecture(10_000, 0.0, None)})
    page = as_page(found, Judgement(fail_on="never", code=judge(found, "never").code))
    left, right = (piece.split('"')[0] for piece in page.split('cx="')[1:])
    assert (float(left), float(right)) == (56.0, 616.0)
    assert page.count('fill-opacity="1.00"') == page.count('fill-opacity="0.00"') == 1
    assert "100,000" not in page


@given(text=st.text(min_size=1) | st.text(alphabet="<&>\"'|`*@/ \n\x1b\ud800", min_size=1))
@settings(max_examples=100, deadline=None)
def test_no_text_acts_in_any_rendering(text: str, make_check: MakeCheck, make_report: MakeReport) -> None:
    reports = [make_report(make_check(id=f"x{text}x", type="t", reason=text), suite={"s": {text: n}}) for n in (1, 2)]
    found = compare({f"a{text}a": reports[0], f"b{text}b": reports[1]})
    judgement = judge(found, "change")
    page = Page(as_page(found, judgement))
    assert page.tags <= {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li"} | {
        *("table", "tr", "th", "td")
    }
    assert one_line(f"x{text}x") in page.text
    assert "\x1b" not in as_text(found, judgement) + as_markdown(found, judgement)
    assert "<" not in as_markdown(found, judgement)
    assert json.loads(as_json(found, judgement))["reference"] == f"a{text}a"
