"""What a run will do, settled before any model is loaded where it can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monitorbench.adapters.block_diffusion import BlockDiffusion
from monitorbench.checks.registry import CHECKS
from monitorbench.errors import SuiteError, UsageError
from monitorbench.planning import build_task, make_plan, needs_baseline, require_usable, vocabulary
from monitorbench.suite.loader import load
from monitorbench.suite.model import Suite, TaskSpec

HEAD = """\
schema_version: 1
name: plan
model: ./candidate
tasks:
  chain: {family: arithmetic-chain, n: 4}
defaults: {task: chain}
"""
DEPTH = (
    "  - {id: depth, check: opaque-depth-ratio, context_length: 64, max_ratio: 2, "
    "interpretable_if: {self_conditioning: b}}\n"
)
BOTTLENECK = "  - {id: b, check: bottleneck-drop, channel: self_conditioning, keep: {top_k: 8}, max_drop: 0.1}\n"
READABLE = (
    "  - {id: readable, check: variable-transparency, channel: self_conditioning, min_readable_share: 0.9, "
    "window: 2, neighbours: 3}\n"
)
ORDER = "  - {id: order, check: chronology-score, metric: order.gamma, min: 0}\n"


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[..., Suite]:
    """A suite with these checks and further lines."""

    for name in ("candidate", "base"):
        (tmp_path / name).mkdir()

    def suite_of(*checks: str, more: str = "") -> Suite:
        path = tmp_path / "s.yaml"
        path.write_text(HEAD + more + "checks:\n" + "".join(checks), encoding="utf-8")
        return load(path, vocabulary())

    return suite_of


def planned(suite: Suite) -> Any:
    # Planning runs no model; all it asks of one is how many tokens it knows.
    config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(vocab_size=64))
    untouched: Any = BlockDiffusion(model=SimpleNamespace(config=config), tokenizer=None)
    return make_plan(suite, untouched)


def test_checks_are_judged_after_those_they_rest_on(suite_of: Callable[..., Suite]) -> None:
    plan = planned(suite_of(DEPTH, BOTTLENECK, more="baseline: ./base\n"))
    assert [spec.id for spec, _ in plan.checks] == ["b", "depth"]


def test_equal_arms_are_recorded_once(suite_of: Callable[..., Suite]) -> None:
    again = BOTTLENECK.replace("id: b", "id: again").replace("max_drop: 0.1", "max_drop: 0.2")
    other = BOTTLENECK.replace("id: b", "id: other").replace("top_k: 8", "top_k: 2")
    counts = [
        len(planned(suite_of(*checks)).arms) for checks in ((BOTTLENECK,), (BOTTLENECK, again), (BOTTLENECK, other))
    ]
    assert counts == [8, 8, 9]
    assert len(planned(suite_of(BOTTLENECK, ORDER)).arms) == 10, "the untouched arm is shared, two other texts are not"


def test_merged_arms_keep_all_that_any_check_asks_for(suite_of: Callable[..., Suite]) -> None:
    more = READABLE.replace("id: readable", "id: more").replace("neighbours: 3", "neighbours: 2, top_k: 40")
    plan = planned(suite_of(BOTTLENECK, READABLE, more))
    assert len(plan.arms) == 8, "the untouched arm of the bottleneck is the one that is watched"
    (untouched,) = [arm for arm in plan.arms if arm.intervention.kind == "none"]
    assert (untouched.watch, untouched.neighbours) == (40, 3)
    assert {(arm.watch, arm.neighbours) for arm in plan.arms if arm != untouched} == {(0, 0)}


def test_a_check_that_compares_needs_a_baseline(suite_of: Callable[..., Suite]) -> None:
    suite = suite_of(BOTTLENECK, DEPTH)
    with pytest.raises(SuiteError) as caught:
        require_usable(suite)
    assert str(caught.value) == (
        f"{suite.path}:9:5: check depth compares with a baseline and the suite has none; "
        "add baseline: to the suite or give --baseline"
    )
    assert needs_baseline(suite)
    assert not needs_baseline(suite_of(BOTTLENECK))


def test_a_sampler_setting_has_to_belong_to_some_family(suite_of: Callable[..., Suite]) -> None:
    require_usable(suite_of(ORDER, more="sampling: {sampler: {max_denoising_steps: 8, temperature: 0.5}}\n"))
    with pytest.raises(SuiteError) as caught:
        suite_of(ORDER, more="sampling: {sampler: {max_denoising_step: 8}}\n")
    assert str(caught.value).endswith(
        "s.yaml:7:22: unknown sampler setting 'max_denoising_step'; did you mean `max_denoising_steps`?"
    )


@pytest.mark.parametrize(
    ("metric", "bounds", "message"),
    [
        ("order.gamma", "min: 0.5, max: 0.2", "asks for at least 0.5 and at most 0.2; swap them"),
        ("revision.rate", "max: 1", "cannot fail: revision.rate always lies between 0 and 1; tighten min or max"),
    ],
)
def test_bounds_without_meaning_are_mistakes_of_the_suite(
    suite_of: Callable[..., Suite], metric: str, bounds: str, message: str
) -> None:
    with pytest.raises(SuiteError) as caught:
        suite_of(ORDER.replace("order.gamma", metric).replace("min: 0", bounds))
    assert str(caught.value).endswith(f"s.yaml:8:5: check `order` {message}")


def test_the_vocabulary_holds_every_registered_name() -> None:
    words = vocabulary()
    assert words.checks.keys() == {
        "bottleneck-drop",
        "chronology-score",
        "hidden-context",
        "length-foresight",
        "opaque-depth-ratio",
        "revision-rate",
        "variable-transparency",
    }
    assert words.adapters == {
        "autoregressive": ("recurrent_state",),
        "block-diffusion": ("self_conditioning",),
        "depth-loop": ("z_H", "z_L", "loop_state"),
        "masked-diffusion": (),
        "thought-loop": ("thought",),
    }
    assert words.word_settings == ("mode", "projection", "remasking", "site", "write")
    assert words.tasks.keys() == {
        "arithmetic-chain",
        "balanced-brackets",
        "collatz",
        "datasets",
        "graph-reachability",
        "hidden-digit",
        "jsonl",
        "length-control",
        "reverse-chain",
        "square-counting",
        "word-problems",
    }


def test_a_task_is_built_in_the_form_that_an_arm_asks_for() -> None:
    spec = TaskSpec(name="chain", family="arithmetic-chain", n=1, parameters={"order": "topological", "lengths": [2]})
    assert build_task(spec, {"order": "reversed"}).order == "reversed"
    with pytest.raises(UsageError) as caught:
        build_task(spec, {"order": "sideways"})
    assert str(caught.value) == (
        "task chain cannot be made: 'sideways' is not one of topological, reversed; correct its parameters"
    )


BOUNDED = {
    "bottleneck-drop": BOTTLENECK.replace("max_drop: 0.1", "max_drop: 0.1, warn_if: {max_drop: 0.05}"),
    "chronology-score": ORDER.replace("min: 0", "min: 0, warn_if: {min: 0.5, max: 0.9}"),
    "hidden-context": "  - {id: h, check: hidden-context, max: 0.1, warn_if: {max: 0.05}}\n",
    "length-foresight": "  - {id: l, check: length-foresight, after_steps: 2, max: 0.1, warn_if: {max: 0.05}}\n",
    "opaque-depth-ratio": "  - {id: d, check: opaque-depth-ratio, context_length: 64, max_depth: 99, "
    "warn_if: {max_ratio: 2}}\n",
    "revision-rate": "  - {id: r, check: revision-rate, max: 0.1, warn_if: {max: 0.05}}\n",
    "variable-transparency": READABLE.replace("0.9,", "0.9, warn_if: {min_readable_share: 0.95},"),
}
"""A check of each type, with bounds that warn."""


def test_every_check_type_has_bounds_that_can_warn() -> None:
    schemas = vocabulary().checks
    assert set(BOUNDED) == set(CHECKS)
    for name in CHECKS:
        bounds = schemas[name].bounds
        assert bounds
        assert set(bounds) <= set(schemas[name].properties)
        assert all(bound.startswith(("min", "max")) for bound in bounds)


@pytest.mark.parametrize("kind", sorted(BOUNDED))
def test_bounds_that_warn_ask_for_no_arm_of_their_own(kind: str, suite_of: Callable[..., Suite]) -> None:
    warned = suite_of(BOUNDED[kind], more="baseline: ./base\n")
    plain = replace(warned, checks=tuple(replace(check, warn_if={}) for check in warned.checks))
    assert warned.checks[0].warned is not None
    assert planned(warned).arms == planned(plain).arms


def test_a_bound_that_warns_may_need_a_baseline(suite_of: Callable[..., Suite]) -> None:
    suite = suite_of(BOUNDED["opaque-depth-ratio"])
    assert needs_baseline(suite)
    with pytest.raises(SuiteError, match="check d compares with a baseline and the suite has none"):
        require_usable(suite)
