"""Whatever lies where a baseline file should be, a report is held against it, or it is refused with a sentence."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fuzzing import harmless, tries
from hypothesis import given
from hypothesis import strategies as st
from report_values import changed, changes

from monitorbench.errors import UsageError
from monitorbench.report.baseline import file as files
from monitorbench.report.baseline.judge import held_against
from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.baseline.prune import pruned
from monitorbench.report.baseline.table import as_json, as_text
from monitorbench.report.baseline.update import Request, updated
from monitorbench.report.write import read

TODAY = date(2026, 1, 2)
REPORT = read(Path(__file__).with_name("report.json"))
ASKED = Request(reason="accepted", today=TODAY)
PLAIN = json.loads(files.dumps(updated(BaselineFile(suites={}), REPORT, ASKED)[0]))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("baselines") / "baseline.json"


def used(file: BaselineFile) -> None:
    """Every way in which a file is used."""
    assert "\x1b" not in as_text(file, today=TODAY) + as_json(file, today=TODAY)
    assert len(held_against(REPORT, file)) == len(REPORT.checks)
    assert files.dumps(pruned(file, checks={}, today=TODAY)[0])
    assert files.dumps(updated(file, REPORT, ASKED)[0])


@given(made=st.lists(changes, min_size=1, max_size=3))
@tries(0.05)
def test_any_baseline_file(place: Path, made: list[tuple[Any, ...]]) -> None:
    place.write_text(json.dumps(changed(PLAIN, made)), "utf-8")
    with harmless("baselines"):
        try:
            file = files.read(place)
        except UsageError as refusal:
            words = str(refusal)
        else:
            used(file)
            return
    assert words.startswith(f"{place}: ")
    assert len(words) < 1_000
