"""Model strings: reference checkpoints, folders, hub ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.suite.loader import load, resolved
from monitorbench.suite.model import ModelSpec, Overrides, Suite, Vocabulary

Loaded = Callable[..., Suite]
Mistakes = Callable[..., list[str]]


def with_model(text: str, model: str) -> str:
    return text.replace("zoo:diffusion-chain", model)


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ("zoo:ar-chain", ModelSpec(source="zoo:ar-chain")),
        ("org/name", ModelSpec(source="org/name")),
        ("org/name@v1.0", ModelSpec(source="org/name", revision="v1.0")),
        ("{source: org/name, revision: refs/pr/1}", ModelSpec(source="org/name", revision="refs/pr/1")),
        (
            "{source: org/name, gguf_file: q4.gguf, adapter: depth-loop, trust_remote_code: true}",
            ModelSpec(source="org/name", gguf_file="q4.gguf", adapter="depth-loop", trust_remote_code=True),
        ),
    ],
)
def test_ids(quickstart: str, loaded: Loaded, written: str, spec: ModelSpec) -> None:
    assert loaded(with_model(quickstart, written)).model == spec


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("zoo:difusion-chain", "3:8: no reference checkpoint `difusion-chain`; did you mean `diffusion-chain`?"),
        ("{source: zoo:x}", "3:17: no reference checkpoint `x`; known: `ar-chain`, `diffusion-chain`"),
        ("./nope", "3:8: no such folder: `./nope`; check the path"),
        ("~/no/such/folder", "3:8: no such folder: `~/no/such/folder`; check the path"),
        ("a/b/c", "3:8: no such folder: `a/b/c`; check the path"),
        ("s.yaml", "3:8: `s.yaml` is a file, not a folder; name its folder, with `gguf_file` for a file in GGUF"),
        (
            "ar-chain",
            "3:8: `ar-chain` is neither a reference checkpoint, a folder nor a hub id; did you mean `zoo:ar-chain`?",
        ),
        (
            "gpt",
            "3:8: `gpt` is neither a reference checkpoint, a folder nor a hub id; "
            "write zoo:NAME, package:NAME, a folder such as ./model, or a hub id such as org/name",
        ),
        ("{source: org/m@a, revision: b}", "3:36: the revision is given twice; remove `revision` or the `@` part"),
        ("{source: zoo:ar-chain, revision: b}", "3:41: a reference checkpoint has no `revision`; remove it"),
        ("{source: ., revision: b}", "3:30: a folder has no `revision`; remove it"),
        ('"~a\\0b"', "3:8: `model` cannot be '~a\\x00b'; write one line of text"),
        ("''", "3:8: `model` cannot be ''; write one line of text"),
    ],
)
def test_what_is_no_model(quickstart: str, mistakes: Mistakes, written: str, line: str) -> None:
    assert mistakes(with_model(quickstart, written)) == [f"s.yaml:{line}"]


def test_the_baseline_is_a_model_too(quickstart: str, mistakes: Mistakes) -> None:
    assert mistakes(quickstart.replace("tasks:", "baseline: zoo:ar-chian\ntasks:")) == [
        "s.yaml:4:11: no reference checkpoint `ar-chian`; did you mean `ar-chain`?"
    ]


@pytest.mark.parametrize("written", ["./checkpoint", "checkpoint", "org/name", "{source: ./checkpoint}"])
def test_a_folder_beside_the_suite_goes_first(
    quickstart: str, folder: Path, vocabulary: Vocabulary, written: str
) -> None:
    for name in ("suites/checkpoint", "checkpoint", "suites/org/name", "org/name"):
        (folder / name).mkdir(parents=True)
    suite = folder / "suites" / "s.yaml"
    suite.write_text(with_model(quickstart, written))
    source = load("suites/s.yaml", vocabulary).model.source
    assert source in ("suites/checkpoint", "suites/org/name")
    assert Path(source).is_dir()


def test_a_folder_in_the_working_directory_goes_second(quickstart: str, folder: Path, vocabulary: Vocabulary) -> None:
    (folder / "suites").mkdir()
    (folder / "checkpoint").mkdir()
    (folder / "suites" / "s.yaml").write_text(with_model(quickstart, "./checkpoint"))
    suite = load("suites/s.yaml", vocabulary)
    assert suite.model.source == "checkpoint"
    assert resolved(suite)["model"]["source"] == "checkpoint"


def test_the_command_line_means_the_working_directory(quickstart: str, folder: Path, vocabulary: Vocabulary) -> None:
    for name in ("suites/checkpoint", "checkpoint"):
        (folder / name).mkdir(parents=True)
    (folder / "suites" / "s.yaml").write_text(quickstart)
    assert load("suites/s.yaml", vocabulary, Overrides(model="./checkpoint")).model.source == "checkpoint"


def test_home_and_absolute_folders(
    quickstart: str, folder: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    (folder / "checkpoint").mkdir()
    for written in ("~/checkpoint", str(folder / "checkpoint")):
        assert loaded(with_model(quickstart, written)).model.source == str(folder / "checkpoint")
