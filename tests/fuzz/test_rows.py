"""Whatever a file of problems holds, its problems are given, or its line is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fuzzing import harmless, tries
from hypothesis import example, given
from hypothesis import strategies as st
from report_values import values

from monitorbench.errors import UsageError
from monitorbench.tasks.jsonl import Jsonl

rows = st.fixed_dictionaries(
    {"prompt": values, "answer": values | st.sampled_from(["1", "1,000.5", "B", "1/0", "1e999"])}
)
lines = st.one_of(
    rows.map(lambda row: json.dumps(row).encode()),
    st.binary(max_size=30),
    st.sampled_from(
        [b"", b"\xef\xbb\xbf", b"[" * 5000, b'{"prompt": "a", "prompt": "b"}', b'{"answer": ' + b"9" * 4000]
    ),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows") / "problems.jsonl"


@given(content=st.lists(lines, max_size=3).map(b"\n".join), grader=st.sampled_from(["exact", "numeric", "choice"]))
@example(content=b'{"prompt": "a", "answer": ' + b"9" * 4000 + b"}", grader="numeric")
@tries(0.1)
def test_any_file_of_problems(place: Path, content: bytes, grader: str) -> None:
    place.write_bytes(content)
    with harmless("rows"):
        task = Jsonl(file=str(place), grader=grader)
        try:
            problems: Any = task.problems(1)
        except UsageError as refusal:
            words = str(refusal)
        else:
            assert task.grade(problems[0], "the answer is 1").status in ("correct", "wrong", "unparsable")
            return
    assert words.startswith(str(place))
    assert len(words) < 1_000
