"""`monitorbench report`: an earlier report in another format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from monitorbench.report.exit_code import overall
from monitorbench.report.model import Bound, CheckReport, Report, RunFacts, Verdict
from monitorbench.report.write import write

Command = Callable[..., tuple[int, str, str]]


def made(**changes: object) -> Report:
    """A report on one check, which failed unless `changes` say otherwise."""
    fields: dict[str, object] = {"id": "depth", "type": "t", "line": 7, "file": "s.yaml", "gated": True}
    fields |= {"verdict": Verdict.FAIL, "reason": "Too \N{SNOWMAN} deep.", "estimate": 2.0, "bound": Bound(max=1.5)}
    check = CheckReport(**fields | changes)  # type: ignore[arg-type]  # the fields are those of CheckReport
    verdict, code = overall([check])
    return Report(
        verdict=verdict,
        exit_code=code,
        versions={},
        device={},
        suite_sha256="0" * 64,
        suite={"name": "s"},
        models=(),
        checks=(check,),
        run=RunFacts(started="2026-01-02T03:04:05", seconds=1.0, host="", platform=""),
    )


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the report `r.json`, and nothing of a CI system around it."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    write(made(), tmp_path / "r.json")
    return tmp_path


def test_the_terminal_shows_what_the_run_showed(kept: Path, command: Command) -> None:
    code, out, err = command("report", "r.json")
    assert (code, err) == (0, "")
    assert out == (
        "check  verdict  estimate  bound   n\n"
        "depth  fail     2.000     <= 1.5  -\n"
        "\n"
        "depth: fail\n"
        "  Too \N{SNOWMAN} deep.\n"
        "\n"
        "fail, exit 1: At least one gated check failed.\n"
    )


def test_a_file_takes_the_place_of_stdout(kept: Path, command: Command) -> None:
    assert command("report", "r.json", "--format", "junit", "--output", "out/r.xml") == (0, "", "")
    assert ElementTree.parse(kept / "out" / "r.xml").getroot().get("failures") == "1"


def test_json_is_the_report_as_it_was_written(kept: Path, command: Command) -> None:
    assert command("report", "r.json", "--format", "json") == (0, (kept / "r.json").read_text("utf-8"), "")


def test_sections_of_markdown(kept: Path, command: Command) -> None:
    assert command("report", "r.json", "--format", "markdown")[1].startswith("## monitorbench: fail\n")
    card = command("report", "r.json", "--format", "markdown", "--section", "model-card")[1]
    assert card.startswith("## Monitorability\n")


def test_an_inconclusive_check_counts_as_it_was_asked_for(kept: Path, command: Command) -> None:
    write(made(verdict=Verdict.INCONCLUSIVE), kept / "r.json")
    assert command("report", "r.json", "--format", "github")[1].startswith("::error ")
    assert command("report", "r.json", "--format", "github", "--inconclusive", "warn")[1].startswith("::warning ")
    assert 'skipped="1"' in command("report", "r.json", "--format", "junit", "--inconclusive", "pass")[1]


def test_annotations_find_files_from_a_folder_of_the_repository(
    kept: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(kept))
    (kept / "sub").mkdir()
    monkeypatch.chdir(kept / "sub")
    assert command("report", "../r.json", "--format", "github")[1].startswith("::error file=sub/s.yaml,line=7,")


def test_the_summary_is_appended_to_only_when_asked_for(
    kept: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = kept / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    command("report", "r.json", "--format", "github")
    assert summary.read_text("utf-8") == "before\n"
    command("report", "r.json", "--format", "github", "--summary")
    assert summary.read_text("utf-8").startswith("before\n## monitorbench: fail\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["r.json", "--format", "mark"], "no report format is called 'mark'; did you mean 'markdown'?"),
        (
            ["r.json", "--section", "pr"],
            "--section: format terminal has no such option; leave it out, or use --format ",
        ),
        (
            ["r.json", "--summary"],
            "--summary: format terminal has no such option; leave it out, or use --format github",
        ),
        (
            ["r.json", "--format", "github", "--summary"],
            "--summary: GITHUB_STEP_SUMMARY names no file; leave it out, or run this as a step of GitHub Actions",
        ),
        (
            ["r.json", "--format", "markdown", "--section", "x"],
            "--section: no section is called 'x'; use pr or model-c",
        ),
        (["gone.json"], "gone.json: the report cannot be read (no such file or directory); name a report that `run`"),
        (["s.yaml"], "s.yaml: is not a report: "),
    ],
)
def test_what_cannot_be_shown_is_refused(words: list[str], message: str, kept: Path, command: Command) -> None:
    (kept / "s.yaml").write_text("name: s\n", encoding="utf-8")
    code, _, err = command("report", *words)
    assert code == 2
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1


def test_an_edited_report_is_refused(kept: Path, command: Command) -> None:
    payload = json.loads((kept / "r.json").read_text("utf-8"))
    payload["verdict"] = "pass"
    (kept / "r.json").write_text(json.dumps(payload), encoding="utf-8")
    code, out, err = command("report", "r.json", "--format", "markdown")
    assert (code, out) == (2, "")
    assert "report.verdict: pass does not follow from the checks" in err
