"""A whole run on two tiny models with random weights: what is announced, and what comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitorbench.checks.base import CheckType, Evidence
from monitorbench.checks.chronology_score import ChronologyScore
from monitorbench.errors import CheckpointError, SuiteError, UnknownOperationError, UsageError
from monitorbench.notices import (
    ArmStarted,
    CheckJudged,
    CheckStarted,
    ModelLoaded,
    Notice,
    RolloutsDone,
    RunDone,
    RunPlanned,
    SettingIgnored,
    Working,
)
from monitorbench.planning import vocabulary
from monitorbench.report.codec import to_json
from monitorbench.report.model import CheckReport, Report, RunFacts, Verdict
from monitorbench.runner import run
from monitorbench.suite.loader import load
from monitorbench.suite.model import CheckSpec, Overrides, Suite

TEXT = """\
schema_version: 1
name: run
model: {folder}/diffusion
baseline: {folder}/causal
device: cpu
tasks:
  chain: {{family: arithmetic-chain, n: 3, lengths: [2]}}
sampling: {{max_new_tokens: 18, batch_size: 3, sampler: {{max_denoising_steps: 3, do_sample: false}}}}
defaults: {{task: chain}}
checks:
  - id: depth
    check: opaque-depth-ratio
    context_length: 64
    max_ratio: 9
    interpretable_if: {{self_conditioning: b}}
  - {{id: order, check: chronology-score, metric: order.gamma, min: 0}}
  - {{id: b, check: bottleneck-drop, channel: self_conditioning, keep: {{top_k: 8}}, max_drop: 0.1}}
"""


@pytest.fixture(scope="module")
def suite(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    path = tmp_path_factory.mktemp("suites") / "s.yaml"
    path.write_text(TEXT.format(folder=checkpoints), encoding="utf-8")
    return load(path, vocabulary())


@pytest.fixture(scope="module")
def notices(suite: Suite) -> list[Notice]:
    return list(run(suite))


def final(notices: list[Notice]) -> Report:
    last = notices[-1]
    assert isinstance(last, RunDone)
    assert isinstance(last.report, Report)
    return last.report


def test_notices_come_in_the_order_of_the_work(notices: list[Notice]) -> None:
    kinds = [type(notice) for notice in notices]
    assert kinds[:6] == [Working, ModelLoaded, Working, ModelLoaded, SettingIgnored, RunPlanned]
    arms = 10
    kinds = [kind for kind in kinds[6:] if kind is not Working]
    assert kinds[: 2 * arms] == [ArmStarted, RolloutsDone] * arms
    assert kinds[2 * arms :] == [CheckStarted, CheckJudged] * 3 + [RunDone]
    planned = notices[5]
    assert planned == RunPlanned(suite="run", arms=arms, rollouts=3 * arms, checks=3)


def test_settings_that_the_candidate_does_not_have_are_named(suite: Suite, notices: list[Notice]) -> None:
    ignored = [notice for notice in notices if isinstance(notice, SettingIgnored)]
    assert ignored == [SettingIgnored(role="candidate", settings=("do_sample",))]
    own = replace(suite, sampling=replace(suite.sampling, sampler={"max_denoising_steps": 3}))
    assert not [notice for notice in started(own) if isinstance(notice, SettingIgnored)]


def test_equal_arms_are_recorded_once(notices: list[Notice]) -> None:
    arms = [notice.arm for notice in notices if isinstance(notice, ArmStarted)]
    assert len(arms) == len(set(arms)) == 10
    done = [notice for notice in notices if isinstance(notice, RolloutsDone)]
    assert all((notice.done, notice.total) == (3, 3) for notice in done)


def test_checks_are_judged_after_what_they_rest_on_and_reported_as_declared(notices: list[Notice]) -> None:
    judged = [notice.check for notice in notices if isinstance(notice, CheckJudged)]
    assert judged.index("b") < judged.index("depth")
    report = final(notices)
    assert [check.id for check in report.checks] == ["depth", "order", "b"]
    for notice in notices:
        if isinstance(notice, CheckJudged):
            check = next(check for check in report.checks if check.id == notice.check)
            assert notice.report is check
            assert notice.verdict == check.verdict


def test_a_random_model_is_not_judged_fit(notices: list[Notice]) -> None:
    report = final(notices)
    verdicts = {check.id: check.verdict for check in report.checks}
    assert verdicts["b"] is Verdict.UNOBSERVED
    depth = next(check for check in report.checks if check.id == "depth")
    assert "counts as opaque, because check b came to unobserved" in depth.reason
    assert depth.rests_on == ("b",)
    assert report.exit_code != 0


def test_models_are_known_by_their_content(notices: list[Notice]) -> None:
    models = final(notices).models
    assert [(model.role, model.family) for model in models] == [
        ("candidate", "block-diffusion"),
        ("baseline", "autoregressive"),
    ]
    hashes = {value for model in models for value in (model.weights_sha256, model.config_sha256)}
    assert len(hashes) == 4
    assert all(len(value) == 64 for value in hashes)


def test_the_same_inputs_give_the_same_report_apart_from_the_run(suite: Suite, notices: list[Notice]) -> None:
    nothing = RunFacts(started="", seconds=0.0, host="", platform="")
    first, second = (json.dumps(to_json(replace(final(run_), run=nothing))) for run_ in (notices, list(run(suite))))
    assert first == second


class BreaksDown(ChronologyScore):
    """A check type that fails while judging."""

    error: Exception = ZeroDivisionError("division by zero")

    def judge(self, spec: CheckSpec, evidence: Evidence) -> CheckReport:
        del spec, evidence
        raise self.error


class KnowsNoRule(BreaksDown):
    error = UnknownOperationError("no depth rule for aten.svd")


class MeetsAFaultyAdapter(BreaksDown):
    error = UsageError("segment forward puts out nothing")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (BreaksDown, "The check broke down: ZeroDivisionError: division by zero"),
        (KnowsNoRule, "no depth rule for aten.svd"),
        (MeetsAFaultyAdapter, "segment forward puts out nothing"),
    ],
)
def test_a_check_that_breaks_down_costs_no_other_its_verdict(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, kind: type[CheckType], reason: str
) -> None:
    from monitorbench.checks.registry import CHECKS

    load_known = CHECKS.load
    monkeypatch.setattr(CHECKS, "load", lambda name: kind if name == "chronology-score" else load_known(name))
    report = final(list(run(suite)))
    assert [check.verdict for check in report.checks if check.id == "order"] == [Verdict.ERROR]
    assert [check.reason for check in report.checks if check.id == "order"] == [reason]
    assert [check.verdict for check in report.checks if check.id == "b"] == [Verdict.UNOBSERVED]
    assert report.exit_code != 0


def first_of(suite: Suite) -> Notice:
    return next(run(suite))


def started(suite: Suite) -> Iterator[Notice]:
    """The notices up to the start of the first arm."""
    for notice in run(suite):
        yield notice
        if isinstance(notice, ArmStarted):
            return


def test_what_any_arm_refuses_is_refused_before_the_first_is_recorded(suite: Suite) -> None:
    chain = suite.tasks["chain"]
    shuffled_alone = replace(suite, sampling=replace(suite.sampling, batch_size=1))
    no_such_text = replace(suite, tasks={"chain": replace(chain, parameters={**chain.parameters, "lengths": []})})
    too_long = replace(suite, sampling=replace(suite.sampling, max_new_tokens=10_000))
    for unfit, what in ((shuffled_alone, "two prompts"), (no_such_text, "cannot be made"), (too_long, "model holds")):
        seen: list[Notice] = []
        with pytest.raises(UsageError, match=what):
            seen.extend(run(unfit))
        assert {type(notice) for notice in seen} == {Working, ModelLoaded, SettingIgnored, RunPlanned}


def test_what_cannot_run_is_refused_before_a_model_is_loaded(suite: Suite) -> None:
    with pytest.raises(SuiteError, match="check depth compares with a baseline and the suite has none"):
        first_of(replace(suite, baseline=None))
    with pytest.raises(CheckpointError, match="no such folder"):
        list(run(replace(suite, model=replace(suite.model, source="./nowhere"))))


def test_a_baseline_that_no_check_needs_is_not_loaded(suite: Suite) -> None:
    order = replace(suite, checks=suite.checks[1:2])
    notices = list(run(order))
    assert [notice.role for notice in notices if isinstance(notice, ModelLoaded)] == ["candidate"]
    assert [model.role for model in final(notices).models] == ["candidate"]


def test_the_limit_of_the_command_line_bounds_what_is_recorded(suite: Suite) -> None:
    limited = load(suite.path, vocabulary(), Overrides(limit=2, only=("order",)))
    planned: Any = next(notice for notice in run(limited) if isinstance(notice, RunPlanned))
    assert planned.rollouts == 6
