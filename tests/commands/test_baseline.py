"""`monitorbench baseline` and `run --baseline-file`: from a first run to a gate that holds what was accepted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitorbench.cli import main

Command = Callable[..., tuple[int, str, str]]

SUITE = """\
schema_version: 1
name: small
model: {folder}/diffusion
baseline: {folder}/causal
tasks:
  chain: {{family: arithmetic-chain, n: 6}}
sampling: {{max_new_tokens: 16, batch_size: 3, sampler: {{max_denoising_steps: 4}}}}
defaults: {{task: chain}}
checks:
  - id: order
    check: chronology-score
    metric: order.gamma
    min: -1
    max: 0.999
    tolerance: {{abs: 0.05}}
  - id: depth
    check: opaque-depth-ratio
    context_length: 64
    max_ratio: 0.5
    tolerance: {{rel: 0.01}}
"""
FILE = "monitorbench.baseline.json"
GATED = ("--baseline-file", FILE, "--quiet")
VERSUS = ("--set", "checks.depth.max_drop_vs=previous", "--set", "checks.depth.max_ratio=99")


@pytest.fixture(scope="module")
def ran(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a suite and a report on it: one check passes or is undecided, one fails."""
    folder = tmp_path_factory.mktemp("accepted")
    (folder / "s.yaml").write_text(SUITE.format(folder=checkpoints), encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert main(["run", "s.yaml", "--quiet", "--output", "r.json"]) == 1
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def folder(ran: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder as the working directory, without a baseline file, and with a fixed day."""
    monkeypatch.chdir(ran)
    yield ran
    (ran / FILE).unlink(missing_ok=True)


@pytest.fixture
def accepted(folder: Path, command: Command) -> Path:
    """The baseline file after an update with the report."""
    assert command("baseline", "update", "r.json", "--reason", "deep by design")[0] == 0
    return folder / FILE


def edited(path: Path, **fields: Any) -> None:
    """Change fields of the entry of the depth check."""
    payload = json.loads(path.read_text("utf-8"))
    payload["suites"]["small"]["depth"] |= fields
    path.write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")


def entries(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))["suites"]["small"]
    return found


def test_a_failure_is_accepted_with_a_reason_only(folder: Path, command: Command) -> None:
    code, out, err = command("baseline", "update", "r.json")
    assert (code, out) == (2, "")
    assert "depth is a failure: say with --reason why it is accepted" in err
    assert not (folder / FILE).exists()
    code, out, err = command("baseline", "update", "r.json", "--reason", "deep by design", "--dry-run")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"{FILE}: not written (--dry-run)"
    assert not (folder / FILE).exists()
    code, out, err = command(
        *("baseline", "update", "r.json", "--reason", "deep by design", "--expires", "2999-12-31"),
    )
    assert (code, err) == (0, "")
    *_, depth, last = out.splitlines()
    assert depth.startswith("depth (new): fail, ")
    assert depth.endswith("let through until 2999-12-31: deep by design")
    assert last == f"{FILE}: written"
    again = command("baseline", "update", "r.json")
    assert (again[0], again[1].splitlines()[-1]) == (0, f"{FILE}: nothing changed")


def test_a_run_fails_on_nothing_that_is_known_and_never_writes_the_file(accepted: Path, command: Command) -> None:
    before = accepted.read_bytes()
    code, out, _ = command("run", "s.yaml", "--output", "again.json", *GATED)
    assert code == 0
    assert "depth: fail" in out
    assert "Known failure, let through until" in out
    assert "deep by design" in out
    assert accepted.read_bytes() == before
    report = json.loads(Path("again.json").read_text("utf-8"))
    assert [check["accepted"]["held"] for check in report["checks"]][1] == "known failure"
    assert command("run", "s.yaml", "--output", "again.json", "--quiet")[0] == 1


def test_a_part_of_a_run_leaves_the_rest_alone(accepted: Path, command: Command) -> None:
    before = entries(accepted)
    assert command("run", "s.yaml", "--only", "depth", "--output", "part.json", *GATED)[0] == 0
    code, out, _ = command("baseline", "update", "part.json", "--reason", "deeper still")
    assert (code, len(out.splitlines())) == (0, 2)
    after = entries(accepted)
    assert after["order"] == before["order"]
    assert (before["depth"]["reason"], after["depth"]["reason"]) == ("deep by design", "deeper still")
    code, _, err = command("baseline", "update", "part.json", "--only", "order")
    assert code == 2
    assert err == "error: --only: the report has no gated check 'order'; it has depth\n"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"expires": "2026-01-01"}, "A known failure whose time ran out on 2026-01-01: deep by design."),
        ({"verdict": "pass", "reason": "", "expires": None}, "Not as accepted: pass on"),
        ({"value": 0.01}, "Worse than accepted, with its whole interval: +"),
        ({"settings": {}}, "Not held against the accepted value, which was measured otherwise (checks.depth."),
    ],
)
def test_what_is_new_or_worse_counts(fields: dict[str, Any], words: str, accepted: Path, command: Command) -> None:
    edited(accepted, **fields)
    code, out, _ = command("run", "s.yaml", "--only", "depth", "--output", "again.json", *GATED)
    assert code == 1
    assert words in " ".join(out.split())
    assert f"rerun: monitorbench run s.yaml --only depth --baseline-file {FILE}" in out


def test_a_value_can_be_held_against_the_last_accepted_one(accepted: Path, command: Command) -> None:
    run = ("run", "s.yaml", "--only", "depth", "--output", "again.json", "--quiet", *VERSUS)
    code, out, _ = command(*run)
    assert code == 3
    assert "There is no accepted value to hold it against: no baseline file is given" in " ".join(out.split())
    assert command(*run, "--baseline-file", FILE)[0] == 0
    value = entries(accepted)["depth"]["value"]
    exact = {"low": 0.9 * value, "high": 0.9 * value, "level": 1.0, "method": "fixed by construction"}
    edited(accepted, value=0.9 * value, interval=exact, verdict="pass", reason="", expires=None)
    assert command(*run, "--baseline-file", FILE)[0] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no such baseline file; make one from a report with `monitorbench baseline update REPORT"),
        ("{}", "is no baseline file: baseline: 'schema_version' is a required property"),
    ],
)
def test_a_run_refuses_a_file_that_it_cannot_use_before_it_begins(
    text: str | None, words: str, folder: Path, command: Command
) -> None:
    if text is not None:
        (folder / FILE).write_text(text, encoding="utf-8")
    code, out, err = command("run", "s.yaml", "--fresh", "--output", "none.json", *GATED)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {FILE}: {words}")
    assert not Path("none.json").exists()


def test_a_report_never_takes_the_place_of_the_file(accepted: Path, command: Command) -> None:
    before = accepted.read_bytes()
    code, out, err = command("run", "s.yaml", "--output", f"./{FILE}", *GATED)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: --output {FILE}: is the baseline file, which a run never writes; name another file")
    assert accepted.read_bytes() == before


def test_what_is_accepted_is_shown(accepted: Path, command: Command) -> None:
    edited(accepted, expires="2026-01-01")
    code, out, err = command("baseline", "show")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split() == ["suite", "check", "verdict", "accepted", "n", "seen", "expires"]
    assert out.splitlines()[1].split()[:3] == ["small", "depth", "fail"]
    assert "(expired)" in out
    assert "small: depth: deep by design" in out.splitlines()
    code, out, err = command("baseline", "show", "--json", "--baseline-file", FILE)
    assert (code, err) == (0, "")
    assert next((each["check"], each["expired"]) for each in json.loads(out)["accepted"]) == ("depth", True)
    code, out, err = command("baseline", "show", "--baseline-file", "none.json")
    assert (code, out) == (2, "")
    assert err.startswith("error: none.json: there is no such baseline file; ")


def test_what_is_no_longer_needed_is_dropped(accepted: Path, command: Command) -> None:
    text = Path("s.yaml").read_text("utf-8")
    Path("less.yaml").write_text(text[: text.index("  - id: depth")], encoding="utf-8")
    before = accepted.read_bytes()
    assert command("baseline", "prune", "s.yaml") == (0, f"{FILE}: nothing changed\n", "")
    dropped = "small: depth: the suite has no such check\n"
    shown = command("baseline", "prune", "less.yaml", "--dry-run")
    assert shown == (0, f"{dropped}{FILE}: not written (--dry-run)\n", "")
    assert accepted.read_bytes() == before
    assert command("baseline", "prune", "less.yaml") == (0, f"{dropped}{FILE}: written\n", "")
    assert list(entries(accepted)) == ["order"]
    Path("less.yaml").write_text(text.replace("name: small", "name: other"), encoding="utf-8")
    code, _, err = command("baseline", "prune", "less.yaml")
    assert code == 2
    assert err == "error: less.yaml: nothing is accepted of a suite called 'other'; the file holds small\n"


def test_a_day_is_written_as_a_day(folder: Path, command: Command) -> None:
    code, _, err = command("baseline", "update", "r.json", "--expires", "tomorrow")
    assert code == 2
    assert "argument --expires: 'tomorrow' is no day; write it like 2027-01-31" in err
    code, _, err = command("baseline", "update", "r.json", "--reason", "r", "--expires", "2020-01-01")
    assert code == 2
    assert err.startswith("error: --expires: 2020-01-01 lies in the past; name a day from ")
    assert not (folder / FILE).exists()
