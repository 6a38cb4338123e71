"""Problems of your own, one JSON object on each line of a file.

{"question": "What is 2 + 3?", "answer": 5}
{"question": "What is 4 + 4?", "answer": 8}
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from monitorbench.errors import UsageError, first_line
from monitorbench.suite.files import FILE, MAX_BYTES
from monitorbench.suite.model import CheckSchema
from monitorbench.suite.words import found, quoted
from monitorbench.tasks.base import Outcome, Problem
from monitorbench.tasks.graders import NEEDS_PATTERN, PROPERTIES, Grader
from monitorbench.tasks.rows import COLUMNS, Reading, Row

SCHEMA = CheckSchema(
    properties={
        "file": {
            "type": "string",
            "minLength": 1,
            "format": FILE,
            "description": "The file, by its path relative to the suite: UTF-8, one JSON object a line.",
        },
        "sha256": {
            "type": "string",
            "pattern": r"^[0-9a-f]{64}$(?!\n)",
            "patternErrorMessage": "64 hexadecimal digits in lower case",
            "description": "What the file has to hash to; filled in where it is left out.",
        },
        **COLUMNS,
        **PROPERTIES,
    },
    required=("file",),
    extra=NEEDS_PATTERN,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Jsonl:
    """The task family `jsonl`.

    Attributes:
        file: path usable from the working directory.
        sha256: of the file's bytes; empty takes the file as it is.
        prompt: a column, or a template of columns in braces.
        answer: a column: text, or a number.
        grader: one of `graders.GRADERS`, or `package.module:function`.
        pattern: of grader `regex`.
        tolerance: of grader `numeric`.
        ignore_case: of graders `exact` and `regex`.

    Raises:
        ValueError: the template or the grader's settings make no sense.
    """

    file: str
    sha256: str = ""
    prompt: str = "prompt"
    answer: str = "answer"
    grader: str = "exact"
    pattern: str | None = None
    tolerance: float | None = None
    ignore_case: bool | None = None
    name: ClassVar[str] = "jsonl"
    summary: ClassVar[str] = "Problems of your own from a file, one JSON object a line."
    schema: ClassVar[CheckSchema] = SCHEMA

    def __post_init__(self) -> None:
        self._reading()

    def problems(self, n: int) -> Sequence[Problem]:
        """The first `n` problems of the file.

        Raises:
            UsageError: the file or one of its lines, which the message names, cannot be used.
        """
        return self._reading().problems(self._rows(), n, of=self.file)

    def grade(self, problem: Problem, response: str) -> Outcome:
        """Compare the response with the answer of the problem."""
        return self._reading().grader.grade(response, problem.answer)

    @property
    def fingerprint(self) -> str:
        """What problems and grades depend on beside the parameters: the grader's code."""
        return self._reading().grader.fingerprint

    def _reading(self) -> Reading:
        grader = Grader(kind=self.grader, pattern=self.pattern, tolerance=self.tolerance, ignore_case=self.ignore_case)
        return Reading(prompt=self.prompt, answer=self.answer, grader=grader)

    def _rows(self) -> Iterator[Row]:
        lines = self._content().split(b"\n")
        for number, line in enumerate(lines, start=1):
            where = f"{self.file}:{number}"
            if line.strip():
                yield where, _row(line, where)

    def _content(self) -> bytes:
        """The bytes of the file, without a byte order mark."""
        try:
            # A pipe or a device would never end, and a file that grew may not fit.
            if not Path(self.file).is_file():
                raise UsageError("no such file", where=self.file, fix="check the path")
            with Path(self.file).open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot be read: {first_line(error)}", where=self.file, fix="check the path") from error
        if len(content) > MAX_BYTES:
            what = f"is larger than {MAX_BYTES // 2**20} MiB"
            raise UsageError(what, where=self.file, fix="keep the problems that are asked, and drop the rest")
        if not content.strip():
            raise UsageError("is empty", where=self.file, fix="write one JSON object on each line")
        if self.sha256 and hashlib.sha256(content).hexdigest() != self.sha256:
            fix = "restore it, or correct or remove sha256 in the suite"
            raise UsageError("is not the file that sha256 stands for", where=self.file, fix=fix)
        return content.removeprefix(b"\xef\xbb\xbf")


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise UsageError("not UTF-8", where=where, fix="save the file in UTF-8") from error
    except (ValueError, RecursionError) as error:
        what = f"not JSON: {first_line(error)}"
        raise UsageError(what, where=where, fix="write one JSON object on each line") from error
    if not isinstance(value, dict):
        raise UsageError(
            f"holds {found(value)}, not an object", where=where, fix='write {"prompt": ..., "answer": ...}'
        )
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"the key {quoted(counts.most_common(1)[0][0])} is given twice")
    return row
