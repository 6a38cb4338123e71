"""The fixture `monitorbench`: checks in tests of one's own."""

from __future__ import annotations

import pytest
from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"

ORDER = 'monitorbench.check("chronology-score", BASELINE, metric="order.gamma", task=TASK, sampling=SAMPLING'
BOTTLENECK = (
    'monitorbench.check("bottleneck-drop", {model}, channel="self_conditioning", keep={{"top_k": 8}}, task=TASK'
)


def test_figures_can_be_asserted_on(bench: Bench) -> None:
    bench.test(
        f"""
m = {ORDER}, min=0.9)
assert (m.estimate, m.low, m.high, m.n, m.unit, m.verdict) == (1.0, 1.0, 1.0, 6, "", "pass")
assert m.interval.level == 1.0
assert m.reason.startswith("order.gamma is 1.000 by construction")
assert m.report.bound.min == 0.9
        """
    )
    result = bench.pytest()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["test_own.py::test_it: <chronology-score of */causal, pass: estimate 1.000, bound *"])


def test_a_failed_assertion_shows_what_was_measured(bench: Bench) -> None:
    bench.test(f"assert {ORDER}).high < 0.5")
    bench.pytest().stdout.fnmatch_lines(
        [
            "E       AssertionError: assert 1.0 < 0.5",
            "E        +  where 1.0 = <chronology-score of */causal: estimate 1.000, n 6>.high",
            "*- Captured monitorbench call -*",
            "rerun: pytest test_own.py::test_it",
        ]
    )


def test_without_a_bound_there_is_no_verdict(bench: Bench) -> None:
    """The bound that a suite has to have would otherwise be taken for one that somebody chose."""
    bench.test(f'assert {ORDER}).verdict == "pass"')
    result = bench.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*: there is no verdict without a bound; give one, *"])


@pytest.mark.parametrize(("model", "why"), [("BASELINE", "not_applicable"), ("MODEL", "unobserved")])
@pytest.mark.parametrize("figure", ["estimate", "high"])
def test_what_was_not_measured_is_no_small_drop(bench: Bench, model: str, why: str, figure: str) -> None:
    bench.test(f"assert {BOTTLENECK.format(model=model)}, sampling=SAMPLING).{figure} < 0.9")
    result = bench.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"nothing was measured: <bottleneck-drop of *, {why}*>: *"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_test_may_skip_what_does_not_apply(bench: Bench) -> None:
    skips = "pytest.skip(m.reason)"
    bench.test(f"import pytest\nm = {BOTTLENECK.format(model='BASELINE')})\nif m.verdict == 'not_applicable': {skips}")
    bench.pytest().assert_outcomes(skipped=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('"bottleneck-drp", MODEL', "test_own.py:4:1: unknown check type 'bottleneck-drp'; did you mean *"),
        ('"bottleneck-drop", MODEL, chanel="x"', "test_own.py:4:1: unknown key `chanel` in check `bottleneck-drop`; *"),
        ('"revision-rate", task=TASK', "test_own.py:4:1: no model is named; give one to check(), or give --monitor*"),
        ('"revision-rate", object(), task=TASK', "test_own.py:4:1: <object object at * is no value of a suite; *"),
        ('"opaque-depth-ratio", MODEL, context_length=64, max_ratio=1', "*compares with a baseline*--monitorbench-b*"),
    ],
)
def test_a_mistake_is_one_message(bench: Bench, call: str, message: str) -> None:
    bench.test(f"monitorbench.check({call})")
    result = bench.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("*.py:*: in *")


def test_models_and_rollouts_are_shared(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.test(f"first = {ORDER})\nother = {ORDER}, min=0.9)\nassert first.estimate == other.estimate")
    loads, batches = bench.loads(), bench.batches()
    bench.pytest("s.monitor.yaml", "test_own.py").assert_outcomes(passed=2)
    assert len(loads) == 1
    both = len(batches)
    bench.pytest("--monitorbench-no-store", "test_own.py").assert_outcomes(passed=1)
    assert len(batches) == both * 1.5


def test_models_come_from_the_options_where_none_is_named(bench: Bench) -> None:
    bench.test('m = monitorbench.check("opaque-depth-ratio", context_length=64)\nassert m.unit == "ratio"')
    model, baseline = bench.checkpoints / "diffusion", bench.checkpoints / "causal"
    bench.pytest(f"--monitorbench-model={model}", f"--monitorbench-baseline={baseline}").assert_outcomes(passed=1)


def test_a_channel_is_cut_where_a_measurement_shows_it_readable(bench: Bench) -> None:
    """Here it does not, so that the depth is the opaque one, and the report says on what that rests."""
    bench.test(
        f"""
shown = {BOTTLENECK.format(model="MODEL")}, sampling=SAMPLING, max_drop=0.05)
readable = {{"self_conditioning": shown}}
depth = monitorbench.check("opaque-depth-ratio", MODEL, context_length=64, interpretable_if=readable)
assert depth.report.rests_on == ("self_conditioning-is-readable",)
assert depth.estimate == monitorbench.check("opaque-depth-ratio", MODEL, context_length=64).estimate
        """
    )
    bench.pytest().assert_outcomes(passed=1)


def test_a_measurement_without_a_bound_shows_nothing(bench: Bench) -> None:
    bench.test(
        f"""
shown = {BOTTLENECK.format(model="MODEL")}, sampling=SAMPLING)
monitorbench.check("opaque-depth-ratio", MODEL, context_length=64, interpretable_if={{"self_conditioning": shown}})
        """
    )
    bench.pytest().stdout.fnmatch_lines(["test_own.py:5:1: * was not held against a bound; give it one, *"])


def test_a_fixture_of_a_wider_scope_may_measure(bench: Bench) -> None:
    bench.test("pass")
    with (bench / "test_own.py").open("a") as file:
        file.write(
            "\nimport pytest\n\n@pytest.fixture(scope='module')\ndef order(monitorbench):\n"
            f"    return {ORDER})\n\ndef test_order(order):\n    assert order.low > 0.9\n"
        )
    bench.pytest().assert_outcomes(passed=2)
