"""Problems from data sets as the library datasets has them on disk."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from monitorbench.errors import UsageError
from monitorbench.tasks.datasets import DataSet

CARD = """\
---
configs:
- config_name: default
  data_files: [{split: test, path: data/test-*}]
- config_name: other
  data_files: [{split: train, path: data/test-*}]
---
"""


@pytest.fixture(scope="module")
def library() -> Any:
    return pytest.importorskip("datasets", reason="needs the package datasets: pip install 'monitorbench[datasets]'")


@pytest.fixture(scope="module")
def rows(library: Any) -> Any:
    library.disable_progress_bars()
    return library.Dataset.from_dict({"question": ["1+1", "2+2", "2+2", "3+3"], "answer": [2, 4, 4, 6]})


@pytest.fixture(params=["saved split", "saved splits", "parquet", "json lines", "csv"])
def source(request: pytest.FixtureRequest, rows: Any, library: Any, tmp_path: Path) -> str:
    """The same rows in every kind of folder."""
    if request.param == "saved split":
        rows.save_to_disk(tmp_path)
    elif request.param == "saved splits":
        library.DatasetDict({"test": rows}).save_to_disk(tmp_path)
    elif request.param == "parquet":
        (tmp_path / "data").mkdir()
        rows.to_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
        (tmp_path / "README.md").write_text(CARD, encoding="utf-8")
    elif request.param == "json lines":
        rows.to_json(tmp_path / "test.jsonl")
    else:
        rows.to_csv(tmp_path / "test.csv")
    return str(tmp_path)


def task(source: Path | str, **parameters: Any) -> DataSet:
    return DataSet(source=str(source), **{"prompt": "Q: {question}\nA:", "grader": "numeric", **parameters})


def test_a_folder_of_any_kind_gives_the_same_problems(source: str) -> None:
    found = task(source)
    problems = found.problems(3)
    assert [(problem.prompt, problem.answer) for problem in problems] == [
        ("Q: 1+1\nA:", "2"),
        ("Q: 2+2\nA:", "4"),
        ("Q: 3+3\nA:", "6"),
    ]
    assert found.grade(problems[0], "it is 2").correct
    with pytest.raises(UsageError, match="test: holds 3 different problems, not 4; lower n"):
        found.problems(4)


def test_configurations_and_splits_are_chosen_by_name(rows: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    rows.to_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
    (tmp_path / "README.md").write_text(CARD, encoding="utf-8")
    assert len(task(tmp_path, config="other", split="train").problems(2)) == 2
    for given, words in (
        ({"split": "train"}, "has no split 'train'; use test"),
        ({"config": "none"}, "BuilderConfig 'none' not found. Available: ['default', 'other']"),
    ):
        with pytest.raises(UsageError, match=re.escape(words)):
            task(tmp_path, **given).problems(1)


def test_a_message_names_the_row(rows: Any, tmp_path: Path) -> None:
    rows.add_column("other", ["2", "4", "x", "6"]).save_to_disk(tmp_path)
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path} test, row 2: the answer 'x' holds no number")):
        task(tmp_path, answer="other").problems(3)
    with pytest.raises(UsageError, match="row 0: has no column `missing`; it has `question`, `answer`, `other`"):
        task(tmp_path, answer="missing").problems(1)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("script.py", b"raise SystemExit('it ran')", "Dataset scripts are no longer supported"),
        ("test.pkl", b"cos\nsystem\n(S'exit 1'\ntR.", "No (supported) data files found"),
        ("test.txt", b"1+1 2", "holds its data as text, which is not read"),
    ],
)
def test_only_data_files_are_read(name: str, content: bytes, words: str, library: Any, tmp_path: Path) -> None:
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / name).write_bytes(content)
    with pytest.raises(UsageError, match=re.escape(words)):
        task(folder).problems(1)


def test_a_data_set_that_cannot_be_fetched_is_named(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError) as caught:
        task("nobody/nothing").problems(1)
    assert str(caught.value).startswith("nobody/nothing: cannot be loaded as a data set: ")
    assert str(caught.value).endswith("; check the name and the connection, or name a local folder")


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match=re.escape("install it: pip install 'monitorbench[datasets]'")):
        task(tmp_path).problems(1)


def test_the_fingerprint_follows_the_files(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("question,answer\n1+1,2\n", encoding="utf-8")
    before = task(tmp_path).fingerprint
    assert task(tmp_path).fingerprint == before
    (tmp_path / "test.csv").write_text("question,answer\n1+1,3\n", encoding="utf-8")
    assert task(tmp_path).fingerprint != before


def test_a_folder_has_no_revision(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder, which has no revision"):
        task(tmp_path, revision="main")
