"""What a suite may say of depth: one length or several, at least one bound, and two lengths where growth is bounded."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import monitorbench
from monitorbench.adapters.factory import load_model
from monitorbench.checks.base import Evidence
from monitorbench.checks.opaque_depth_ratio import OpaqueDepthRatio
from monitorbench.depth.costs import CONVENTIONS
from monitorbench.errors import SuiteError, UsageError
from monitorbench.planning import needs_baseline, require_usable, vocabulary
from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.report.write import dumps
from monitorbench.suite.loader import load
from monitorbench.suite.model import CheckSpec, ModelSpec, Sampling, Suite

HEAD = "schema_version: 1\nname: depth\nmodel: {model}\ndevice: cpu\nchecks:\n"
LINE = "  - {{id: depth, check: opaque-depth-ratio, {parameters}}}\n"


@pytest.fixture
def suite_of(tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """The file of a suite with one check."""
    monkeypatch.chdir(tmp_path)

    def suite_of(parameters: str, model: str = "diffusion") -> Path:
        text = HEAD.format(model=checkpoints / model) + LINE.format(parameters=parameters)
        Path("s.yaml").write_text(text, encoding="utf-8")
        return Path("s.yaml")

    return suite_of


def loaded(path: Path) -> Suite:
    return load(path, vocabulary())


@pytest.mark.parametrize(("parameters", "needed"), [
    ("context_length: 64, max_ratio: 2", True),
    ("context_length: [64, 256], max_ratio: 2", True),
    ("context_length: 64, max_depth: 900", False),
    ("context_length: [64, 128], max_slope_per_doubling: 0", False),
    ("context_length: [64, 128], max_slope_per_doubling: 2.5, max_depth: 900", False),
    ("context_length: [64, 128], max_slope_per_doubling: 2.5, max_depth: 900, max_ratio: 2", True),
])  # fmt: skip  # one row for each suite
def test_only_the_ratio_needs_a_baseline(suite_of: Callable[..., Path], parameters: str, needed: bool) -> None:
    suite = loaded(suite_of(parameters))
    assert needs_baseline(suite) is needed
    if not needed:
        require_usable(suite)
        return
    with pytest.raises(SuiteError) as caught:
        require_usable(suite)
    assert str(caught.value) == (
        "s.yaml:6:5: check depth compares with a baseline and the suite has none; "
        "add baseline: to the suite or give --baseline"
    )


TWO = "write at least 2 lengths: `max_slope_per_doubling` compares the smallest with the largest"


@pytest.mark.parametrize(("parameters", "line"), [
    ("context_length: 64", "5: check `depth` wants at least one of `max_ratio`, `max_depth`, `max_slope_per_doubling`, got none; add `max_ratio`, `max_depth` or `max_slope_per_doubling`"),
    ("max_depth: 9", "5: missing key `context_length` in check `depth`; add `context_length:`"),
    ("context_length: 64, max_slope_per_doubling: 9", f"60: `context_length` cannot be 64; {TWO}"),
    ("context_length: 64, max_slope_per_doubling: 9, max_depth: 9", f"60: `context_length` cannot be 64; {TWO}"),
    ("context_length: [64], max_slope_per_doubling: 9", f"60: `context_length` wants at least 2 items, got 1; {TWO}"),
    ("context_length: [], max_depth: 9", "60: `context_length` is empty; give it at least 1 item"),
    ("context_length: [64, 64], max_depth: 9", "60: `context_length` holds the same item twice; remove one of them"),
    ("context_length: [64, 1], max_depth: 9", "65: item 2 of `context_length` must be at least 2, got 1; write a number that is at least 2"),
    ("context_length: 1, max_depth: 9", "60: `context_length` must be at least 2, got 1; write a number that is at least 2"),
    ("context_length: 9999999999, max_depth: 9", "60: `context_length` must be at most 2147483648, got 9999999999; write a number that is at most 2147483648"),
    ("context_length: -8, max_depth: 9", "60: `context_length` must be at least 2, got -8; write a number that is at least 2"),
    ("context_length: 64.5, max_depth: 9", "60: `context_length` wants a whole number or a list, got the number 64.5; write a whole number or a list"),
    ("context_length: 64, max_depth: 0", "75: `max_depth` must be at least 1, got 0; write a number that is at least 1"),
    ("context_length: 64, max_depth: 1.5", "75: `max_depth` wants a whole number, got the number 1.5; write a whole number"),
    ("context_length: 64, max_ratio: 0", "75: `max_ratio` must be greater than 0, got 0; write a number that is greater than 0"),
    ("context_length: 64, max_deph: 9, max_ratio: 1", "64: unknown key `max_deph` in check `depth`; did you mean `max_depth`?"),
    ("context_length: 64, max_depth: 9, convention: circiut", "90: `convention` cannot be 'circiut'; did you mean `circuit`?"),
])  # fmt: skip  # one row for each mistake
def test_a_mistake_is_one_line(suite_of: Callable[..., Path], parameters: str, line: str) -> None:
    with pytest.raises(SuiteError) as caught:
        loaded(suite_of(parameters))
    assert str(caught.value) == f"s.yaml:6:{line}"


def test_growth_is_not_measured_over_less_than_a_doubling(spec: Callable[..., CheckSpec]) -> None:
    check = OpaqueDepthRatio()
    suite = Suite(
        path=Path("s.yaml"),
        name="s",
        schema_version=1,
        model=ModelSpec(source="zoo:ar-chain"),
        baseline=None,
        tasks={},
        sampling=Sampling(),
        checks=(),
    )
    with pytest.raises(UsageError) as caught:
        check.arms(spec(check, context_length=[120, 65], max_slope_per_doubling=1), suite=suite, candidate=None)  # type: ignore[arg-type]  # not looked at
    assert str(caught.value) == (
        "s.yaml:1: check c measures growth from 65 to 120 positions, less than one doubling; "
        "give lengths whole doublings apart"
    )
    assert check.arms(spec(check, context_length=[120, 65], max_depth=1), suite=suite, candidate=None) == ()  # type: ignore[arg-type]  # not looked at


def test_every_convention_of_the_depth_engine_can_be_named() -> None:
    convention = OpaqueDepthRatio.schema.properties["convention"]
    assert convention["enum"] == list(CONVENTIONS)
    assert all(f"{name}: " in convention["description"] for name in CONVENTIONS)


def run(path: Path) -> Report:
    return monitorbench.run_suite(path)


@pytest.mark.parametrize(("model", "verdict"), [("causal", Verdict.PASS), ("diffusion", Verdict.FAIL)])
def test_a_suite_without_a_baseline_runs_and_reports(
    suite_of: Callable[..., Path], model: str, verdict: Verdict
) -> None:
    report = run(suite_of("context_length: [64, 256], max_depth: 900, max_slope_per_doubling: 2.5", model))
    (check,) = report.checks
    assert (report.exit_code, check.verdict) == (0 if verdict is Verdict.PASS else 1, verdict)
    assert [found.role for found in report.models] == ["candidate"]
    assert '"gated_by"' in dumps(report)


NLS = """\
  - {{id: shown, check: bottleneck-drop, channel: self_conditioning, task: chain, keep: {{top_k: 8}}, max_drop: 0.1}}
channels: {{self_conditioning: {{trained_through: {declared}}}}}
tasks: {{chain: {{family: arithmetic-chain, n: 1}}}}
"""


@pytest.mark.parametrize(("declared", "read"), [("true", False), ("false", True), ("unknown", False)])
def test_what_a_suite_declares_of_a_channel_reaches_the_check(
    suite_of: Callable[..., Path],
    evidence: Callable[..., Evidence],
    judged: Callable[..., dict[str, CheckReport]],
    declared: str,
    read: bool,
) -> None:
    path = suite_of("context_length: 64, max_depth: 900, convention: nls, interpretable_if: {self_conditioning: shown}")
    path.write_text(path.read_text(encoding="utf-8") + NLS.format(declared=declared), encoding="utf-8")
    suite = loaded(path)
    candidate = load_model("candidate", suite.model, device="cpu", dtype="float32").adapter
    earlier = judged(Verdict.PASS, channel="self_conditioning")
    found = evidence({}, suite=suite, adapters={"candidate": candidate}, judged=earlier)
    report = OpaqueDepthRatio().judge(suite.checks[0], found)
    (context,) = report.evidence["contexts"]
    counted = context["candidate"]["interpretable" if read else "opaque"]
    assert context["applied"] == {**counted, "modules": context["applied"]["modules"]}
    assert context["applied"]["depth"] == report.estimate
    assert report.evidence["channels"]["self_conditioning"]["interpretable"] is read
    assert "Under the convention nls, " in report.reason
