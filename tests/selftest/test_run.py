"""Cases run one after the other, and one that breaks does not cost the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitorbench.notices import ArmStarted, CaseDone, CaseStarted, RunDone
from monitorbench.report.model import Verdict
from monitorbench.selftest.cases import Case, chosen, table
from monitorbench.selftest.run import run_cases

(AR,) = chosen(table(), only=["ar-chain"])
SMALL = replace(AR, set=(*AR.set, "tasks.chain.n=4", "sampling.batch_size=4"))


def outcomes(*cases: Case) -> list[Any]:
    return [each.outcome for each in run_cases(cases, device="cpu", dtype="float32") if isinstance(each, CaseDone)]


def test_a_case_tells_what_its_run_tells_and_ends_in_an_outcome() -> None:
    notices = list(run_cases((SMALL,), device="cpu", dtype="float32"))
    assert notices[0] == CaseStarted(case="ar-chain", number=1, total=1)
    assert any(isinstance(notice, ArmStarted) for notice in notices)
    assert not any(isinstance(notice, RunDone) for notice in notices)
    (outcome,) = [notice.outcome for notice in notices if isinstance(notice, CaseDone)]
    assert isinstance(outcome.report.checks[0].verdict, Verdict)
    assert outcome.seconds > 0
    assert outcome.rollouts == 12, "in both text orders, and with the answer first"
    assert outcome.peak_bytes > 1_000_000


def test_a_verdict_that_is_not_the_planted_one_is_found() -> None:
    wrong = replace(SMALL, expected={**SMALL.expected, "bottleneck": Verdict.PASS})
    (outcome,) = outcomes(wrong)
    assert outcome.differences[0].startswith("bottleneck: expected pass, came to not_applicable: The candidate")


@pytest.mark.parametrize("change", [{"model": "no-such-thing"}, {"set": ("sampling.max_new_tokens=500",)}])
def test_a_case_that_cannot_run_does_not_stop_the_others(change: dict[str, Any]) -> None:
    broken, sound = outcomes(replace(SMALL, **change), SMALL)
    assert broken.report is None
    assert len(broken.differences) == 1
    assert sound.report is not None
