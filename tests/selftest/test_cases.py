"""The table of expected verdicts: complete, about real checkpoints, and easy to choose from."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitorbench.adapters.checkpoint import zoo_names
from monitorbench.api import load_suite
from monitorbench.errors import UsageError
from monitorbench.report.model import Verdict
from monitorbench.selftest.cases import Case, chosen, table

CASES = table()
SUITES = Path(__file__).parents[2] / "suites"


def case(name: str, *, quick: bool = True) -> Case:
    return Case(name=name, model="ar-chain", suite="quickstart", truth="", expected={}, quick=quick)


def test_every_reference_checkpoint_is_in_the_table() -> None:
    assert {each.model for each in CASES} == set(zoo_names())


@pytest.mark.parametrize("each", CASES, ids=lambda each: each.name)
def test_every_case_expects_a_verdict_of_every_check_of_its_suite(each: Case) -> None:
    suite = load_suite(each.path, each.overrides(device="cpu", dtype="float32"))
    assert [check.id for check in suite.checks] == list(each.expected)
    assert suite.model.source == f"zoo:{each.model}"
    assert each.truth.endswith(".")


@pytest.mark.parametrize("path", sorted({each.path for each in CASES}), ids=lambda path: path.name)
def test_the_suites_are_those_that_users_see(path: Path) -> None:
    """The package carries copies, because an installed one has no folder `suites`."""
    assert path.read_bytes() == (SUITES / path.name).read_bytes()


def test_the_checks_tell_apart() -> None:
    """Each of `pass`, `fail` and `not_applicable` is expected somewhere: a harness that always says one is caught."""
    expected = {verdict for each in CASES for verdict in each.expected.values()}
    assert {Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE} <= expected


def test_cases_are_chosen_by_name_and_by_time() -> None:
    cases = (case("a"), case("b", quick=False), case("c"))
    assert chosen(cases) == cases
    assert [each.name for each in chosen(cases, quick=True)] == ["a", "c"]
    assert [each.name for each in chosen(cases, only=["b", "c"])] == ["b", "c"]


def test_a_case_that_is_named_runs_however_long_it_takes() -> None:
    """Nothing that ran would be nothing that came out wrong."""
    assert [each.name for each in chosen((case("a"), case("b", quick=False)), only=["b"], quick=True)] == ["b"]


def test_a_case_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no case of the selftest is called 'aa'"):
        chosen((case("a"), case("b")), only=["aa"])
