"""`calibrate` runs a suite again and again and prints how often it errs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., tuple[int, str, str]]


def test_the_rates_of_every_check_are_printed_with_intervals(folder: Path, command: Command) -> None:
    code, out, err = command("calibrate", "s.yaml", "--runs", "2", "--only", "order")
    assert code == 0
    assert [line.split(" (")[0] for line in err.splitlines() if line.startswith("run ")] == ["run 1 of 2", "run 2 of 2"]
    assert out.splitlines()[0] == "2 runs of the same checkpoint; rates with 90 % intervals"
    assert "order: 2 pass; estimate 1 on average, which keeps the bound" in out
    assert "false fail        0.0% [0.0%, 77.6%]" in out
    assert "false pass        does not arise" in out


def test_the_record_is_written_as_json(folder: Path, command: Command) -> None:
    code, out, _ = command("calibrate", "s.yaml", "--runs", "2", "--only", "order", "--json", "--output", "c.json")
    assert code == 0
    record = json.loads(out)
    assert json.loads((folder / "c.json").read_text(encoding="utf-8")) == record
    assert record["runs"] == 2
    assert record["checks"][0]["verdicts"] == {"pass": 2}


def test_one_run_says_nothing_of_rates(folder: Path, command: Command) -> None:
    code, out, err = command("calibrate", "s.yaml", "--runs", "1")
    assert (code, out) == (2, "")
    assert err == "error: --runs must be at least 2, got 1; write a larger number\n"


def test_what_was_measured_before_an_interrupt_is_told(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitorbench import calibration

    real = calibration.run
    calls: list[int] = []

    def interrupted(*given: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*given, **named)

    monkeypatch.setattr(calibration, "run", interrupted)
    code, out, err = command("calibrate", "s.yaml", "--runs", "5", "--only", "order")
    assert code == 130
    assert err.splitlines()[-1] == "interrupted; the rates are those of 2 of 5 runs"
    assert out.startswith("2 runs of the same checkpoint")
