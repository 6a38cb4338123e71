"""A comparison as one HTML file that fetches nothing and runs nothing, with a drawing of depth against accuracy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from monitorbench.report.comparison.model import Comparison, Judgement
from monitorbench.report.comparison.points import COLUMNS as POINT_COLUMNS
from monitorbench.report.comparison.points import Point, points
from monitorbench.report.comparison.words import COLUMNS, cells, notes, setting_words
from monitorbench.report.words import one_line

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 360, 56, 48, 16, 24
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:auto;padding:1rem;color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ccc;vertical-align:top}"
    "svg{width:100%;height:auto}code{overflow-wrap:anywhere}"
)
_CAPTION = (
    "The fuller a point, the more of the accuracy at stake the bottleneck leaves; a dashed one has none, or none that "
    "costs anything."
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def as_page(comparison: Comparison, judgement: Judgement) -> str:
    """The comparison as an HTML page; every text in it is escaped."""
    return "\n".join(_page(comparison, judgement)) + "\n"


_DASHED = ' stroke-dasharray="4 3"'


def _page(comparison: Comparison, judgement: Judgement) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{_safe(f'Comparison with {comparison.name}')}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield f"<h1>Comparison</h1>\n<p>{_safe(judgement.words)}</p>"
    yield from _items(judgement.reasons)
    if found := points(comparison):
        yield "<h2>Depth, accuracy and recovery</h2>"
        yield scatter(found)
        yield from _table(POINT_COLUMNS, (point.cells() for point in found))
    for other in comparison.others:
        yield f"<h2>{_safe(f'{other.name} against {comparison.name}')}</h2>"
        yield from _table(COLUMNS, (cells(pair) for pair in other.pairs))
        yield from (f"<p>{_safe(note)}</p>" for note in notes(other))
        if other.differs:
            yield "<h3>Settings that differ</h3>"
            yield from _items(setting_words(each) for each in other.differs)
    yield "</body>\n</html>"


def scatter(found: Sequence[Point]) -> str:
    """A drawing in SVG: opaque depth to the right (logarithmic), accuracy upwards, filled by how much is recovered.

    Args:
        found: points with a depth and an accuracy.
    """
    depths = [max(point.depth or 0.0, 1.0) for point in found]
    low, high = math.floor(math.log10(min(depths))), math.ceil(math.log10(max(depths)))
    high = max(high, low + 1)
    title = "Opaque serial depth against accuracy, one point per report"
    drawing = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}">', f"<title>{title}</title>"]
    drawing += _axes(low, high)
    for index, (point, depth) in enumerate(zip(found, depths, strict=True), 1):
        x, y = _x(math.log10(depth), low, high), _y(point.accuracy or 0.0)
        outline = _DASHED if point.recovery is None else ""
        fullness = 0.0 if point.recovery is None else min(max(point.recovery, 0.0), 1.0)
        told = _safe(
            ", ".join(f"{name} {cell}" for name, cell in zip(POINT_COLUMNS, point.cells(), strict=True) if cell)
        )
        drawing.append(
            f'<g><title>{told}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="#1f5fa8" '
            f'fill-opacity="{fullness:.2f}" stroke="#1f5fa8" stroke-width="2"{outline}/>'
            f'<text x="{x + 12:.1f}" y="{y + 5:.1f}" font-size="13">{index}</text></g>'
        )
    names = "".join(f"<li>{_safe(point.candidate or point.name)}</li>" for point in found)
    return "\n".join([*drawing, "</svg>", f"<p>{_CAPTION}</p>", f"<ol>{names}</ol>"])


def _axes(low: int, high: int) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(share)
        yield f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" font-size="12" text-anchor="end">{share:g}</text>'
    for power in range(low, high + 1):
        x = _x(power, low, high)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" font-size="12" text-anchor="middle">{10**power:,}</text>'
    across, up = (_LEFT + right) / 2, _HEIGHT / 2
    middle = 'font-size="13" text-anchor="middle"'
    yield f'<text x="{across}" y="{_HEIGHT - 8}" {middle}>opaque serial depth (gates)</text>'
    yield f'<text x="14" y="{up}" {middle} transform="rotate(-90 14 {up})">accuracy</text>'


def _x(power: float, low: int, high: int) -> float:
    return _LEFT + (power - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _TOP + (1.0 - share) * (_HEIGHT - _TOP - _BOTTOM)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = "".join(f"<th>{_safe(cell)}</th>" for cell in head)
    yield f"<table>\n<tr>{names}</tr>"
    for row in rows:
        shown = "".join(f"<td>{_safe(cell) or '-'}</td>" for cell in row)
        yield f"<tr>{shown}</tr>"
    yield "</table>"


def _items(texts: Iterable[str]) -> Iterator[str]:
    items = "".join(f"<li>{_safe(text)}</li>" for text in texts)
    if items:
        yield f"<ul>{items}</ul>"


def _safe(text: str) -> str:
    return escape(one_line(text))
