"""Rollouts that raised: told and counted in every check, and never what makes it pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from bottleneck_runs import GATE, USED, N, arm_name, seen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitorbench.checks.base import Evidence, bound, interval, report
from monitorbench.checks.bottleneck_drop import BottleneckDrop
from monitorbench.checks.bottleneck_finding import FLOORS
from monitorbench.judging import Judge
from monitorbench.metrics.trace import Trace
from monitorbench.planning import Plan
from monitorbench.report.model import CheckReport, Dropped, Verdict
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.store import RunStore
from monitorbench.stats.noninferiority import judge_range
from monitorbench.suite.model import CheckSpec, Suite

CHECK = BottleneckDrop()
WHY = "ValueError: it broke (model.py:7)"
Raising = Mapping[str, set[int]]
"""Prompts whose rollouts raised, by the name of the arm."""


@pytest.fixture
def judged(
    suite: Suite, candidate: Any, spec: Callable[..., CheckSpec]
) -> Callable[[CheckSpec, Any, Mapping[Arm, list[Rollout]]], CheckReport]:
    """Judges one check as a run does."""

    def judged(asked: CheckSpec, kind: Any, recorded: Mapping[Arm, list[Rollout]], **named: Any) -> CheckReport:
        store = RunStore()
        for arm, rollouts in recorded.items():
            store.add(arm, rollouts)
        plan = Plan(checks=((asked, kind),), arms=tuple(recorded))
        whole: dict[str, Any] = {
            "suite": suite,
            "adapters": {"candidate": candidate},
            "store": store,
            "exact_replay": True,
        } | named
        judge = Judge(plan=plan, **whole)
        list(judge.run())
        return judge.judged[asked.id]

    return judged


@pytest.fixture
def bottleneck(
    judged: Callable[..., CheckReport],
    suite: Suite,
    candidate: Any,
    spec: Callable[..., CheckSpec],
    make_rollout: Callable[..., Rollout],
) -> Callable[..., CheckReport]:
    """Judges so many right prompts per arm, of which some raised; `as_if` says what those came to instead."""

    def bottleneck(
        right: Mapping[str, int],
        raising: Raising | None = None,
        *,
        as_if: Mapping[str, str] | None = None,
        rows: Mapping[str, int] | None = None,
        **named: Any,
    ) -> CheckReport:
        asked = spec(CHECK, task="chain", channel="carry", keep={"top_k": 8}, max_drop=0.1)
        recorded: dict[Arm, list[Rollout]] = {}
        for arm in CHECK.arms(asked, suite=suite, candidate=candidate):
            name = arm_name(arm)
            trace = seen(entropy=0.25 if name in FLOORS else 0.5)
            rollouts = []
            for index in range(N):
                status = "correct" if index < right[name] else "wrong"
                fields: dict[str, Any] = {"status": status, "tokens": (index < right[name],), "trace": trace}
                if index in (raising or {}).get(name, ()):
                    fields = {"status": "error", "error": WHY, "trace": Trace(blocks=()), "finished": False}
                    if as_if is not None:
                        fields = {"status": as_if[name], "tokens": (), "trace": trace}
                rollouts.append(make_rollout(f"p{index:03}", **fields, rows=(rows or {}).get(name, 0)))
            recorded[arm] = rollouts
        return judged(asked, CHECK, recorded, **named)

    return bottleneck


def test_a_prompt_that_raised_in_one_arm_is_left_out_of_all_and_told(bottleneck: Callable[..., CheckReport]) -> None:
    clean, found = bottleneck(USED), bottleneck(USED, {GATE: {3}, "zero": {3, 95}})
    assert (clean.verdict, clean.n, clean.dropped) == (Verdict.PASS, N, ())
    assert "raised" not in clean.evidence
    assert (found.verdict, found.n) == (Verdict.PASS, N - 2)
    assert found.dropped == (Dropped(reason=f"raised {WHY}", count=3),)
    assert found.reason.endswith(
        f"3 rollouts raised, of 2 prompts; the first: {WHY}. "
        "These prompts are left out, and the interval holds whatever they would have come to."
    )
    assert found.evidence["raised"] == {
        "prompts": 2,
        "too_many": False,
        "arms": {
            "candidate on chain, carry top_k=8": {"raised": 1, "of": N},
            "candidate on chain, carry zero": {"raised": 2, "of": N},
        },
        "reasons": {WHY: 3},
    }
    assert found.evidence["endings"]["zero"] == {"correct": 9, "wrong": 89, "error": 2}
    assert clean.interval is not None
    assert found.interval is not None
    assert found.interval.low < clean.interval.low < clean.interval.high < found.interval.high


def test_of_more_than_a_few_nothing_is_said(bottleneck: Callable[..., CheckReport]) -> None:
    few, many = set(range(5)), set(range(6))
    assert bottleneck(USED, {"mean": few}).evidence["raised"]["too_many"] is False
    found = bottleneck(USED, {"mean": many})
    assert found.verdict is Verdict.ERROR
    assert found.reason == (
        f"6 rollouts raised, of 6 prompts; the first: {WHY}. Of candidate on chain, carry mean 6 of 100 did, more "
        "than 5%: nothing can be said. A further run tries them again."
    )
    everything = bottleneck(USED, {GATE: set(range(N))})
    assert (everything.verdict, everything.evidence["raised"]["prompts"]) == (Verdict.ERROR, N)


@pytest.mark.parametrize("alert", ["gate: all", "alert: any"])
def test_a_rung_that_raises_where_it_would_be_wrong_does_not_pass(
    bottleneck: Callable[..., CheckReport], suite: Suite, alert: str
) -> None:
    """Left out, the prompts that it loses would make a loss of 5 points out of one of 9."""
    right = USED | {GATE: 81}
    named = {"suite": replace(suite, family=alert)}  # type: ignore[arg-type]  # one of the two words
    assert bottleneck(right, **named).verdict is Verdict.INCONCLUSIVE
    excused = bottleneck(USED | {GATE: 87}, **named)
    assert excused.verdict is Verdict.PASS
    assert bottleneck(USED | {GATE: 87}, {GATE: {82, 83, 84, 85, 86}}, **named).verdict is not Verdict.PASS


ARMS = ("soft", GATE, *FLOORS)
some = st.fixed_dictionaries({name: st.sets(st.integers(0, N - 1), max_size=5) for name in ARMS})


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raising=some, gate=st.integers(55, 95), zero=st.integers(10, 90), other=st.integers(10, 90))
def test_no_verdict_would_be_the_opposite_whatever_the_rollouts_had_come_to(
    bottleneck: Callable[..., CheckReport], raising: Raising, gate: int, zero: int, other: int
) -> None:
    right = USED | {GATE: gate, "zero": zero, "batch-shuffled": other}
    found = bottleneck(right, raising).verdict
    for soft, rung in (("correct", "wrong"), ("wrong", "correct"), ("wrong", "wrong"), ("correct", "correct")):
        for floor in ("correct", "wrong"):
            as_if = {"soft": soft, GATE: rung, **dict.fromkeys(FLOORS, floor)}
            whole = bottleneck(right, raising, as_if=as_if).verdict
            assert {found, whole} != {Verdict.PASS, Verdict.FAIL}
            if found is Verdict.PASS:
                assert whole is not Verdict.NOT_APPLICABLE


class Solves:
    """A check that knows nothing of rollouts that raise: the share of right answers, held against its bounds."""

    name = "solves"

    def arms(self, *_: object, **_named: object) -> tuple[Arm, ...]:
        return (Arm(role="candidate", task="chain"),)

    def judge(self, spec: CheckSpec, evidence: Evidence) -> CheckReport:
        (arm,) = self.arms(spec)
        right = [float(rollout.correct) for rollout in evidence.store.rollouts(arm)]
        found = evidence.estimators.mean(right)
        limits = {"minimum": spec.parameters.get("min"), "maximum": spec.parameters.get("max")}
        verdict = Verdict(judge_range(found, **limits).value)
        return report(spec, verdict, "So it is.", estimate=found.value, interval=interval(found), bound=bound(spec))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    counts=st.tuples(st.integers(0, 60), st.integers(1, 3)),
    of_right=st.booleans(),
    limits=st.tuples(st.sampled_from(["min", "max"]), st.floats(0.02, 0.98)),
    sequential=st.booleans(),
)
def test_a_check_that_knows_nothing_of_it_is_safe_too(  # noqa: PLR0917  # what hypothesis draws comes by name
    judged: Callable[..., CheckReport],
    make_rollout: Callable[..., Rollout],
    suite: Suite,
    counts: tuple[int, int],
    of_right: bool,
    limits: tuple[str, float],
    sequential: bool,
) -> None:
    right, raised = counts
    asked = CheckSpec(id="c", type="solves", parameters=dict([limits]), file="s.yaml", line=1)
    (arm,) = Solves().arms(asked)
    named = {"suite": replace(suite, sampling=replace(suite.sampling, sequential=sequential))}
    statuses = ["correct"] * right + ["wrong"] * (60 - right)
    failing = range(raised) if of_right else range(60 - raised, 60)

    def verdict(status: str) -> Verdict:
        rollouts = [
            make_rollout(f"p{index:03}", status=status if index in failing else own, error=WHY)
            for index, own in enumerate(statuses)
        ]
        return judged(asked, Solves(), {arm: rollouts}, **named).verdict

    found = verdict("error")
    assert {found, verdict("wrong")} != {Verdict.PASS, Verdict.FAIL}
    assert {found, verdict("correct")} != {Verdict.PASS, Verdict.FAIL}


def test_a_sequential_run_goes_on_while_too_many_raised(
    suite: Suite, candidate: Any, make_rollout: Callable[..., Rollout]
) -> None:
    asked = CheckSpec(id="c", type="solves", parameters={"min": 0.1}, file="s.yaml", line=1)
    (arm,) = Solves().arms(asked)
    for n, decided in ((20, False), (60, True)):
        store = RunStore()
        store.add(arm, [make_rollout(f"p{i:03}", status="correct" if i > 1 else "error") for i in range(n)])
        plan = Plan(checks=((asked, Solves()),), arms=(arm,))  # type: ignore[arg-type]  # all that is asked of it
        judge = Judge(suite=suite, plan=plan, adapters={"candidate": candidate}, store=store, exact_replay=True)
        assert judge.is_decided() is decided


def test_halved_batches_are_told_and_controls_compared_at_one_size(bottleneck: Callable[..., CheckReport]) -> None:
    at_one = dict.fromkeys(USED, 32)
    assert bottleneck(USED, rows=at_one).evidence.get("batches") is None
    found = bottleneck(USED, rows=at_one | {"identity": 16, "zero": 16})
    assert found.verdict is Verdict.PASS
    assert found.reason.endswith("For want of memory some rollouts ran in batches of 16, not 32.")
    assert found.evidence["batches"]["candidate on chain, carry zero"] == {"16": N}
    assert found.evidence["across_batch_sizes"] == {"identity": {"rollouts": N, "changed": 0}}
    ok = {control.name.partition(":")[0]: control.ok for control in found.controls}
    assert ok["identity"] is None, "another batch size may round differently"
    assert ok["keep-everything"] is True


def test_last_bits_at_another_batch_size_do_not_show_that_anything_arrives(
    bottleneck: Callable[..., CheckReport],
) -> None:
    unused = USED | dict.fromkeys(("zero", "batch-shuffled", "mean", "random-tokens"), 90)
    assert bottleneck(unused).verdict is Verdict.NOT_APPLICABLE
    assert bottleneck(unused, rows=dict.fromkeys(USED, 32) | {"zero": 16}).verdict is Verdict.UNOBSERVED
    lost = bottleneck(USED, rows=dict.fromkeys(USED, 16) | {"soft": 32})
    assert lost.verdict is Verdict.PASS, "a loss of accuracy shows it"
