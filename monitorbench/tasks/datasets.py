"""Problems from a data set in the format of Hugging Face: a folder, or one of the hub that the suite names.

Only data files are read (Parquet, JSON, CSV, Arrow). Loading scripts and pickles are refused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from monitorbench.errors import UsageError, first_line
from monitorbench.notices import Working, tell
from monitorbench.suite.files import FOLDER
from monitorbench.suite.model import CheckSchema
from monitorbench.tasks.base import Outcome, Problem
from monitorbench.tasks.graders import NEEDS_PATTERN, PROPERTIES, Grader
from monitorbench.tasks.rows import COLUMNS, Reading, Row

FORMATS = ("parquet", "json", "csv", "arrow")
"""Builders of `datasets` that read data files and nothing else."""
SAVED = ("dataset_dict.json", "state.json")
"""Files by which `save_to_disk` marks its folders."""

SCHEMA = CheckSchema(
    properties={
        "source": {
            "type": "string",
            "minLength": 1,
            "format": FOLDER,
            "description": "A folder, by its path relative to the suite, or the hub id org/name of a data set.",
        },
        "config": {
            "type": "string",
            "minLength": 1,
            "description": "Configuration, where there are several.",
        },
        "split": {"type": "string", "minLength": 1, "default": "test", "description": "Split that is read."},
        "revision": {"type": "string", "minLength": 1, "description": "Commit, tag or branch of a hub id."},
        **COLUMNS,
        **PROPERTIES,
    },
    required=("source",),
    extra=NEEDS_PATTERN,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """The task family `datasets`. A prompt that the data set repeats is asked once.

    Attributes:
        source: a folder as `save_to_disk` or a hub repository has it, usable from the working directory; or a hub id.
        config: name of the configuration, where there are several.
        split: name of the split.
        revision: commit, tag or branch of a hub id; without it, the newest, which may change between runs.
        prompt: a column, or a template of columns in braces.
        answer: a column: text, or a number.
        grader: one of `graders.GRADERS`, or `package.module:function`.
        pattern: of grader `regex`.
        tolerance: of grader `numeric`.
        ignore_case: of graders `exact` and `regex`.

    Raises:
        ValueError: the template, the grader's settings, or a folder with a revision make no sense.
    """

    source: str
    config: str | None = None
    split: str = "test"
    revision: str | None = None
    prompt: str = "prompt"
    answer: str = "answer"
    grader: str = "exact"
    pattern: str | None = None
    tolerance: float | None = None
    ignore_case: bool | None = None
    name: ClassVar[str] = "datasets"
    summary: ClassVar[str] = "Data sets in the format of Hugging Face, from a folder or the hub."
    schema: ClassVar[CheckSchema] = SCHEMA

    def __post_init__(self) -> None:
        self._reading()
        if self.revision and os.path.isdir(self.source):
            raise ValueError(f"{self.source} is a folder, which has no revision")

    def problems(self, n: int) -> Sequence[Problem]:
        """The first `n` different problems of the split.

        Raises:
            UsageError: the package is missing, or the data set or a row of it cannot be used.
        """
        return self._reading().problems(self._rows(), n, of=self._where, skip_repeated=True)

    def grade(self, problem: Problem, response: str) -> Outcome:
        """Compare the response with the answer of the problem."""
        return self._reading().grader.grade(response, problem.answer)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the files of a folder with the grader's code; of a hub id, the revision is a parameter."""
        total = hashlib.sha256(self._reading().grader.fingerprint.encode())
        for file in sorted(file for file in Path(self.source).rglob("*") if file.is_file()):
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            total.update(f"{file.relative_to(self.source)}\0{digest}\0".encode())
        return total.hexdigest()

    @property
    def _where(self) -> str:
        config = f" {self.config}" if self.config else ""
        return f"{self.source}{config} {self.split}"

    def _reading(self) -> Reading:
        grader = Grader(kind=self.grader, pattern=self.pattern, tolerance=self.tolerance, ignore_case=self.ignore_case)
        return Reading(prompt=self.prompt, answer=self.answer, grader=grader)

    def _rows(self) -> Iterator[Row]:
        tell(Working(what=f"loading the data set {self._where}"))
        with _explained(self.source):
            library = _library()
            saved = any(os.path.isfile(os.path.join(self.source, mark)) for mark in SAVED)
            rows = iter(self._saved(library) if saved else self._loaded(library))
        number = 0
        while True:
            with _explained(self.source):
                row = next(rows, None)
            if row is None:
                return
            yield f"{self._where}, row {number}", row
            number += 1

    def _saved(self, library: Any) -> Any:
        found = library.load_from_disk(self.source)
        if not isinstance(found, library.DatasetDict):
            return found
        self._require_split(list(found))
        return found[self.split]

    def _loaded(self, library: Any) -> Any:
        local = os.path.isdir(self.source)
        builder = library.load_dataset_builder(self.source, self.config, revision=self.revision)
        kind = type(builder).__module__.rpartition(".")[2]
        if kind not in FORMATS:
            what = f"holds its data as {kind}, which is not read"
            raise UsageError(what, where=self.source, fix=f"save it as one of {', '.join(FORMATS)}")
        known = builder.info.splits or builder.config.data_files or {}
        self._require_split(list(known))
        if local:
            return builder.as_streaming_dataset(split=self.split)  # nothing is copied into a cache
        builder.download_and_prepare()
        return builder.as_dataset(split=self.split)

    def _require_split(self, known: Sequence[str]) -> None:
        if self.split not in known:
            what = f"has no split {self.split!r}"
            raise UsageError(what, where=self.source, fix=f"use {', '.join(map(str, known))}")


def _library() -> Any:
    try:
        import datasets
    except ImportError as error:
        fix = "install it: pip install 'monitorbench[datasets]'"
        raise UsageError("tasks of family datasets need the package datasets", fix=fix) from error
    return datasets


@contextmanager
def _explained(source: str) -> Iterator[None]:
    """What the library raises, in one line."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:  # what a library of this size raises is not listed anywhere
        what = f"cannot be loaded as a data set: {first_line(error)}"
        local = "check that it holds Parquet, JSON, CSV or Arrow files, and no loading script"
        remote = "check the name and the connection, or name a local folder"
        raise UsageError(what, where=source, fix=local if os.path.isdir(source) else remote) from error
