"""The page needs no network, lets no foreign script run, and shows whatever a report holds."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import example

from monitorbench.report.model import Bound, CheckReport, Report, Verdict
from monitorbench.report.render.html import render
from monitorbench.report.render.page.traces import Traces

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]
HOSTILE = "</script></style><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\"'&{{ 7 * 7 }}"
EVIDENCE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["rungs", "contexts", "scores", "filters", "classes", "residue", "applied", "value", "drop"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
TYPES = ["bottleneck-drop", "opaque-depth-ratio", "chronology-score", "variable-transparency", "another"]


class Tags(HTMLParser):
    """Every tag with its attributes, and every text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def hostile(make_check: MakeCheck, make_report: MakeReport) -> str:
    check = make_check(
        reason=HOSTILE, unit=HOSTILE, type=HOSTILE, file=HOSTILE, evidence={HOSTILE: HOSTILE}, parameters={"a": HOSTILE}
    )
    report = make_report(check, suite={"name": HOSTILE, "checks": [HOSTILE]})
    one = example(arm=HOSTILE, name=HOSTILE, text=HOSTILE, status=HOSTILE, words={}, values={HOSTILE: (0,)})
    return render(report, traces=Traces(examples=[one], stored=1))


def test_a_page_has_the_scripts_of_the_package_only(make_check: MakeCheck, make_report: MakeReport) -> None:
    found = Tags(hostile(make_check, make_report)).tags
    assert [attributes for tag, attributes in found if tag == "script"] == [
        {"type": "application/json", "id": "trace-data"},
        {},
    ]
    assert "img" not in {tag for tag, _ in found}
    assert not [name for _, attributes in found for name in attributes if name.startswith("on") or name == "style"]


def test_texts_are_shown_as_they_were_written(make_check: MakeCheck, make_report: MakeReport) -> None:
    page = hostile(make_check, make_report)
    assert "&lt;script&gt;window.hacked = 1&lt;/script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "<script>window" not in page


def test_nothing_is_fetched(make_check: MakeCheck, make_report: MakeReport) -> None:
    names = {name for _, attributes in Tags(hostile(make_check, make_report)).tags for name in attributes}
    assert names.isdisjoint({"src", "srcset", "action", "data", "poster", "background"})
    page = render(make_report())
    links = [attributes["href"] or "" for _, attributes in Tags(page).tags if "href" in attributes]
    assert all(link.startswith("#") for link in links)
    assert "url(" not in page
    assert "@import" not in page


def test_the_policy_names_the_hashes_of_style_and_script(make_report: MakeReport) -> None:
    page = render(make_report())
    (policy,) = [
        attributes["content"] or ""
        for tag, attributes in Tags(page).tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


@settings(deadline=None, max_examples=100)
@given(evidence=st.dictionaries(st.text(max_size=5), EVIDENCE) | EVIDENCE, kind=st.sampled_from(TYPES))
def test_evidence_of_any_shape_is_shown(
    evidence: Any, kind: str, make_check: MakeCheck, make_report: MakeReport
) -> None:
    found = evidence if isinstance(evidence, dict) else {"rungs": evidence, "contexts": evidence, "scores": evidence}
    assert "Parameters, and all that was computed" in render(make_report(make_check(type=kind, evidence=found)))


def test_evidence_may_be_nested_and_numbers_may_be_huge(make_check: MakeCheck, make_report: MakeReport) -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    check = make_check(evidence={"a": deep}, estimate=1e308, interval=None, bound=Bound(min=-1e308))
    assert "(nested too deeply to be shown here)" in render(make_report(check))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_its_reason_beside_it(
    verdict: Verdict, make_check: MakeCheck, make_report: MakeReport
) -> None:
    page = render(make_report(make_check(verdict=verdict, reason="Because of that.")))
    assert f'<span class="verdict {verdict}">{verdict.replace("_", " ")}</span>' in page
    assert "Because of that." in page


def test_severities_and_warnings_stand_beside_the_verdicts(make_check: MakeCheck, make_report: MakeReport) -> None:
    warned = make_check(warning="By warn_if: <b>broken</b>.", warn_verdict=Verdict.FAIL)
    lenient = make_check(id="lenient", severity="warn", verdict=Verdict.FAIL)
    page = render(make_report(warned, lenient))
    assert "token-bottleneck, warning</span>" in page
    assert "token-bottleneck, severity warn</span>" in page
    assert "Warning: By warn_if: &lt;b&gt;broken&lt;/b&gt;." in page
    assert "Let through: bottleneck: pass (warning), lenient: fail (severity warn)." in page


def test_a_half_of_a_character_breaks_no_file(make_check: MakeCheck, make_report: MakeReport) -> None:
    page = render(make_report(make_check(reason="\ud800", evidence={"a": "\ud800"})))
    assert "?" in page.encode("utf-8").decode("utf-8")


def test_long_evidence_is_cut_and_says_so(make_check: MakeCheck, make_report: MakeReport) -> None:
    page = render(make_report(make_check(evidence={"a": "b" * 100_000})))
    assert len(page) < 120_000
    assert "(cut here: the rest is in the JSON report)" in page


def test_without_traces_the_page_says_why(make_report: MakeReport) -> None:
    assert "No stored rollouts were looked for." in render(make_report())
    assert "None are kept." in render(make_report(), traces=Traces(missing="None are kept."))


def test_how_many_of_the_rollouts_are_shown_is_said(make_report: MakeReport) -> None:
    page = render(make_report(), traces=Traces(examples=[example()], stored=1234, unreadable=2))
    assert "1 of 1,234 stored rollouts" in page
    assert "2 that were chosen cannot be read" in page


def test_equal_reports_give_equal_pages(make_report: MakeReport) -> None:
    traces = Traces(examples=[example()], stored=1)
    assert render(make_report(), traces=traces) == render(make_report(), traces=traces)
