"""`monitorbench selftest` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitorbench.selftest import cases
from monitorbench.selftest.cases import table

Command = Callable[..., tuple[int, str, str]]


def test_a_case_that_comes_out_right(command: Command, tmp_path: Path) -> None:
    record = tmp_path / "new" / "record.json"
    code, out, err = command("selftest", "--device", "cpu", "--only", "ar-chain", "--output", str(record))
    assert code == 0
    assert out.splitlines()[0].startswith("ok    ar-chain (")
    assert out.splitlines()[-1] == "all 1 cases as expected"
    assert err.splitlines()[0] == "case 1 of 1: ar-chain"
    written = json.loads(record.read_text(encoding="utf-8"))
    assert written["as_expected"] is True
    assert (written["device"], written["dtype"]) == ("cpu", "float32")
    assert written["cases"][0]["checks"]["depth"]["verdict"] == "pass"


def test_one_that_comes_out_wrong_is_named_and_ends_in_1(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(name: str, row: dict[str, Any], case: Any = cases._case) -> Any:
        return case(name, {**row, "expected": {**row["expected"], "depth": "fail"}})

    monkeypatch.setattr(cases, "_case", planted)
    code, out, err = command("selftest", "--device", "cpu", "--only", "ar-chain", "--json")
    assert code == 1
    assert json.loads(out)["cases"][0]["differences"][0].startswith("depth: expected fail, came to pass: ")
    assert "WRONG ar-chain" in err
    assert err.endswith("1 of 1 cases came out wrong\n")


def test_the_table_can_be_read_without_running_it(command: Command) -> None:
    code, out, err = command("selftest", "--list")
    assert (code, err) == (0, "")
    assert [line.partition(":")[0] for line in out.splitlines()[::2]] == [case.name for case in table()]


def test_the_table_as_json(command: Command) -> None:
    code, out, err = command("selftest", "--list", "--json", "--only", "loop-chain")
    (row,) = json.loads(out)
    assert (code, err, row["case"]) == (0, "", "loop-chain")
    assert row["expected"] == {"high-state": "fail", "low-state": "fail", "depth": "fail"}


def test_a_case_that_is_named_runs_though_it_is_not_quick(command: Command) -> None:
    (slow, *_) = [case.name for case in table() if not case.quick]
    _, out, _ = command("selftest", "--list", "--quick", "--only", slow)
    assert out.startswith(f"{slow}: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "ar-chian"), "no case of the selftest is called 'ar-chian'; did you mean `ar-chain`?"),
        (("--device", "cuda:99", "--only", "ar-chain"), "device cuda:99 is not there"),
        (("--device", "gpu"), "there is no device 'gpu'; use auto, cpu, cuda or cuda:N"),
        (("--dtype", "int8"), "--dtype cannot be 'int8'"),
        (("--output", "."), "is a folder, not a file"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(words: tuple[str, ...], said: str, command: Command) -> None:
    code, out, err = command("selftest", *words)
    assert (code, out) == (2, "")
    assert said in err
