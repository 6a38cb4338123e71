"""Renderings of a comparison: plain text, Markdown, and JSON. All of them say the same."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from monitorbench.report.comparison.model import Comparison, Judgement, Pair
from monitorbench.report.comparison.points import COLUMNS as POINT_COLUMNS
from monitorbench.report.comparison.points import points
from monitorbench.report.comparison.words import COLUMNS, cells, notes, setting_words, verdict_words
from monitorbench.report.model import CheckReport
from monitorbench.report.render.markdown import COMMENT_BYTES
from monitorbench.report.render.markup import escaped, fitted, row
from monitorbench.report.render.terminal import print_line, print_paragraph
from monitorbench.report.words import one_line

SCHEMA_VERSION = 1


def as_text(comparison: Comparison, judgement: Judgement, *, width: int = 80) -> str:
    """The comparison as a terminal of this width shows it."""
    text = io.StringIO()
    console = Console(file=text, width=width, color_system=None, markup=False, highlight=False, emoji=False)
    for other in comparison.others:
        print_line(console, one_line(f"{other.name} against {comparison.name}"))
        console.print()
        console.print(_table(COLUMNS, [cells(pair) for pair in other.pairs]))
        console.print()
        for note in notes(other):
            print_paragraph(console, note)
            console.print()
        if other.differs:
            print_line(console, "settings that differ:")
            for each in other.differs:
                print_paragraph(console, setting_words(each), indent="  ")
            console.print()
    if found := points(comparison):
        console.print(_table(POINT_COLUMNS, [point.cells() for point in found]))
        console.print()
    for reason in judgement.reasons:
        print_paragraph(console, reason)
    print_line(console, judgement.words)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def as_markdown(comparison: Comparison, judgement: Judgement) -> str:
    """The comparison for a comment on a pull request: what failed first, no longer than GitHub takes."""
    lines = list(_markdown(comparison, judgement))
    return fitted(lines, most_bytes=COMMENT_BYTES, unit="a comment")


def as_json(comparison: Comparison, judgement: Judgement) -> str:
    """The comparison as JSON text that ends in a newline."""
    payload = {
        "schema_version": SCHEMA_VERSION,
        "reference": comparison.name,
        "fail_on": judgement.fail_on,
        "exit_code": int(judgement.code),
        "reasons": list(judgement.reasons),
        "others": [
            {
                "report": other.name,
                "differs": [asdict(each) for each in other.differs],
                "checks": [_pair(pair) for pair in other.pairs],
            }
            for other in comparison.others
        ],
        "points": [asdict(point) for point in points(comparison)],
    }
    return json.dumps(payload, indent=2, allow_nan=False) + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for each in rows:
        table.add_row(*(one_line(cell) or "-" for cell in each))
    return table


def _markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield row(*columns)
    yield row(*("---" for _ in columns))
    yield from (row(*(escaped(cell) or "-" for cell in each)) for each in rows)


def _markdown(comparison: Comparison, judgement: Judgement) -> Iterator[str]:
    yield "## monitorbench: comparison"
    yield ""
    yield judgement.words
    if judgement.reasons:
        yield from ("", *(f"- {escaped(reason)}" for reason in judgement.reasons))
    for other in comparison.others:
        yield from ("", f"### {escaped(other.name)} against {escaped(comparison.name)}", "")
        yield from _markdown_table(COLUMNS, [cells(pair) for pair in other.pairs])
        for note in notes(other):
            yield from ("", escaped(note))
        if other.differs:
            yield from ("", "Settings that differ:", "")
            yield from (f"- {escaped(setting_words(each))}" for each in other.differs)
    if found := points(comparison):
        yield from ("", *_markdown_table(POINT_COLUMNS, [point.cells() for point in found]))


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "id": pair.id,
        "type": pair.type,
        "gated": pair.gated,
        "kind": pair.kind.value,
        "verdict": verdict_words(pair),
        "reference": _check(pair.reference),
        "other": _check(pair.other),
        "difference": None if pair.shift is None else asdict(pair.shift),
        "standing": pair.standing.value,
        "tolerance": pair.tolerance,
        "differs": list(pair.differs),
    }


def _check(check: CheckReport | None) -> dict[str, Any] | None:
    if check is None:
        return None
    interval = None if check.interval is None else asdict(check.interval)
    return {
        "verdict": check.verdict.value,
        "severity": check.severity,
        "warning": check.warning,
        "estimate": check.estimate,
        "unit": check.unit,
        "interval": interval,
        "n": check.n,
    }
