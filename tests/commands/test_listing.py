"""`list` and `schema` print what is registered and what is agreed."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from jsonschema import Draft7Validator

from monitorbench.depth import preset_names
from monitorbench.suite.yaml12 import parse

Command = Callable[..., tuple[int, str, str]]


def test_list_names_everything_with_one_sentence(command: Command) -> None:
    code, out, err = command("list")
    assert (code, err) == (0, "")
    sections = {section.splitlines()[0]: section.splitlines()[1:] for section in out.split("\n\n")}
    assert list(sections) == ["checks", "adapters", "tasks", "zoo", "presets"]
    assert [row.split()[0] for row in sections["checks"]] == [
        "bottleneck-drop",
        "chronology-score",
        "hidden-context",
        "length-foresight",
        "opaque-depth-ratio",
        "revision-rate",
        "variable-transparency",
    ]
    assert [row.split()[0] for row in sections["tasks"]] == [
        "arithmetic-chain",
        "balanced-brackets",
        "collatz",
        "datasets",
        "graph-reachability",
        "hidden-digit",
        "jsonl",
        "length-control",
        "reverse-chain",
        "square-counting",
        "word-problems",
    ]
    assert [row.split()[0] for row in sections["presets"]] == list(preset_names())
    for row in (*sections["checks"], *sections["adapters"], *sections["tasks"], *sections["presets"]):
        assert re.fullmatch(r"  \S+ +[A-Z].*\.", row)


def test_list_as_json_holds_the_same(command: Command) -> None:
    found = json.loads(command("list", "tasks", "--json")[1])
    summary = "Chains of additions over variables defined in shuffled order, with a known value graph."
    assert found["tasks"][0] == {"name": "arithmetic-chain", "summary": summary}


def test_listing_loads_no_model_library() -> None:
    script = "import sys\nfrom monitorbench.cli import main\nmain(['list'])\nassert not {'torch', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)


def test_the_suite_schema_describes_a_valid_suite(folder: Path, command: Command) -> None:
    found = json.loads(command("schema", "suite")[1])
    Draft7Validator.check_schema(found)
    suite, mistakes = parse((folder / "s.yaml").read_text(encoding="utf-8"), "s.yaml")
    assert suite is not None
    assert not mistakes
    assert Draft7Validator(found).is_valid(suite.plain())
    assert not Draft7Validator(found).is_valid({**suite.plain(), "name": 3})


def test_the_report_schema_describes_a_report(folder: Path, command: Command) -> None:
    found = json.loads(command("schema", "report")[1])
    Draft7Validator.check_schema(found)
    report = json.loads(command("run", "s.yaml", "--only", "depth", "--json")[1])
    assert Draft7Validator(found).is_valid(report)
    assert not Draft7Validator(found).is_valid({**report, "exit_code": "0"})
