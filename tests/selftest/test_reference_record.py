"""What was measured and is kept says what the table says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitorbench.selftest.cases import table

RECORDS = sorted((Path(__file__).parents[2] / "reports" / "reference").glob("selftest-*.json"))


def test_there_is_a_record_of_a_cpu() -> None:
    assert "selftest-cpu-float32.json" in [path.name for path in RECORDS]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_holds_the_verdicts_of_the_table(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    found = {
        case["name"]: {name: check["verdict"] for name, check in case["checks"].items()} for case in record["cases"]
    }
    assert record["as_expected"] is True
    assert found == {case.name: {name: str(v) for name, v in case.expected.items()} for case in table()}
