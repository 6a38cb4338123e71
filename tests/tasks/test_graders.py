"""What graders read from a response, and what they refuse to guess."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.tasks.graders import Grader


def graded(grader: Grader, response: str, answer: str) -> tuple[str, str | None, str | None]:
    """Status, answer as read, and the word that the grader says it stands in."""
    outcome = grader.grade(response, answer)
    word = None if outcome.answer_word is None else response.split()[outcome.answer_word]
    return outcome.status, outcome.answer, word


@pytest.mark.parametrize(
    ("response", "answer", "ignore_case", "expected"),
    [
        ("  the\n answer ", "the answer", None, ("correct", "the answer", None)),
        ("Paris", "paris", None, ("wrong", "Paris", "Paris")),
        ("Paris", "paris", True, ("correct", "paris", "Paris")),
        ("STRASSE", "straße", True, ("correct", "strasse", "STRASSE")),
        (" \n", "paris", None, ("unparsable", None, None)),
    ],
)
def test_exact_compares_all_of_the_response(
    response: str, answer: str, ignore_case: bool | None, expected: tuple[str, str | None, str | None]
) -> None:
    assert graded(Grader(kind="exact", ignore_case=ignore_case), response, answer) == expected


@pytest.mark.parametrize(
    ("response", "read", "word"),
    [
        ("3 apples and 4 pears make 7.", "7", "7."),
        ("1,234,567.50 dollars", "1,234,567.50", "1,234,567.50"),
        ("1, 2,3", "3", "2,3"),
        ("so x = -5", "-5", "-5"),
        ("10-4", "4", "10-4"),
        ("\u22125 degrees", "\u22125", "\u22125"),
        ("about .5", ".5", ".5"),
        ("6.02e23", "6.02e23", "6.02e23"),
        (r"\boxed{42}", "42", r"\boxed{42}"),
        ("12km", "12", "12km"),
        ("1,000, to be exact", "1,000", "1,000,"),
        ("a loss of -$5", "-$5", "-$5"),
        ("it is \u20135", "\u20135", "\u20135"),
        ("pages 3\u20135", "5", "3\u20135"),
        ("half, so 1/2 of it", "1/2", "1/2"),
        (r"\boxed{-\frac{1}{2}}", r"-\frac{1}{2}", r"\boxed{-\frac{1}{2}}"),
        ("on 12/25/2024", "2024", "12/25/2024"),
        ("so x=5", "5", "x=5"),
        ("in total:7", "7", "total:7"),
    ],
)
def test_numeric_reads_the_last_number(response: str, read: str, word: str) -> None:
    assert graded(Grader(kind="numeric"), response, read) == ("correct", read, word)


@pytest.mark.parametrize("response", ["", "nan", "inf", "none", "x12 is a name", "seven"])
def test_what_holds_no_number_is_unparsable(response: str) -> None:
    for answer in ("0", "12"):
        assert graded(Grader(kind="numeric"), response, answer) == ("unparsable", None, None)


@pytest.mark.parametrize(
    ("response", "answer", "right"),
    [
        ("-$5", "5", False),
        ("-$5", "-5", True),
        ("1/2", "2", False),
        ("2", "1/2", False),
        (r"\frac{1}{2}", "2", False),
        (r"-\dfrac{1}{4}", "-0.25", True),
        ("2/6", "1/3", True),
        ("0.5", "1/2", True),
        ("1,000,", "0", False),
        ("1,000,", "1000", True),
        ("\u20135", "5", False),
    ],
)
def test_a_number_is_worth_what_is_written_as_a_whole(response: str, answer: str, right: bool) -> None:
    assert graded(Grader(kind="numeric"), response, answer)[0] == ("correct" if right else "wrong")


def test_numbers_are_compared_exactly_unless_there_is_a_tolerance() -> None:
    assert graded(Grader(kind="numeric"), "9007199254740993", "9007199254740992")[0] == "wrong"
    assert graded(Grader(kind="numeric"), "1" * 40 + "2", "1" * 40 + "3")[0] == "wrong", "beyond 28 digits, too"
    assert graded(Grader(kind="numeric"), "18.0", "18")[0] == "correct"
    assert graded(Grader(kind="numeric"), "0.3", "so it is #### 0.30")[0] == "correct"
    assert graded(Grader(kind="numeric", tolerance=0.1), "0.3", "0.4")[0] == "correct", "in decimals, not in binary"
    assert graded(Grader(kind="numeric", tolerance=0.1), "0.3", "0.41")[0] == "wrong"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_every_number_is_read_as_it_is_written(number: Decimal) -> None:
    for text in (f"{number}", f"{number:,}", f"it is {number:,}!", f"{number:f} in all"):
        assert graded(Grader(kind="numeric"), text, str(number))[0] == "correct"
    assert graded(Grader(kind="numeric"), f"{number + 1:,}", str(number))[0] == "wrong"


@pytest.mark.parametrize(
    ("response", "word"),
    [
        ("B", "B"),
        (" b. ", "b."),
        ("(B)", "(B)"),
        ("B) because A is too small", "B)"),
        ("The answer is B.", "B."),
        ("First A, but the answer is (B), not (C)", "(B),"),
        ("A dog is an animal, so **Answer: B**", "B**"),
        ("It could be (A). It is (B)", "(B)"),
        ("Answer: B", "B"),
        ("ANSWER: B", "B"),
        ("(A) does not fit.\n**Answer:** B", "B"),
        ("The Answer Is (B).", "(B)."),
    ],
)
def test_choice_reads_the_letter(response: str, word: str) -> None:
    assert graded(Grader(kind="choice"), response, "B") == ("correct", "B", word)
    assert graded(Grader(kind="choice"), response, "(c)")[0] == "wrong"


@pytest.mark.parametrize("response", ["", "A dog is an animal", "the answer is unknown", "I'd say none", "AB"])
def test_a_letter_that_is_no_choice_is_not_taken_for_one(response: str) -> None:
    assert graded(Grader(kind="choice"), response, "A") == ("unparsable", None, None)


def test_regex_takes_the_last_match() -> None:
    grader = Grader(kind="regex", pattern=r"answer (\w+)", ignore_case=True)
    assert graded(grader, "answer 3 no, answer X", "x") == ("correct", "x", "X")
    assert graded(grader, "nothing", "x") == ("unparsable", None, None)
    assert graded(Grader(kind="regex", pattern=r"(\d+)|none"), "5 none", "5")[0] == "correct"
    assert graded(grader, "answer 1 " + "." * 30_000, "1")[0] == "unparsable", "too far from the end"
    assert graded(grader, "word " * 30_000 + "answer 1", "1") == ("correct", "1", "1")


def test_a_pattern_that_runs_away_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitorbench.tasks.graders.LONGEST_SEARCH", 0.2)
    with pytest.raises(UsageError, match=re.escape("takes more than 0.2 s on a response of 41 characters")):
        Grader(kind="regex", pattern=r"(?:a+)+(b)").grade("a" * 40 + "c", "b")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "exakt"}, "no grader is called 'exakt'"),
        ({"kind": "regex"}, "grader regex needs a pattern"),
        ({"kind": "regex", "pattern": "("}, "is no regular expression"),
        ({"kind": "regex", "pattern": r"\d+"}, "has 0 groups"),
        ({"kind": "numeric", "pattern": "(a)"}, "pattern belongs to grader regex, not to numeric"),
        ({"kind": "exact", "tolerance": 0.1}, "tolerance belongs to grader numeric, not to exact"),
        ({"kind": "choice", "ignore_case": True}, "ignore_case belongs to grader exact and regex, not to choice"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Grader(**settings)


@pytest.mark.parametrize(
    ("kind", "answer", "refused"),
    [("exact", " ", True), ("numeric", "nan", True), ("numeric", "#### 5", False), ("choice", "AB", True)],
)
def test_answers_that_no_response_could_match_are_refused(kind: str, answer: str, refused: bool) -> None:
    assert (Grader(kind=kind).refusal(answer) is not None) == refused


class TestAFunctionOfOnesOwn:
    @pytest.fixture(autouse=True)
    def module(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = (
            "def longer(response, answer):\n    return len(response) > len(answer)\n"
            "def told(response, answer):\n    return response\n"
            "def broken(response, answer):\n    return 1 / 0\n"
        )
        (tmp_path / "own_grader.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "own_grader", raising=False)

    def test_returns_whether_it_is_right_or_a_status(self) -> None:
        assert graded(Grader(kind="own_grader:longer"), "abc", "ab") == ("correct", None, None)
        assert graded(Grader(kind="own_grader:longer"), "a", "ab")[0] == "wrong"
        assert graded(Grader(kind="own_grader:told"), "unparsable", "ab")[0] == "unparsable"

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("own_grader:told", "returns 'perhaps'; let it return True, False, 'correct', 'wrong', 'unparsable'"),
            ("own_grader:broken", "breaks down: ZeroDivisionError: division by zero (own_grader.py:6)"),
            ("own_grader:missing", "cannot be imported: module 'own_grader' has no attribute 'missing'"),
            ("nowhere:missing", "cannot be imported: No module named 'nowhere'"),
        ],
    )
    def test_says_what_is_wrong_with_it(self, name: str, words: str) -> None:
        with pytest.raises(UsageError, match=re.escape(words)):
            Grader(kind=name).grade("perhaps", "b")

    def test_is_imported_only_when_it_grades_and_known_by_its_code(self, tmp_path: Path) -> None:
        grader = Grader(kind="own_grader:longer")
        assert "own_grader" not in sys.modules
        before = grader.fingerprint
        (tmp_path / "own_grader.py").write_text("def longer(response, answer):\n    return True\n", encoding="utf-8")
        assert grader.fingerprint != before
        assert Grader(kind="numeric").fingerprint == ""

    def test_in_a_package_is_known_by_all_code_of_the_package(self, tmp_path: Path) -> None:
        """What a function calls may lie in another file."""
        package = tmp_path / "own_graders"
        package.mkdir()
        (package / "__init__.py").write_text("", encoding="utf-8")
        (package / "units.py").write_text("FACTOR = 1\n", encoding="utf-8")
        (package / "grade.py").write_text(
            "from own_graders.units import FACTOR\ndef right(response, answer):\n    return FACTOR == 1\n",
            encoding="utf-8",
        )
        grader = Grader(kind="own_graders.grade:right")
        before = grader.fingerprint
        assert grader.fingerprint == before
        (package / "units.py").write_text("FACTOR = 2\n", encoding="utf-8")
        assert grader.fingerprint != before

    def test_may_be_any_object_that_can_be_called(self, tmp_path: Path) -> None:
        source = "import functools\n\nsame = functools.partial(lambda strict, a, b: strict == (a == b), True)\n"
        (tmp_path / "own_grader.py").write_text(source, encoding="utf-8")
        grader = Grader(kind="own_grader:same")
        assert graded(grader, "a", "a")[0] == "correct"
        assert len(grader.fingerprint) == 64
