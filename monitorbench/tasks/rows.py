"""From the rows of a file or a data set to problems."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from monitorbench.errors import UsageError
from monitorbench.notices import Working, tell
from monitorbench.suite.words import found, quoted
from monitorbench.tasks.base import Problem
from monitorbench.tasks.graders import Grader

COLUMNS: dict[str, Any] = {
    "prompt": {
        "type": "string",
        "minLength": 1,
        "default": "prompt",
        "description": "Column that holds the prompt, or a template of columns, such as 'Q: {question}\\nA:'.",
    },
    "answer": {
        "type": "string",
        "minLength": 1,
        "default": "answer",
        "description": "Column that holds the right answer: text, or a number.",
    },
}
Row = tuple[str, Mapping[str, Any]]
"""Where a row stands, for messages, and its values by column."""
_SOME = 100
"""Problems between two notices of how many there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Which columns are read, and how responses are graded.

    Attributes:
        prompt: a column, or a template of columns in braces; `{{` and `}}` stand for braces.
        answer: a column.
        grader: what has to be able to read the answers.

    Raises:
        ValueError: the template cannot be filled in from columns.
    """

    prompt: str
    answer: str
    grader: Grader

    def __post_init__(self) -> None:
        for _, column, form, conversion in self._parts():
            if column is not None and (not column or form or conversion or set(column) & set(".[]")):
                raise ValueError(f"the prompt {self.prompt!r} may hold {{column}} in braces and nothing else")

    def problems(self, rows: Iterable[Row], n: int, *, of: str, skip_repeated: bool = False) -> Sequence[Problem]:
        """The first `n` problems.

        Args:
            rows: in a fixed order.
            n: how many.
            of: what the rows come from, for messages.
            skip_repeated: a prompt that came before is passed over; otherwise it is an error.

        Raises:
            UsageError: a row cannot be used, or there are too few; the message says where.
        """
        problems: dict[str, Problem] = {}
        places: dict[str, str] = {}
        for where, row in rows:
            if len(problems) == n:
                break
            if len(problems) % _SOME == 0:
                tell(Working(what=f"reading problems of {of}", done=len(problems), total=n, unit="problems"))
            problem = self._problem(where, row)
            if problem.id not in problems:
                problems[problem.id], places[problem.id] = problem, where
            elif not skip_repeated:
                what = f"the prompt repeats that of {places[problem.id]}"
                raise UsageError(what, where=where, fix="remove one of them: prompts are compared as independent")
        tell(Working(what=f"reading problems of {of}", done=n, total=n, unit="problems"))
        if len(problems) < n:
            different = " different" if skip_repeated else ""
            raise UsageError(f"holds {len(problems):,}{different} problems, not {n:,}", where=of, fix="lower n")
        return list(problems.values())

    def _problem(self, where: str, row: Mapping[str, Any]) -> Problem:
        prompt, answer = self._prompt(where, row), _text(where, row, self.answer)
        if not prompt.strip():
            raise UsageError("the prompt is empty", where=where, fix="remove the row")
        if refusal := self.grader.refusal(answer):
            raise UsageError(refusal, where=where, fix="correct it, or use another grader")
        identity = hashlib.sha256(prompt.encode(errors="surrogatepass")).hexdigest()[:12]
        return Problem(id=identity, prompt=prompt, target=answer, answer=answer)

    def _prompt(self, where: str, row: Mapping[str, Any]) -> str:
        if not set(self.prompt) & set("{}"):
            return _text(where, row, self.prompt)
        return "".join(
            text + ("" if column is None else _text(where, row, column)) for text, column, _, _ in self._parts()
        )

    def _parts(self) -> list[tuple[str, str | None, str | None, str | None]]:
        try:
            return list(Formatter().parse(self.prompt))
        except ValueError as error:
            raise ValueError(f"the prompt {self.prompt!r} is no template: {error}") from error


def _text(where: str, row: Mapping[str, Any], column: str) -> str:
    """A value as text."""
    if column not in row:
        raise UsageError(f"has no column {quoted(column)}", where=where, fix=f"it has {', '.join(map(quoted, row))}")
    value = row[column]
    if isinstance(value, str):
        return value
    is_whole = isinstance(value, int) and not isinstance(value, bool)  # of any size, also beyond what a float holds
    if is_whole or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    what = f"the column {quoted(column)} holds {found(value)}"
    raise UsageError(what, where=where, fix="only text and numbers can be used")
