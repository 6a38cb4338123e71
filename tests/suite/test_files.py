"""Files that tasks name: where they are looked for, and what is said of those that are not there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.errors import SuiteError
from monitorbench.planning import build_task, vocabulary
from monitorbench.suite.loader import load, resolved
from monitorbench.suite.model import Overrides, Suite

SUITE = """\
schema_version: 1
name: own
model: zoo:ar-chain
tasks:
  own: {task}
checks:
  - {{id: order, check: chronology-score, metric: order.gamma, min: 0, task: own}}
"""
LINE = '{"prompt": "1+1", "answer": 2}\n'


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Suite]:
    """A suite in the folder `suites` with such a task, beside which `own.jsonl` stands."""
    monkeypatch.chdir(tmp_path)
    Path("suites/data").mkdir(parents=True)
    Path("suites/own.jsonl").write_text(LINE, encoding="utf-8")

    def loaded(task: str, *overrides: str) -> Suite:
        Path("suites/s.yaml").write_text(SUITE.format(task=task), encoding="utf-8")
        return load("suites/s.yaml", vocabulary(), Overrides(set=overrides))

    return loaded


def test_a_path_is_relative_to_the_suite_and_the_file_is_hashed(loaded: Callable[..., Suite], tmp_path: Path) -> None:
    suite = loaded("{family: jsonl, n: 1, file: own.jsonl}")
    spec = suite.tasks["own"]
    assert spec.parameters["file"] == "suites/own.jsonl"
    assert spec.parameters["sha256"] == hashlib.sha256(LINE.encode()).hexdigest()
    assert [problem.prompt for problem in build_task(spec, {}).problems(1)] == ["1+1"]
    again = loaded(str(resolved(suite)["tasks"]["own"]))
    assert again.tasks == suite.tasks, "what a report holds loads to the same suite"


def test_links_and_paths_out_of_the_folder_are_followed(loaded: Callable[..., Suite], tmp_path: Path) -> None:
    Path("elsewhere.jsonl").write_text(LINE, encoding="utf-8")
    Path("suites/link.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    for given, found in (
        ("../elsewhere.jsonl", "elsewhere.jsonl"),
        ("link.jsonl", "suites/link.jsonl"),
        ("elsewhere.jsonl", "elsewhere.jsonl"),
    ):
        assert loaded(f"{{family: jsonl, n: 1, file: {given}}}").tasks["own"].parameters["file"] == found


def test_a_folder_is_found_and_a_hub_id_is_left_alone(loaded: Callable[..., Suite]) -> None:
    for given, found in (("data", "suites/data"), ("openai/gsm8k", "openai/gsm8k")):
        assert loaded(f"{{family: datasets, n: 1, source: {given}}}").tasks["own"].parameters["source"] == found


@pytest.mark.parametrize(
    ("task", "mistake"),
    [
        ("{family: jsonl, n: 1, file: no.jsonl}", "5:36: no such file: `no.jsonl`; check the path"),
        ("{family: jsonl, n: 1, file: data}", "5:36: not a regular file: `data`; check the path"),
        ("{family: datasets, n: 1, source: no}", "5:41: no such folder: `no`; check the path"),
        ("{family: jsonl, n: 1}", "5:8: missing key `file` in task `own`; add `file:`"),
        (
            "{family: jsonl, n: 1, file: own.jsonl, grader: exakt}",
            "5:55: unknown grader 'exakt'; did you mean `exact`?",
        ),
        (
            "{family: jsonl, n: 1, file: own.jsonl, grader: regex}",
            "missing key `pattern` in task `own`; add `pattern:`",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(task: str, mistake: str, loaded: Callable[..., Suite]) -> None:
    with pytest.raises(SuiteError) as caught:
        loaded(task)
    assert mistake in str(caught.value)
    assert str(caught.value).startswith("suites/s.yaml:5:")


def test_a_file_that_is_too_large_is_a_mistake(loaded: Callable[..., Suite], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitorbench.suite.files.MAX_BYTES", 3)
    with pytest.raises(SuiteError, match=r"`own\.jsonl` cannot be read, or is larger than 0 MiB"):
        loaded("{family: jsonl, n: 1, file: own.jsonl}")


def test_the_command_line_names_files_of_the_working_directory(loaded: Callable[..., Suite]) -> None:
    Path("mine.jsonl").write_text(LINE, encoding="utf-8")
    Path("suites/mine.jsonl").write_text(LINE * 2, encoding="utf-8")
    suite = loaded("{family: jsonl, n: 1, file: own.jsonl}", "tasks.own.file=mine.jsonl")
    assert suite.tasks["own"].parameters["file"] == "mine.jsonl"
