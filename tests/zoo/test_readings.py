"""The readings of the reference checkpoints are those that their cards promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitorbench.zoo.readings import CASES, Case, measured

QUICK = ("ar-chain", "masked-chain confidence", "diffusion-posthoc", "diffusion-revising", "thought-superposed")
TABLE = Path(__file__).parents[2] / "reports" / "reference" / "chronology.json"


def test_the_committed_table_holds_every_case_with_the_reading_promised() -> None:
    rows = json.loads(TABLE.read_text(encoding="utf-8"))
    assert [row["case"] for row in rows] == [case.label for case in CASES]
    assert [row["reading"] for row in rows] == [case.promised.value for case in CASES]
    for row in rows:
        for name, score in row["scores"].items():
            assert score is None or score["low"] <= score["value"] <= score["high"], name


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.label in QUICK], ids=lambda case: case.label)
def test_few_prompts_never_read_as_something_else(case: Case) -> None:
    """The quick form: forty prompts may leave open what 130 tell, and must not tell something else."""
    row = measured(case, n=40)
    assert row["reading"] in (case.promised.value, "undecided"), row["why"]
