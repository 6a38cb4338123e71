"""Numbers and checks in words, for terminals and test reports. A new style for a unit is one line in `_STYLES`."""

from __future__ import annotations

from dataclasses import dataclass

from monitorbench.report.model import CheckReport, Held, Verdict

_MOST_DECIMALS = 6
_NOISE = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class _Style:
    scale: float
    decimals: int
    suffix: str


_STYLES = {
    "share": _Style(scale=100, decimals=1, suffix=" pp"),
    "ratio": _Style(scale=1, decimals=2, suffix="x"),
    "depth": _Style(scale=1, decimals=0, suffix=""),
}


_HELD_NOTES = {
    Held.NEW: "new",
    Held.KNOWN: "known failure",
    Held.EXPIRED: "expired",
    Held.WORSE: "worse than accepted",
    Held.NOT_COMPARABLE: "not compared",
}


def estimate_words(check: CheckReport) -> str:
    """Estimate with its interval, such as `0.012 [-0.004, 0.031]` or `1.2 pp [-0.4, 3.1]`; empty without an estimate.

    Shares are given in percentage points, ratios as `1.12x`, depths as whole numbers. An interval without width is
    left out. Decimals are added where rounding alone would put a number on the bound.
    """
    if check.estimate is None:
        return ""
    style = _style(check.unit)
    decimals = _decimals(check, style)
    text = _number(check.estimate * style.scale, decimals) + style.suffix
    interval = check.interval
    if interval is None or interval.low == interval.high:
        return text
    low, high = (_number(end * style.scale, decimals) for end in (interval.low, interval.high))
    return f"{text} [{low}, {high}]"


def verdict_words(check: CheckReport) -> str:
    """The verdict and how it counts, such as `fail (severity warn)`, `pass (warning)` or `fail (known failure)`."""
    notes = note_words(check)
    return f"{check.verdict} ({notes})" if notes else check.verdict.value


def note_words(check: CheckReport) -> str:
    """What a verdict has to be read with; empty where it simply counts."""
    held = "" if check.accepted is None else _HELD_NOTES.get(check.accepted.held, "")
    notes = {
        "not gated": not check.gated,
        held: held,
        f"severity {check.severity}": check.severity != "fail",
        "warning": check.warning,
    }
    return ", ".join(note for note, holds in notes.items() if holds)


def bound_words(check: CheckReport) -> str:
    """What the suite demands, such as `<= 5 pp`, `>= 0.8` or `0.2 to 0.8`; empty where it demands nothing."""
    if check.bound is None:
        return ""
    style = _style(check.unit)
    low, high = (None if end is None else _limit(end * style.scale) for end in (check.bound.min, check.bound.max))
    if low is not None and high is not None:
        return f"{low} to {high}{style.suffix}"
    if low is not None:
        return f">= {low}{style.suffix}"
    return "" if high is None else f"<= {high}{style.suffix}"


def count_words(n: int | None) -> str:
    """A count with its thousands apart; empty for None."""
    return "" if n is None else f"{n:,}"


def one_line(text: str) -> str:
    """The text on one line: each run of white space is one space, and no control character is left for a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split()))


def summary_line(check: CheckReport) -> str:
    """The check on one line: id, verdict, estimate, bound and n if given, the reason unless it passed, the warning."""
    facts = [
        estimate_words(check),
        f"bound {bound_words(check)}" if bound_words(check) else "",
        f"n {count_words(check.n)}" if check.n is not None else "",
    ]
    line = ", ".join([f"{check.id}: {verdict_words(check)}", *(fact for fact in facts if fact)])
    plain = check.verdict is Verdict.PASS and not check.uncompared
    texts = ["" if plain else check.reason, check.warning]
    return one_line(": ".join([line, *filter(None, [" ".join(filter(None, texts))])]))


def _style(unit: str) -> _Style:
    return _STYLES.get(unit, _Style(scale=1, decimals=3, suffix=f" {one_line(unit)}" if unit else ""))


def _decimals(check: CheckReport, style: _Style) -> int:
    ends = (check.interval.low, check.interval.high) if check.interval is not None else ()
    numbers = [value * style.scale for value in (check.estimate, *ends) if value is not None]
    sides = (check.bound.min, check.bound.max) if check.bound is not None else ()
    limits = [side * style.scale for side in sides if side is not None]
    for decimals in range(style.decimals, _MOST_DECIMALS + 1):
        if not any(_seem_equal(number, limit, decimals) for number in numbers for limit in limits):
            return decimals
    return style.decimals


def _seem_equal(number: float, limit: float, decimals: int) -> bool:
    return round(number, decimals) == round(limit, decimals) and abs(number - limit) > _NOISE


def _number(value: float, decimals: int) -> str:
    if abs(value) <= _NOISE:
        return f"{0:.{decimals}f}"
    return f"{value:,.{decimals}f}" if round(value, decimals) else f"{value:.2g}"


def _limit(value: float) -> str:
    text = _number(value, _MOST_DECIMALS)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
