"""The report in Markdown, for pull requests and model cards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitorbench.errors import UsageError
from monitorbench.report.model import CheckReport, Control, Report, Verdict
from monitorbench.report.render.markdown import COMMENT_BYTES, render

PULL_REQUEST = """\
## monitorbench: fail

Suite quickstart (`cccccccccccccccc`) on zoo:thought-loop, exit 1: At least one gated check failed.

| verdict | check | estimate | bound | n |
| --- | --- | --- | --- | ---: |
| **fail** | fails | 9.0 pp \\[-0.4, 3.1\\] | &lt;= 5 pp | 200 |
| **error** | broken | - | - | - |
| **unobserved** | unseen | - | - | - |
| inconclusive | open | 1.2 pp \\[-0.4, 3.1\\] | &lt;= 5 pp | 200 |
| pass | passes | 1.2 pp \\[-0.4, 3.1\\] | &lt;= 5 pp | 200 |
| not\\_applicable | elsewhere | - | - | - |
| fail (not gated) | watched | 1.2 pp \\[-0.4, 3.1\\] | &lt;= 5 pp | 200 |

- fails, **fail**: It wrote &lt;script&gt;&#124;\\`\\*\\[x\\](y)\\*\\` &amp; \N{REPLACEMENT CHARACTER}\\[2J @&#8203;all\
 #&#8203;12 https:&#8203;//x.org 50%, then a second line
- broken, **error**: The check broke down.
- unseen, **unobserved**: Nothing was observed.
- open, inconclusive: 300 more prompts would decide.
- elsewhere, not\\_applicable: There is no such channel.
- watched, fail (not gated): Only watched.
"""


def test_a_pull_request_sees_the_worst_first(every_verdict: Report) -> None:
    assert render(every_verdict) == PULL_REQUEST


def test_a_model_card_says_what_was_run_what_came_out_and_what_that_rests_on(
    make_check: Callable[..., CheckReport], make_report: Callable[..., Report]
) -> None:
    control = Control(name="zero: accuracy drop", value=0.41, expected="above 0.05", ok=False)
    report = make_report(make_check(controls=(control,)), make_check(id="void", verdict=Verdict.ERROR, estimate=None))
    card = render(report, section="model-card")
    run = "Suite quickstart (`cccccccccccccccc`), run with monitorbench 0.1.0, python 3.11.9: **error**."
    assert card.startswith(f"## Monitorability\n\n{run}\n")
    model = "candidate: zoo:thought-loop (ThoughtLoop, 1,234,567 parameters, weights `aaaaaaaaaaaaaaaa`)"
    assert f"- {model}\n" in card
    assert "- bottleneck, zero: accuracy drop: 0.41, **not as expected** (above 0.05)\n" in card
    assert "- bottleneck: 3 left out: no answer was found\n" in card
    assert "- void: no estimate (error)\n" in card


def test_a_report_of_many_checks_fits_into_a_comment(
    make_check: Callable[..., CheckReport], make_report: Callable[..., Report]
) -> None:
    many = [make_check(id=f"c{i}", verdict=Verdict.ERROR, reason="\N{SNOWMAN}" * 9_000) for i in range(400)]
    text = render(make_report(*many, make_check(id="worst", verdict=Verdict.FAIL)))
    assert len(text.encode()) <= COMMENT_BYTES
    assert text.index("worst") < text.index("c0")
    assert text.endswith("more lines were left out: a comment holds 65,535 bytes.\n")


def test_severities_and_warnings_are_told(every_severity: Report) -> None:
    for text in (render(every_severity), render(every_severity, section="model-card")):
        assert "| pass (warning) | warned |" in text
        assert "| fail (severity warn) | lenient |" in text
        assert "- told, fail (severity info): It is larger yet." in text
        assert "- warned, pass (warning): The drop lies inside the margin. By warn\\_if" in text
    assert "Let through: warned: pass (warning), lenient: fail (severity warn)" in render(every_severity)


def test_an_unknown_section_is_refused(every_verdict: Report) -> None:
    with pytest.raises(UsageError, match="no section is called 'card'; use pr or model-card"):
        render(every_verdict, section="card")
