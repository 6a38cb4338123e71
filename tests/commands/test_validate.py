"""`validate` says what a run would do, or what is wrong, and runs nothing."""

# a message is pinned as the one line that it is

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Command = Callable[..., tuple[int, str, str]]


def test_validate_says_what_a_run_would_do_and_runs_nothing(folder: Path, checkpoints: Path, command: Command) -> None:
    code, out, err = command("validate", "s.yaml", "--set", "sampling.seeds_per_prompt=2", "--set", "tasks.chain.n=600")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "s.yaml: valid",
        f"model     {checkpoints}/causal",
        f"baseline  {checkpoints}/causal",
        "task      chain: arithmetic-chain, 1,200 rollouts per arm (600 prompts x 2 seeds)",
        "check     order: chronology-score",
        "check     bottleneck: bottleneck-drop",
        "check     depth: opaque-depth-ratio",
    ]
    assert [path.name for path in folder.iterdir()] == ["s.yaml"]


def test_validate_warns_when_so_few_prompts_can_hardly_decide(folder: Path, command: Command) -> None:
    code, _, err = command("validate", "s.yaml", "--only", "bottleneck")
    assert code == 0
    assert err == (
        "warning: s.yaml:14: check bottleneck will hardly be decided: showing a drop below 5 points takes about "
        "124 prompts, even if the bottleneck costs nothing and changes the outcome of only 5% of them (assumed); "
        "task chain has 6; raise its n or max_drop\n"
    )
    assert command("validate", "s.yaml", "--set", "tasks.chain.n=124")[2] == ""


def test_validate_warns_of_a_suite_in_which_nothing_can_fail(folder: Path, command: Command) -> None:
    code, out, err = command("validate", "s.yaml", "--only", "depth", "--set", "checks.depth.severity=warn")
    assert code == 0
    assert out.splitlines()[-2:] == [
        "check     bottleneck: bottleneck-drop (not gated)",
        "check     depth: opaque-depth-ratio (severity warn)",
    ]
    assert err.splitlines()[0] == (
        "warning: s.yaml: no check has severity fail: without --strict, nothing can fail, and nothing is decided"
    )


def test_validate_refuses_what_a_run_would_refuse(folder: Path, command: Command) -> None:
    text = (folder / "s.yaml").read_text(encoding="utf-8")
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("baseline"))
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    what = "check depth compares with a baseline and the suite has none"
    code, out, err = command("validate", "s.yaml")
    assert (code, out) == (2, "")
    assert [line.split("; ")[0] for line in err.splitlines()] == [
        f"s.yaml:18:5: {what}",
    ]
    code, out, err = command("validate", "s.yaml", "--json")
    assert (code, err) == (2, "")
    assert json.loads(out)["mistakes"][0]["what"] == what


def test_validate_as_json(folder: Path, command: Command) -> None:
    code, out, err = command("validate", "s.yaml", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["valid"] is True
    assert len(found["warnings"]) == 1
    assert found["suite"]["checks"][0]["id"] == "order"
    code, out, err = command("validate", "s.yaml", "--json", "--only", "dept")
    assert (code, err) == (2, "")
    mistake = {"file": "--only", "line": 1, "column": 1, "what": "no check `dept`", "fix": "did you mean `depth`?"}
    assert json.loads(out) == {"valid": False, "mistakes": [mistake]}
