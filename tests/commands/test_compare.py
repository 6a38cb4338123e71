"""`monitorbench compare`: reports of two runs side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., tuple[int, str, str]]

OTHER_SEED = ("--set", "sampling.seed=1")


@pytest.fixture
def runs(folder: Path, command: Command) -> Path:
    """A working directory with two runs of one suite, and one of another sampling seed."""
    for name, changes in (("a", ()), ("b", ()), ("seed", OTHER_SEED)):
        command("run", "s.yaml", "--output", f"{name}.json", "--quiet", "--only", "order", "--limit", "2", *changes)
    return folder


def test_reports_are_compared_paired_and_judged(runs: Path, command: Command) -> None:
    """The checks hold what each prompt contributed, so equal runs differ by nothing, with an interval."""
    code, out, err = command("compare", "a.json", "b.json", "--json", "--fail-on", "change", "--tolerance", "order=0.1")
    assert (code, err) == (0, "")
    (other,) = json.loads(out)["others"]
    (check,) = other["checks"]
    assert other["differs"] == []
    assert (check["id"], check["kind"]) == ("order", "same")
    assert (check["difference"]["value"], check["standing"]) == (0, "within tolerance")

    code, _, err = command("compare", "a.json", "seed.json", "--fail-on", "regression")
    assert code == 2
    assert err.startswith("error: seed.json: measures something else than the reference: suite.sampling.seed differ")
    assert command("compare", "a.json", "seed.json", "--fail-on", "regression", "--allow-differences")[0] == 0
    code, out, _ = command("compare", "a.json", "b.json", "seed.json")
    assert code == 0
    assert "suite.sampling.seed: 0 -> 1 (order measures something else)" in out
    assert "b.json against a.json\n" in out

    for form, beginning in (("markdown", "## monitorbench: comparison\n"), ("html", "<!doctype html>\n")):
        assert command("compare", "a.json", "b.json", "--format", form, "--output", "out") == (0, "", "")
        assert (runs / "out").read_text("utf-8").startswith(beginning)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.json"], "the following arguments are required: REPORT; see `monitorbench compare --help`"),
        (["a.json", "b.json", "a.json"], "a.json: is named twice; name each report once"),
        (
            ["a.json", "b.json", "--fail-on", "often"],
            "--fail-on cannot be 'often'; known: `regression`, `change`, `nev",
        ),
        (
            ["a.json", "b.json"],
            "a.json: the report cannot be read (no such file or directory); name a report that `run",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(
    words: list[str], message: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = command("compare", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")
