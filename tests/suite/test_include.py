"""Included files: what is merged, which side wins, and everything that can go wrong on the way."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.errors import SuiteError
from monitorbench.suite.loader import load
from monitorbench.suite.model import Suite, Vocabulary

Loaded = Callable[..., Suite]
Mistakes = Callable[..., list[str]]

MAIN = """\
schema_version: 1
name: main
include: [common.yaml]
model: org/m
tasks:
  mine: {family: arithmetic-chain, n: 1}
sampling: {seed: 3}
checks:
  - {id: own, check: chronology-score, metric: kendall, min: 0}
"""
COMMON = """\
tasks:
  mine: {family: arithmetic-chain, n: 99}
  shared: {family: arithmetic-chain, n: 2}
sampling: {seed: 9, batch_size: 4}
defaults: {task: shared}
checks:
  - {id: first, check: chronology-score, metric: adjacent, min: 0}
"""


@pytest.fixture
def write(folder: Path) -> Callable[[str, str], bytes]:
    """Writes a file below the working directory and gives back its bytes."""

    def write(name: str, text: str) -> bytes:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path.read_bytes()

    return write


def test_the_including_file_wins_and_checks_are_joined(write: Callable[..., bytes], loaded: Loaded) -> None:
    write("common.yaml", COMMON)
    suite = loaded(MAIN)
    assert {name: task.n for name, task in suite.tasks.items()} == {"mine": 1, "shared": 2}
    assert (suite.sampling.seed, suite.sampling.batch_size) == (3, 4)
    assert [(check.id, check.file, check.line) for check in suite.checks] == [
        ("first", "common.yaml", 7),
        ("own", "s.yaml", 9),
    ]
    assert {check.parameters["task"] for check in suite.checks} == {"shared"}


def test_paths_are_relative_to_the_file_that_names_them(
    write: Callable[..., bytes], folder: Path, vocabulary: Vocabulary
) -> None:
    write("suites/main.yaml", MAIN.replace("common.yaml", "parts/a.yaml"))
    write("suites/parts/a.yaml", "include: [../b.yaml]\n")
    write("suites/b.yaml", COMMON)
    assert [check.file for check in load("suites/main.yaml", vocabulary).checks] == [
        "suites/b.yaml",
        "suites/main.yaml",
    ]


def test_a_later_include_wins_and_a_file_counts_once(write: Callable[..., bytes], loaded: Loaded) -> None:
    write("common.yaml", COMMON)
    write("a.yaml", "include: [common.yaml]\nsampling: {max_new_tokens: 1}\n")
    write("b.yaml", "include: [common.yaml]\nsampling: {max_new_tokens: 2}\n")
    suite = loaded(MAIN.replace("[common.yaml]", "[a.yaml, b.yaml]"))
    assert suite.sampling.max_new_tokens == 2
    assert [check.id for check in suite.checks] == ["first", "own"]


def test_a_file_that_is_named_twice_counts_once(write: Callable[..., bytes], loaded: Loaded) -> None:
    write("common.yaml", COMMON)
    write("a.yaml", "include: [common.yaml]\n")
    for named in ("[common.yaml, common.yaml]", "[a.yaml, common.yaml]", "[common.yaml, a.yaml]"):
        assert [check.id for check in loaded(MAIN.replace("[common.yaml]", named)).checks] == ["first", "own"]


def test_the_hash_covers_every_file_with_its_length(write: Callable[..., bytes], loaded: Loaded) -> None:
    files = [MAIN.encode(), write("common.yaml", COMMON)]
    joined = b"".join(len(content).to_bytes(8, "big") + content for content in files)
    assert loaded(MAIN).source_hash == hashlib.sha256(joined).hexdigest()
    write("common.yaml", COMMON + "# changed\n")
    assert loaded(MAIN).source_hash != hashlib.sha256(joined).hexdigest()


def test_mistakes_are_located_in_the_included_file(write: Callable[..., bytes], mistakes: Mistakes) -> None:
    write("common.yaml", COMMON.replace("metric: adjacent", "metrc: adjacent").replace("seed: 9", "seed: 09"))
    assert mistakes(MAIN) == [
        "common.yaml:4:18: `09` has a leading zero, which readers of YAML 1.1 take for an octal number; "
        "write 9, or '09' for text",
        "common.yaml:7:5: missing key `metric` in check `first`; add `metric:`",
        "common.yaml:7:42: unknown key `metrc` in check `first`; did you mean `metric`?",
    ]


def test_an_id_used_in_two_files(write: Callable[..., bytes], mistakes: Mistakes) -> None:
    write("common.yaml", COMMON.replace("first", "own"))
    assert mistakes(MAIN) == [
        "s.yaml:9:10: duplicate check id `own`, first given at common.yaml:7; give each check its own id"
    ]


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("[commmon.yaml]", "3:11: no such file: `commmon.yaml`; check the path"),
        ('["a\\0b"]', "3:11: no such file: `a\\x00b`; check the path"),
        ("[.]", "3:11: not a file: `.`; check the path"),
        ("[/etc/suite.yaml]", "3:11: an included path is absolute; write it relative to this file"),
        ("[s.yaml]", "3:11: files include each other in a circle: `s.yaml`; remove this include"),
        ("common.yaml", "3:10: `include` wants a list, got the text 'common.yaml'; write a list"),
        ("[3]", "3:11: item 1 of `include` wants text, got the number 3; put it in quotes"),
        ("['']", "3:11: item 1 of `include` is empty; give it at least 1 character"),
    ],
)
def test_an_include_that_cannot_be_read(loaded: Loaded, mistakes: Mistakes, written: str, line: str) -> None:
    text = MAIN.replace("[common.yaml]", written).replace("metric: kendall", "metric: kendall, task: mine")
    assert mistakes(text) == [f"s.yaml:{line}"]


def test_a_circle_of_files(write: Callable[..., bytes], mistakes: Mistakes) -> None:
    write("common.yaml", COMMON + "include: [other.yaml]\n")
    write("other.yaml", "include:\n  - common.yaml\n")
    assert mistakes(MAIN) == [
        "other.yaml:2:5: files include each other in a circle: `common.yaml`; remove this include"
    ]


def test_too_many_files_in_a_row(write: Callable[..., bytes], mistakes: Mistakes) -> None:
    write("common.yaml", "include: [0.yaml]\n")
    for index in range(40):
        write(f"{index}.yaml", f"include: [{index + 1}.yaml]\n")
    assert "29.yaml:1:11: more than 32 files in a row: `30.yaml`; remove this include" in mistakes(MAIN)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("model: org/other\n" + COMMON, "1:1: `model` in an included file; move it to the suite that includes this file"),
        ("taks: {}\n" + COMMON, "1:1: unknown key `taks` at the top level; did you mean `tasks`?"),
        (COMMON + "schema_version: 2\n", "8:17: `schema_version` cannot be 2; write 1"),
        ("sampling: [1]\n" + COMMON.replace("sampling: {seed: 9, batch_size: 4}\n", ""), "1:11: `sampling` wants a mapping, got a list; write a mapping"),
        ("[]", "1:1: a suite is a mapping from keys to values, got a list; write `key: value` lines"),
        ("", "1:1: the file is empty; write a suite in it"),
        ("a: [", "1:5: not YAML: expected the node content, but found '<stream end>'; mend this line or the one above it"),
    ],
)  # fmt: skip  # one row for each mistake
def test_an_included_file_that_is_refused(
    write: Callable[..., bytes], mistakes: Mistakes, content: str, line: str
) -> None:
    write("common.yaml", content)
    assert mistakes(MAIN) == [f"common.yaml:{line}"]


def test_a_suite_that_cannot_be_read(folder: Path, vocabulary: Vocabulary) -> None:
    def refusal(path: str) -> str:
        with pytest.raises(SuiteError) as caught:
            load(path, vocabulary)
        return str(caught.value)

    (folder / "latin.yaml").write_bytes("schema_version: 1\nname: é\xe8".encode("latin-1"))
    assert refusal("nope.yaml") == "nope.yaml:1:1: no such file; check the path"
    assert refusal(".") == ".:1:1: not a file; check the path"
    assert refusal("latin.yaml") == "latin.yaml:2:7: not UTF-8; save the file in UTF-8"


def test_a_byte_order_mark_and_windows_lines_are_fine(quickstart: str, folder: Path, vocabulary: Vocabulary) -> None:
    (folder / "w.yaml").write_bytes(b"\xef\xbb\xbf" + quickstart.replace("\n", "\r\n").encode())
    assert load("w.yaml", vocabulary).checks[1].line == 14


def test_what_all_files_hold_together_is_bounded(write: Callable[..., bytes], mistakes: Mistakes) -> None:
    many = f"tasks: {{t: {{family: arithmetic-chain, n: 1, lengths: [{', '.join(map(str, range(4_000)))}]}}}}\n"
    for name in "abc":
        write(f"{name}.yaml", many)
    said = mistakes("include: [a.yaml, b.yaml, c.yaml]\n" + MAIN)
    assert "s.yaml:1:27: more than 10,000 values in this file and those before it; write less" in said


def test_the_bytes_of_all_files_together_are_bounded(write: Callable[..., bytes], mistakes: Mistakes) -> None:
    for name in "ab":
        write(f"{name}.yaml", "tasks: {}\n" + "#" * 600_000)
    said = mistakes("include: [a.yaml, b.yaml]\n" + MAIN)
    assert said[0].startswith(
        "s.yaml:1:19: a suite holds at most 1,048,576 bytes, together with all that it includes; "
    )


@pytest.mark.parametrize(("content", "place"), [(b"\xef\xbb\xbf\xff", "1:1"), (b"\xef\xbb\xbfa: b\nc: \x80d", "2:4")])
def test_bytes_that_are_no_text_behind_a_byte_order_mark(
    folder: Path, vocabulary: Vocabulary, content: bytes, place: str
) -> None:
    (folder / "s.yaml").write_bytes(content)
    with pytest.raises(SuiteError) as caught:
        load("s.yaml", vocabulary)
    assert str(caught.value) == f"s.yaml:{place}: not UTF-8; save the file in UTF-8"
