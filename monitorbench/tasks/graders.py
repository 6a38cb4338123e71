"""Graders of problems that come from files: each says whether a response is correct, wrong, or holds no answer.

| grader | reads from the response | right if |
|---|---|---|
| `exact` | all of it | it is the answer, white space aside, and letter case where `ignore_case` says so |
| `numeric` | the last number, or fraction | it differs from the last number of the answer by at most `tolerance` |
| `choice` | the letter of an option | it is the answer's letter |
| `regex` | what the one group of `pattern` matched last | it is the answer, as for `exact` |
| `package.module:function` | what the function likes | the function says so |
"""

from __future__ import annotations

import hashlib
import inspect
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from monitorbench.errors import UsageError, described
from monitorbench.registry import Registry
from monitorbench.suite.schema import CLASS
from monitorbench.tasks.base import Outcome

GRADERS = ("exact", "numeric", "choice", "regex")
STATUSES = ("correct", "wrong", "unparsable")
LONGEST_SEARCHED = 20_000
"""Characters at the end of a response in which a pattern is looked for."""
LONGEST_SEARCH = 2.0
"""Seconds that a pattern may take on one response; beyond the main thread, nothing can end it."""

_MINUS = "-\u2212\u2013"
_SIGN = rf"(?:(?<![\w.)\]])[{_MINUS}+](?:\\?[$\u20ac\u00a3])?)?"
_DIGITS = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d|,\d)|\d+)(?:\.\d+)?|\.\d+)"
_POWER = r"(?:[eE][-+]?\d{1,3}(?!\d))?"
_DIVISOR = rf"(?=[\d.]*[1-9]){_DIGITS}"
_FRACTION = rf"\\[dt]?frac\{{{_DIGITS}\}}\{{{_DIVISOR}\}}"
_QUOTIENT = rf"(?<![\w./]){_DIGITS}/{_DIVISOR}(?![\d/])"
NUMBER = re.compile(rf"{_SIGN}(?:{_FRACTION}|{_QUOTIENT}|(?<![\w.]){_DIGITS}{_POWER})", re.ASCII)
"""A sign counts where it is none between two operands; a comma separates thousands and is no decimal point."""
_PART = re.compile(rf"{_DIGITS}{_POWER}", re.ASCII)
CHOICES = (
    re.compile(r"\b(?i:answer(?:\s+is)?)\s*[:=]?\s*[*]*\s*\(?([A-Z])\b(?!')", re.ASCII),
    re.compile(r"\A\W*([A-Za-z])\W*\Z", re.ASCII),
    re.compile(r"\A\W*([A-Z])[.):](?:\s|\Z)", re.ASCII),
    re.compile(r"\(([A-Z])\)", re.ASCII),
)
"""Forms of a chosen letter, the surest first; of several of one form, the last counts."""
FUNCTIONS = Registry("grader", "monitorbench.graders", {})

PROPERTIES: dict[str, Any] = {
    "grader": {
        "type": "string",
        "if": {"pattern": ":"},
        "then": {**CLASS, "patternErrorMessage": "package.module:function"},
        "else": {"title": "grader", "enum": list(GRADERS)},
        "default": GRADERS[0],
        "description": "How a response is compared with the answer: exact, numeric, choice, regex, or "
        "package.module:function, called with response and answer.",
    },
    "pattern": {
        "type": "string",
        "minLength": 1,
        "description": "Of grader regex: a pattern of Python's re whose one group is the answer.",
    },
    "tolerance": {
        "type": "number",
        "minimum": 0,
        "description": "Of grader numeric: largest difference from the answer.",
    },
    "ignore_case": {"type": "boolean", "description": "Of graders exact and regex: letter case does not matter."},
}
"""Parameters of a task that grades by one of these."""
NEEDS_PATTERN = {
    "if": {"properties": {"grader": {"const": "regex"}}, "required": ["grader"]},
    "then": {"required": ["pattern"]},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Grader:
    """A grader with its settings.

    Attributes:
        kind: one of `GRADERS`, or `package.module:function`.
        pattern: of `regex`, with exactly one group.
        tolerance: of `numeric`, at least 0; None for 0.
        ignore_case: of `exact` and `regex`; None for no.

    Raises:
        ValueError: the settings do not go together.
    """

    kind: str = "exact"
    pattern: str | None = None
    tolerance: float | None = None
    ignore_case: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in GRADERS and ":" not in self.kind:
            raise ValueError(f"no grader is called {self.kind!r}: use {', '.join(GRADERS)} or package.module:function")
        for name, of in (("pattern", ("regex",)), ("tolerance", ("numeric",)), ("ignore_case", ("exact", "regex"))):
            if getattr(self, name) is not None and self.kind not in of:
                raise ValueError(f"{name} belongs to grader {' and '.join(of)}, not to {self.kind}")
        if self.kind == "regex":
            _require_one_group(self.pattern)

    def refusal(self, answer: str) -> str | None:
        """What is wrong with the answer of a problem; None where nothing is."""
        if not answer.strip():
            return "the answer is empty"
        if self.kind == "numeric" and not NUMBER.search(answer):
            return f"the answer {answer!r} holds no number"
        if self.kind == "choice" and not re.fullmatch(r"\(?[A-Za-z]\)?", answer.strip(), re.ASCII):
            return f"the answer {answer!r} is no letter of an option"
        return None

    def grade(self, response: str, answer: str) -> Outcome:
        """Compare a response with the right answer.

        Raises:
            UsageError: a pattern takes too long, or a function cannot be used.
        """
        if self.kind == "numeric":
            return _numeric(response, answer, Decimal(str(self.tolerance or 0)))
        if self.kind == "choice":
            return _choice(response, answer)
        if self.kind == "regex":
            return self._regex(response, answer)
        if self.kind == "exact":
            found = self._plain(response)
            return _outcome(found, found == self._plain(answer), 0 if len(found.split()) == 1 else None)
        return _judged(self.kind, FUNCTIONS.load(self.kind), response, answer)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the source of a function, all of its package; empty for the others, whose settings say all."""
        if self.kind in GRADERS:
            return ""
        total = hashlib.sha256()
        for file in _sources(self.kind):
            total.update(hashlib.sha256(file.read_bytes()).digest())
        return total.hexdigest()

    def _regex(self, response: str, answer: str) -> Outcome:
        cut = max(0, len(response) - LONGEST_SEARCHED)
        with _in_time(self.pattern or "", len(response) - cut):
            matches = [match for match in re.finditer(self.pattern or "", response[cut:]) if match[1] is not None]
        if not matches:
            return _outcome("", False, None)
        found = self._plain(matches[-1][1])
        return _outcome(found, found == self._plain(answer), _word_at(response, cut + matches[-1].start(1)))

    def _plain(self, text: str) -> str:
        joined = " ".join(text.split())
        return joined.casefold() if self.ignore_case else joined


def _numeric(response: str, answer: str, tolerance: Decimal) -> Outcome:
    matches, wanted = list(NUMBER.finditer(response)), NUMBER.findall(answer)
    if not matches or not wanted:
        return _outcome("", False, None)
    difference = abs(_number(matches[-1][0]) - _number(wanted[-1]))
    equal = _number(matches[-1][0]) == _number(wanted[-1])  # exact, where a difference is rounded to 28 digits
    close = tolerance > 0 and difference <= tolerance
    return _outcome(matches[-1][0], equal or close, _word_at(response, matches[-1].start()))


def _number(text: str) -> Decimal:
    parts = [Decimal(part.replace(",", "")) for part in _PART.findall(text)]
    value = parts[0] / parts[1] if len(parts) > 1 and parts[1] else parts[0]
    return value.copy_negate() if text[0] in _MINUS else value


def _choice(response: str, answer: str) -> Outcome:
    for form in CHOICES:
        if matches := list(form.finditer(response)):
            letter = matches[-1][1].upper()
            return _outcome(letter, letter == answer.strip(" ()\n").upper(), _word_at(response, matches[-1].start(1)))
    return _outcome("", False, None)


def _sources(kind: str) -> list[Path]:
    """The files of the whole package of a function, of which it may call any part."""
    function = inspect.unwrap(FUNCTIONS.load(kind))
    found: set[Path] = set()
    for name in (kind.partition(":")[0], getattr(function, "__module__", None) or ""):
        file = getattr(sys.modules.get(name), "__file__", None)
        folders = getattr(sys.modules.get(name.partition(".")[0]), "__path__", ())
        found |= {Path(file)} if file else set()
        found |= {source for folder in folders for source in Path(folder).rglob("*.py")}
    return sorted(found)


def _judged(name: str, function: Callable[[str, str], Any], response: str, answer: str) -> Outcome:
    try:
        said = function(response, answer)
    except Exception as error:  # the function is the user's, and may raise anything
        raise UsageError(f"the grader {name} breaks down: {described(error)}", fix="mend the function") from error
    if isinstance(said, bool):
        said = "correct" if said else "wrong"
    if said not in STATUSES:
        what = f"the grader {name} returns {said!r}"
        raise UsageError(what, fix=f"let it return True, False, {', '.join(map(repr, STATUSES))}")
    return Outcome(status=said, answer=None)


def _outcome(found: str, right: bool, word: int | None) -> Outcome:
    """The outcome where `found` was read; nothing was, where it is empty."""
    if not found:
        return Outcome(status="unparsable", answer=None)
    return Outcome(status="correct" if right else "wrong", answer=found, answer_word=word)


def _word_at(text: str, offset: int) -> int:
    """Index of the word in which a character stands."""
    return len(re.findall(r"\S+", text[: offset + 1])) - 1


def _require_one_group(pattern: str | None) -> None:
    if pattern is None:
        raise ValueError("grader regex needs a pattern")
    try:
        groups = re.compile(pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"the pattern {pattern!r} is no regular expression: {error}") from error
    if groups != 1:
        raise ValueError(f"the pattern {pattern!r} has {groups} groups; it needs one, around the answer")


@contextmanager
def _in_time(pattern: str, length: int) -> Iterator[None]:
    """Ends a search that runs away: some patterns take a time that doubles with every character."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def give_up(*_: object) -> NoReturn:
        what = f"the pattern {pattern!r} takes more than {LONGEST_SEARCH:g} s on a response of {length:,} characters"
        raise UsageError(what, fix="write it without a repeat inside a repeat")

    handler = signal.signal(signal.SIGALRM, give_up)
    left, again = signal.setitimer(signal.ITIMER_REAL, LONGEST_SEARCH)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, again)
        signal.signal(signal.SIGALRM, handler)
