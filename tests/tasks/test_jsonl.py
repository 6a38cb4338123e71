"""Problems from a file: what is read, and which line is to blame."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.tasks.base import fingerprint
from monitorbench.tasks.graders import Grader
from monitorbench.tasks.jsonl import Jsonl
from monitorbench.tasks.rows import Reading, Row

TWO = '{"q": "1+1", "a": 2}\n{"q": "2+2", "a": "4"}\n'


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Jsonl]:
    """A task over a file `f.jsonl` of this content, in the working directory."""
    monkeypatch.chdir(tmp_path)

    def task(content: str | bytes, **parameters: Any) -> Jsonl:
        Path("f.jsonl").write_bytes(content.encode() if isinstance(content, str) else content)
        return Jsonl(file="f.jsonl", **{"prompt": "q", "answer": "a", **parameters})

    return task


def test_each_line_is_a_problem(task: Callable[..., Jsonl]) -> None:
    first, second = task(TWO).problems(2)
    assert (first.prompt, first.answer, first.target) == ("1+1", "2", "2")
    assert (second.prompt, second.answer) == ("2+2", "4")
    assert task(TWO).problems(1) == [first], "a longer run extends a shorter one"
    assert task(TWO).grade(first, " 2\n").correct


def test_a_template_takes_columns(task: Callable[..., Jsonl]) -> None:
    content = '{"q": "big {x}?", "n": 3, "a": 1}\n'
    (problem,) = task(content, prompt="{{{n}}} {q}\nA:").problems(1)
    assert problem.prompt == "{3} big {x}?\nA:"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_byte_order_marks_line_ends_and_blank_lines_do_not_matter(
    mark: bytes, end: bytes, task: Callable[..., Jsonl]
) -> None:
    plain = task(TWO).problems(2)
    assert task(mark + end + end.join(TWO.encode().split(b"\n")) + b" " + end).problems(2) == plain
    assert task(TWO.strip()).problems(2) == plain


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "f.jsonl: is empty; write one JSON object on each line"),
        ("\n \n", "f.jsonl: is empty; write one JSON object on each line"),
        (TWO.splitlines()[0], "f.jsonl: holds 1 problems, not 2; lower n"),
        ("\n{", "f.jsonl:2: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1); "),
        ("[1]", "f.jsonl:1: holds a list, not an object; "),
        ('{"q": "x", "a": NaN}', "f.jsonl:1: not JSON: NaN is no number of JSON; "),
        ('{"q": "x", "q": "y", "a": 1}', "f.jsonl:1: not JSON: the key `q` is given twice; "),
        ('{"q": "x", "b": 1}', "f.jsonl:1: has no column `a`; it has `q`, `b`"),
        ('{"q": ["x"], "a": 1}', "f.jsonl:1: the column `q` holds a list; only text and numbers can be used"),
        ('{"q": "x", "a": true}', "f.jsonl:1: the column `a` holds true; only text and numbers can be used"),
        ('{"q": "x", "a": null}', "f.jsonl:1: the column `a` holds null; only text and numbers can be used"),
        ('{"q": "x", "a": ""}', "f.jsonl:1: the answer is empty; correct it, or use another grader"),
        ('{"q": " ", "a": 1}', "f.jsonl:1: the prompt is empty; remove the row"),
        (TWO.splitlines()[0] + "\n\n" + TWO.splitlines()[0], "f.jsonl:3: the prompt repeats that of f.jsonl:1; "),
        (b'{"q": "\xff", "a": 1}', "f.jsonl:1: not UTF-8; save the file in UTF-8"),
        ("[" * 100_000, "f.jsonl:1: not JSON: "),
    ],
)
def test_a_message_names_the_line(content: str | bytes, message: str, task: Callable[..., Jsonl]) -> None:
    with pytest.raises(UsageError) as caught:
        task(content).problems(2)
    assert str(caught.value).startswith(message)


def test_the_grader_has_to_be_able_to_read_the_answers(task: Callable[..., Jsonl]) -> None:
    with pytest.raises(UsageError, match=r"f\.jsonl:1: the answer 'two' holds no number"):
        task('{"q": "1+1", "a": "two"}', grader="numeric").problems(1)


def test_only_a_regular_file_of_bounded_size_is_read(
    task: Callable[..., Jsonl], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo("pipe")
    Path("folder").mkdir()
    for file in ("pipe", "folder", "missing", "nul\0"):
        with pytest.raises(UsageError, match=r"no such file|cannot be read"):
            Jsonl(file=file).problems(1)
    monkeypatch.setattr("monitorbench.tasks.jsonl.MAX_BYTES", 10)
    with pytest.raises(UsageError, match="is larger than 0 MiB"):
        task(TWO).problems(1)


def test_a_file_that_changed_is_not_taken_for_the_one_that_was_meant(task: Callable[..., Jsonl]) -> None:
    digest = hashlib.sha256(TWO.encode()).hexdigest()
    assert len(task(TWO, sha256=digest).problems(2)) == 2
    with pytest.raises(UsageError, match="is not the file that sha256 stands for"):
        task(TWO + "\n", sha256=digest).problems(2)


@pytest.mark.parametrize("prompt", ["{q", "{}", "{q!r}", "{q:>9}", "{q.__class__}", "{q[0]}"])
def test_a_template_reaches_nothing_but_columns(prompt: str, task: Callable[..., Jsonl]) -> None:
    with pytest.raises(ValueError, match="the prompt"):
        task(TWO, prompt=prompt)


def test_the_fingerprint_is_that_of_the_graders_code(task: Callable[..., Jsonl]) -> None:
    assert fingerprint(task(TWO)) == ""
    assert len(fingerprint(task(TWO, grader="json:loads"))) == 64


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip), unique=True))
def test_what_is_written_is_read(prompts: list[str]) -> None:
    rows: list[Row] = [(str(i), json.loads(json.dumps({"p": text, "a": i}))) for i, text in enumerate(prompts)]
    found = Reading(prompt="p", answer="a", grader=Grader()).problems(rows, len(rows), of="rows")
    assert [(problem.prompt, problem.answer) for problem in found] == [(text, str(i)) for i, text in enumerate(prompts)]
    assert len({problem.id for problem in found}) == len(prompts)


def test_a_repeated_prompt_may_be_passed_over() -> None:
    rows = [("row 0", {"p": "x", "a": 1}), ("row 1", {"p": "x", "a": 1}), ("row 2", {"p": "y", "a": 2})]
    reading = Reading(prompt="p", answer="a", grader=Grader())
    assert [p.prompt for p in reading.problems(rows, 2, of="rows", skip_repeated=True)] == ["x", "y"]
    with pytest.raises(UsageError, match=re.escape("rows: holds 2 different problems, not 3; lower n")):
        reading.problems(rows, 3, of="rows", skip_repeated=True)


def test_an_answer_may_be_larger_than_any_float(task: Callable[..., Jsonl]) -> None:
    number = "9" * 400
    asked = task(f'{{"q": "which?", "a": {number}}}', grader="numeric")
    (problem,) = asked.problems(1)
    assert asked.grade(problem, f"It is {number}").status == "correct"
