"""The one tree of errors. Each says what happened, where, and what to do; none needs a traceback to be understood."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 300
"""Characters of what another library says; it may quote a whole file."""


class MonitorbenchError(Exception):
    """Base of every error that a user can mend.

    Args:
        what: what happened, in one clause.
        where: the file, position, module or option concerned; empty when there is only one place it can be.
        fix: what to do about it, as an instruction; empty when nothing can be done.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return "\n".join(printable(line) for line in (f"{text}; {self.fix}" if self.fix else text).split("\n"))


def printable(text: str) -> str:
    """Text in which nothing drives a terminal or breaks a line: file names and models may hold any character."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def first_line(error: BaseException) -> str:
    """What an error of another library says first."""
    text = str(error).strip()
    return text[:_LONGEST].splitlines()[0].rstrip(".:; ") if text else type(error).__name__


def described(error: Exception) -> str:
    """What an error says, and the line that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """One mistake in a suite, printed as one line `file:line:column: what; fix`. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    what: str
    fix: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.what}"
        return printable(f"{text}; {self.fix}" if self.fix else text)


class SuiteError(MonitorbenchError):
    """A suite that cannot be used, with every mistake found in it."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda m: (m.file, m.line, m.column)))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class UsageError(MonitorbenchError):
    """A command line, option or argument that cannot be used."""


class NotRecordedError(UsageError):
    """Something that would have to be recorded first, where nothing can be recorded."""


class CheckpointError(MonitorbenchError):
    """A checkpoint that cannot be loaded or must not be used."""


class RolloutError(MonitorbenchError):
    """A model, an intervention or a task with which no rollout comes to an end: every one that was tried raised."""


class UnknownOperationError(MonitorbenchError):
    """An operation in a traced model for which no depth rule is registered."""
