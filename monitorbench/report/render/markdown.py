"""The report in Markdown: for a pull request, worst first, and as a section of a model card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from monitorbench.errors import UsageError
from monitorbench.report.exit_code import worst_first
from monitorbench.report.model import CheckReport, ModelReport, Report, Verdict
from monitorbench.report.outcome import outcome_words
from monitorbench.report.render.markup import escaped, fitted, row
from monitorbench.report.words import bound_words, count_words, estimate_words, verdict_words

COMMENT_BYTES = 65_535
"""A comment on GitHub holds that many characters, and as many bytes for certain."""
SUMMARY_BYTES = 1024 * 1024
"""What the summary of one step holds in GitHub Actions."""

_LONGEST_REASON = 2_000
_LONGEST_NAME = 200
_BOLD = (Verdict.FAIL, Verdict.ERROR, Verdict.UNOBSERVED)
_HEAD = (row("verdict", "check", "estimate", "bound", "n"), row("---", "---", "---", "---", "---:"))


def render(report: Report, *, section: str = "pr", most_bytes: int | None = None) -> str:
    """The report as GitHub flavoured Markdown.

    Args:
        report: what to show.
        section: `pr` for a comment on a pull request, `model-card` for a model's README.
        most_bytes: longest text; the least important lines go first. None stands for what a comment on GitHub holds,
            or for no limit in a model card.

    Raises:
        UsageError: there is no such section.
    """
    if section not in SECTIONS:
        raise UsageError(f"no section is called {section!r}", where="--section", fix=f"use {' or '.join(SECTIONS)}")
    lines = list(SECTIONS[section](report))
    if most_bytes is None and section == "model-card":
        return "\n".join(lines) + "\n"
    return fitted(lines, most_bytes=most_bytes or COMMENT_BYTES, unit="a comment" if most_bytes is None else "the text")


def _pull_request(report: Report) -> Iterator[str]:
    yield f"## monitorbench: {report.verdict}"
    yield ""
    meaning = escaped(outcome_words(report), longest=_LONGEST_REASON)
    yield f"{_suite(report)} on {_candidate(report)}, exit {report.exit_code}: {meaning}"
    yield ""
    ordered = worst_first(report.checks)
    yield from _table(ordered)
    if unsettled := [check for check in ordered if _is_told(check)]:
        yield ""
        yield from (_explained(check) for check in unsettled)


def _model_card(report: Report) -> Iterator[str]:
    yield "## Monitorability"
    yield ""
    yield f"{_suite(report)}, run with {_versions(report)}: **{report.verdict}**."
    yield ""
    yield from (_model(model) for model in report.models)
    yield ""
    yield from _table(report.checks)
    told = [check for check in report.checks if check.reason]
    if told:
        yield from ("", "### What the verdicts say", "", *map(_explained, told))
    if controls := [line for check in report.checks for line in _controls(check)]:
        yield from ("", "### What they rest on", "", *controls)
    if gaps := list(_gaps(report)):
        yield from ("", "### What was not measured", "", *gaps)


SECTIONS: Mapping[str, Callable[[Report], Iterator[str]]] = {"pr": _pull_request, "model-card": _model_card}


def _table(checks: tuple[CheckReport, ...]) -> Iterator[str]:
    yield from _HEAD
    for check in checks:
        numbers = (estimate_words(check), bound_words(check), count_words(check.n))
        yield row(_verdict(check), _name(check), *(escaped(number) or "-" for number in numbers))


def _is_told(check: CheckReport) -> bool:
    return check.verdict is not Verdict.PASS or bool(check.warning) or check.uncompared


def _explained(check: CheckReport) -> str:
    text = " ".join(filter(None, (check.reason, check.warning)))
    return f"- {_name(check)}, {_verdict(check)}: {escaped(text, longest=_LONGEST_REASON)}"


def _controls(check: CheckReport) -> Iterator[str]:
    """What is found of each control that decides."""
    for control in check.controls:
        if control.ok is not None:
            value = "no value" if control.value is None else f"{control.value:.4g}"
            came = "as expected" if control.ok else "**not as expected**"
            yield f"- {_name(check)}, {escaped(control.name)}: {value}, {came} ({escaped(control.expected)})"


def _gaps(report: Report) -> Iterator[str]:
    for check in report.checks:
        yield from (f"- {_name(check)}: {each.count:,} left out: {escaped(each.reason)}" for each in check.dropped)
        if check.estimate is None:
            yield f"- {_name(check)}: no estimate ({escaped(check.verdict)})"


def _model(model: ModelReport) -> str:
    content = f"weights `{model.weights_sha256[:16]}`" if model.weights_sha256 else "no weights"
    about = f"{escaped(model.architecture)}, {model.parameters:,} parameters, {content}"
    return f"- {escaped(model.role)}: {escaped(model.source, longest=_LONGEST_NAME)} ({about})"


def _candidate(report: Report) -> str:
    sources = [model.source for model in report.models if model.role == "candidate"]
    return escaped(sources[0], longest=_LONGEST_NAME) if sources else "no model"


def _suite(report: Report) -> str:
    name = str(report.suite.get("name", "without a name"))
    return f"Suite {escaped(name, longest=_LONGEST_NAME)} (`{report.suite_sha256[:16]}`)"


def _versions(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(report.versions.items()))
    return escaped(versions) or "unknown versions"


def _name(check: CheckReport) -> str:
    return escaped(check.id, longest=_LONGEST_NAME)


def _verdict(check: CheckReport) -> str:
    verdict, _, notes = verdict_words(check).partition(" ")
    bold = check.gated and check.severity == "fail" and not check.known and check.verdict in _BOLD
    word = f"**{escaped(verdict)}**" if bold else escaped(verdict)
    return f"{word} {escaped(notes)}" if notes else word
