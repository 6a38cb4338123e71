"""Whatever lies where a report should be, it is read and shown in every format, or refused with a sentence."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fuzzing import harmless, tries
from hypothesis import given
from hypothesis import strategies as st
from report_values import broken, changed, changes, edits

from monitorbench.errors import UsageError
from monitorbench.report.comparison.compare import compare
from monitorbench.report.comparison.gate import judge
from monitorbench.report.comparison.page import as_page
from monitorbench.report.comparison.render import as_json, as_markdown, as_text
from monitorbench.report.model import Report
from monitorbench.report.render.registry import FORMATS
from monitorbench.report.write import dumps, read

SEED = Path(__file__).with_name("report.json")
SOUND = read(SEED)
PLAIN = json.loads(SEED.read_bytes())
COMPARISONS: dict[str, Callable[..., str]] = {
    "terminal": partial(as_text, width=80),
    "markdown": as_markdown,
    "html": as_page,
    "json": as_json,
}

picks = st.integers(0, 83)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports") / "report.json"


def tried(kind: str, place: Path, content: bytes, pick: int) -> None:
    """Read what may be a report, and show it in one of the ways there are."""
    place.write_bytes(content)
    with harmless(kind):
        try:
            report = read(place)
        except UsageError as refusal:
            words = str(refusal)
        else:
            shown(report, pick)
            return
    assert words.startswith(f"{place}: ")
    assert len(words) < 1_000


def shown(report: Report, pick: int) -> None:
    assert read_back(report) == report
    name = sorted(FORMATS)[pick % len(FORMATS)]
    assert_plain(FORMATS.load(name)(report), name)
    both = [("first", report), ("second", SOUND)]
    with suppress(UsageError):
        comparison = compare(dict(both if pick % 2 else both[::-1]))
        judgement = judge(comparison, ("never", "change", "regression")[pick % 3])
        name = sorted(COMPARISONS)[pick // 7 % len(COMPARISONS)]
        assert_plain(COMPARISONS[name](comparison, judgement), name)


def read_back(report: Report) -> Report:
    from monitorbench.report.codec import from_json

    return from_json(json.loads(dumps(report)))


def assert_plain(text: str, name: str) -> None:
    """No character that drives a terminal, and none that cannot be written to a file."""
    if name != "html":  # a browser shows such a character, and a terminal obeys it
        assert {character for character in text if unicodedata.category(character) == "Cc"} <= {"\n", "\t"}, name
    text.encode("utf-8", "surrogatepass")


@given(made=st.lists(changes, min_size=1, max_size=4), pick=picks)
@tries(0.16)
def test_a_report_with_a_few_values_changed(place: Path, made: list[tuple[Any, ...]], pick: int) -> None:
    tried("reports", place, json.dumps(changed(PLAIN, made)).encode(), pick)


@given(made=st.lists(edits, min_size=1, max_size=4), pick=picks)
@tries(0.04)
def test_any_bytes(place: Path, made: list[tuple[int, int, bytes]], pick: int) -> None:
    tried("report bytes", place, broken(SEED.read_bytes(), made), pick)
