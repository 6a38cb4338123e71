"""A comparison in words, for every rendering of one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from monitorbench.report.comparison.model import Against, Differs, Pair, Standing
from monitorbench.report.model import CheckReport
from monitorbench.report.words import count_words, estimate_words, note_words, one_line

COLUMNS = ("check", "verdict", "reference", "other", "difference", "pairs")

_LONGEST_VALUE = 60
_HASH, _DIGITS = re.compile("[0-9a-f]{64}"), 12


def cells(pair: Pair) -> tuple[str, ...]:
    """A check as one row, in the order of `COLUMNS`."""
    last = pair.other or pair.reference
    notes = note_words(replace(last, warning="")) if last is not None else ""
    name = f"{pair.id} ({notes})" if notes else pair.id
    pairs = count_words(pair.shift.n) if pair.shift is not None else ""
    return (name, verdict_words(pair), *map(_alone, (pair.reference, pair.other)), shift_words(pair), pairs)


def verdict_words(pair: Pair) -> str:
    """The verdict, or what became of it: `pass -> fail`, `pass -> pass (warning)`, `new: pass`, `missing: was pass`."""
    if pair.reference is None:
        return f"new: {with_warning(pair.other)}" if pair.other is not None else ""
    if pair.other is None:
        return f"missing: was {with_warning(pair.reference)}"
    before, after = with_warning(pair.reference), with_warning(pair.other)
    return after if before == after else f"{before} -> {after}"


def with_warning(check: CheckReport) -> str:
    """The verdict, and whether there is a warning."""
    return f"{check.verdict} (warning)" if check.warning else check.verdict.value


def shift_words(pair: Pair) -> str:
    """The difference with its interval, such as `+1.2 pp [-0.4, 3.1]`, and what is found of it; empty without one."""
    check, found = pair.other, pair.shift
    if check is None or found is None:
        return ""
    words = estimate_words(replace(check, estimate=found.value, interval=found.interval, bound=None))
    sign = "+" if found.value > 0 else ""
    standing = "" if pair.standing is Standing.OPEN else f", {pair.standing}"
    return f"{sign}{words}{standing}"


def setting_words(found: Differs) -> str:
    """A setting that differs, and the checks that measure something else because of it."""
    concerned = f" ({', '.join(found.checks)} measure something else)" if found.checks else ""
    concerned = concerned.replace("measure", "measures") if len(found.checks) == 1 else concerned
    return f"{found.place}: {_value(found.reference)} -> {_value(found.other)}{concerned}"


def notes(other: Against) -> Iterator[str]:
    """What a reader has to know beside the table, a sentence each."""
    if unlike := [pair.id for pair in other.pairs if pair.differs]:
        yield f"Differences of {', '.join(unlike)} are not those of the models alone: the settings differ, too."
    if unpaired := [pair.id for pair in other.pairs if pair.shift is not None and pair.shift.interval is None]:
        yield f"Differences of {', '.join(unpaired)} have no interval: the reports share no prompts by name."


def _alone(check: CheckReport | None) -> str:
    return "" if check is None else estimate_words(replace(check, interval=None))


def _value(value: object) -> str:
    text = one_line(value if isinstance(value, str) else json.dumps(value))
    if _HASH.fullmatch(text):
        return text[:_DIGITS]
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
