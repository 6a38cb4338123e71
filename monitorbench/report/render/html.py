"""The report as one HTML file that needs no network: no fonts, no libraries, nothing fetched.

Whatever a model, a suite or a task wrote is untrusted. Templates escape all of it, data for the script is JSON in which
no tag can be written, the script puts it into the page as text only, and the policy of the page lets no script and no
style run but the two of this package, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from monitorbench.report.model import CheckReport, Report
from monitorbench.report.outcome import outcome_words
from monitorbench.report.render.page.axis import Axis, Chart, Row, zone_of
from monitorbench.report.render.page.bottleneck import bottleneck
from monitorbench.report.render.page.chronology import chronology
from monitorbench.report.render.page.classes import classes
from monitorbench.report.render.page.depth import depth
from monitorbench.report.render.page.figures import figures
from monitorbench.report.render.page.gaps import gaps
from monitorbench.report.render.page.traces import Traces, embedded
from monitorbench.report.words import bound_words, count_words, estimate_words, note_words

_PACKAGE, _ASSETS = "monitorbench.report.render.page", "assets"
_LONGEST_EVIDENCE = 60_000
"""Characters of a check's evidence that are shown as they are."""
_ONLY_IN_JSON = ("per_prompt", "null_per_prompt", "arms_per_prompt", "tasks_per_prompt")
_VIEWS: Mapping[str, tuple[str, Callable[[CheckReport], object]]] = {
    "bottleneck-drop": ("bottleneck", bottleneck),
    "opaque-depth-ratio": ("depth", depth),
    "chronology-score": ("chronology", chronology),
    "variable-transparency": ("classes", classes),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A check as the page shows it.

    Attributes:
        kind: which part of the template draws `shown`.
        against: the estimate beside its bound; None where there is nothing to draw.
    """

    check: CheckReport
    notes: str
    estimate: str
    bound: str
    count: str
    against: Chart | None
    kind: str
    shown: object
    parameters: str
    evidence: str
    cut: bool


def render(report: Report, traces: Traces | None = None) -> str:
    """The page.

    Args:
        report: what to show.
        traces: rollouts to look at; None where nobody looked for any.
    """
    traces = traces or Traces(missing="No stored rollouts were looked for.")
    shown = embedded(traces)
    style, script = _asset("style.css"), _asset("viewer.js")
    page = _template().render(
        report=report,
        suite=_text(report.suite),
        views=[_view(check) for check in report.checks],
        meaning=outcome_words(report),
        gaps=gaps(report),
        traces=traces,
        embedded=len(shown),
        data=_data(shown),
        style=Markup(style),  # the package's own
        script=Markup(script),  # the package's own
        policy=_policy(style, script),
    )
    # JSON may hold halves of characters, which no file takes.
    return page.encode("utf-8", "replace").decode("utf-8")


def _view(check: CheckReport) -> View:
    kind, view = _VIEWS.get(check.type, ("figures", figures))
    try:
        shown = view(check)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        # Evidence is free-form: another version's, or of a check that measured nothing.
        kind, shown = "figures", figures(check)
    evidence = _text({name: value for name, value in check.evidence.items() if name not in _ONLY_IN_JSON})
    return View(
        check=check,
        notes=note_words(check),
        estimate=estimate_words(check),
        bound=bound_words(check),
        count=count_words(check.n),
        against=_against(check),
        kind=kind,
        shown=shown,
        parameters=_text(check.parameters),
        evidence=evidence[:_LONGEST_EVIDENCE],
        cut=len(evidence) > _LONGEST_EVIDENCE,
    )


def _against(check: CheckReport) -> Chart | None:
    if check.estimate is None or check.bound is None:
        return None
    ends = (check.interval.low, check.interval.high) if check.interval else (check.estimate, check.estimate)
    sides = [side for side in (check.bound.min, check.bound.max) if side is not None]
    axis = Axis.around([0.0, check.estimate, *ends, *sides], scale=100 if check.unit == "share" else 1)
    tone = {"pass": "good", "fail": "bad", "inconclusive": "open"}.get(check.verdict, "plain")
    row = Row(
        label="",
        words="",
        point=axis.at(check.estimate),
        low=axis.at(ends[0]),
        high=axis.at(ends[1]),
        strong=True,
        tone=tone,
    )
    return Chart(rows=[row], ticks=axis.ticks, zone=zone_of(axis, check.bound.min, check.bound.max))


def _text(value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(value, indent=1, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to be shown here)"


def _data(value: object) -> Markup:
    """JSON for a script element, in which nothing can end that element or begin another."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _asset(name: str) -> str:
    return resources.files(_PACKAGE).joinpath(_ASSETS, name).read_text("utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader(_PACKAGE, _ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
