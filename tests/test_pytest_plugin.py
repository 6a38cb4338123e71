"""Suites as pytest tests: one behaviour of the plugin at a time."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from monitorbench.api import run_suite
from monitorbench.report.write import read

pytest_plugins = "pytester"

HEAD = """\
schema_version: 1
name: {name}
model: {folder}/{model}
baseline: {folder}/causal
tasks:
  chain: {{family: arithmetic-chain, n: 6}}
sampling: {{max_new_tokens: 16, batch_size: 3}}
defaults: {{task: chain}}
checks:
"""
PASSES = """\
  - id: order
    check: chronology-score
    metric: order.gamma
    min: 0.9
"""
FAILS = """\
  - id: disorder
    check: chronology-score
    metric: order.gamma
    max: 0.5
"""
DOES_NOT_APPLY = """\
  - id: bottleneck
    check: bottleneck-drop
    channel: self_conditioning
    keep: {top_k: 8}
    max_drop: 0.05
"""
RESTS_ON_IT = """\
  - id: depth
    check: opaque-depth-ratio
    context_length: 64
    interpretable_if: {self_conditioning: bottleneck}
    max_ratio: 1.5
"""
CANNOT_BE_DECIDED = """\
  - id: resolved
    check: chronology-score
    metric: order.resolved
    min: 0.1
"""
ALL = PASSES + FAILS + DOES_NOT_APPLY + RESTS_ON_IT


class Bench:
    """A folder of suites, and pytest sessions in it."""

    def __init__(self, pytester: pytest.Pytester, checkpoints: Path) -> None:
        self._pytester, self._checkpoints = pytester, checkpoints

    def suite(self, checks: str, *, file: str = "s.monitor.yaml", model: str = "causal", name: str = "small") -> str:
        """Write a suite; returns its text."""
        text = HEAD.format(folder=self._checkpoints, model=model, name=name) + checks
        (self._pytester.path / file).write_text(text, encoding="utf-8")
        return text

    def pytest(self, *words: str) -> pytest.RunResult:
        """A session in this process, in which every warning is an error as it is around it."""
        return self._pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "error", *words)

    def __truediv__(self, name: str) -> Path:
        return self._pytester.path / name


@pytest.fixture(scope="session")
def ready(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints, after one run of each: model libraries cannot be imported a second time in one process, and
    an inner session forgets what was imported during it."""
    for model in ("causal", "diffusion"):
        file = tmp_path_factory.mktemp("ready") / "s.yaml"
        file.write_text(HEAD.format(folder=checkpoints, model=model, name="ready") + ALL, encoding="utf-8")
        run_suite(file)
    return checkpoints


@pytest.fixture
def bench(pytester: pytest.Pytester, ready: Path) -> Bench:
    return Bench(pytester, ready)


def test_every_check_is_a_test(bench: Bench) -> None:
    bench.suite(ALL)
    result = bench.pytest("--collect-only", "-q")
    names = [f"s.monitor.yaml::{name}" for name in ("order", "disorder", "bottleneck", "depth")]
    assert result.outlines[: len(names)] == names
    assert result.ret == pytest.ExitCode.OK


def test_collecting_runs_no_model(bench: Bench) -> None:
    """A checkpoint that cannot be loaded is no obstacle to collecting."""
    (bench / "empty").mkdir()
    bench.suite(ALL)
    assert bench.pytest("--collect-only", "--monitorbench-model", "empty").ret == pytest.ExitCode.OK


def test_only_files_with_the_suffix_are_suites(bench: Bench) -> None:
    bench.suite(ALL, file="s.yaml")
    assert bench.pytest().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_verdicts_become_outcomes(bench: Bench) -> None:
    bench.suite(ALL)
    bench.pytest().assert_outcomes(passed=2, failed=1, skipped=1)


def test_a_failure_says_why_and_how_to_run_it_again(bench: Bench) -> None:
    bench.suite(FAILS)
    result = bench.pytest("--monitorbench-limit", "4")
    result.stdout.fnmatch_lines(
        [
            "disorder: fail: order.gamma is 1.000 by construction over 4 prompts; at most 0.5 is asked for.",
            "estimate 1.000, bound <= 0.5, n 4",
            "declared in s.monitor.yaml:10",
            "rerun: monitorbench run s.monitor.yaml --only disorder --limit 4",
        ],
        consecutive=True,
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*.py:*")


def test_a_skip_gives_its_reason_and_points_into_the_suite(bench: Bench) -> None:
    text = bench.suite(ALL)
    line = text.splitlines().index("  - id: bottleneck") + 1
    reason = "The candidate, of the adapter family autoregressive, has no channel self_conditioning."
    bench.pytest("-rs").stdout.fnmatch_lines([f"SKIPPED [[]1[]] s.monitor.yaml:{line}: {reason}"])


def test_the_location_of_a_test_is_its_line_in_the_suite(bench: Bench, pytester: pytest.Pytester) -> None:
    text = bench.suite(ALL)
    items, _ = pytester.inline_genitems()
    for item in items:
        path, line, name = item.reportinfo()
        assert path == bench / "s.monitor.yaml"
        assert line is not None
        assert text.splitlines()[line] == f"  - id: {name}"


def test_a_check_that_observed_nothing_fails(bench: Bench) -> None:
    bench.suite(DOES_NOT_APPLY, model="diffusion")
    result = bench.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["bottleneck: unobserved: *"])


def test_an_inconclusive_check_fails(bench: Bench) -> None:
    bench.suite(CANNOT_BE_DECIDED, model="diffusion")
    result = bench.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["resolved: inconclusive: *"])


def test_an_inconclusive_check_passes_with_a_warning(bench: Bench) -> None:
    bench.suite(CANNOT_BE_DECIDED, model="diffusion")
    lenient = "default::monitorbench.pytest_plugin.InconclusiveWarning"
    result = bench.pytest("-W", lenient, "--monitorbench-inconclusive", "warn")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*s.monitor.yaml:10: InconclusiveWarning: resolved: inconclusive, *"])


def test_an_inconclusive_check_passes_silently(bench: Bench) -> None:
    bench.suite(CANNOT_BE_DECIDED, model="diffusion")
    bench.pytest("--monitorbench-inconclusive", "pass").assert_outcomes(passed=1, warnings=0)


def test_a_broken_suite_is_a_collection_error_with_every_mistake(bench: Bench) -> None:
    bench.suite(ALL.replace("max_ratio", "max_ratoi").replace("metric: order.gamma", "metric: order.gama", 1))
    result = bench.pytest()
    result.assert_outcomes(errors=1)
    result.stdout.re_match_lines([r"s\.monitor\.yaml:12:13: .*", r"s\.monitor\.yaml:\d+:5: .*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_suite_that_no_run_would_take_is_a_collection_error(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest("--monitorbench-set", "sampling.sampler={heat: 1}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["--monitorbench-set:1:1: unknown sampler setting 'heat'; known: *"])


def test_a_mistake_in_an_option_names_the_option(bench: Bench) -> None:
    bench.suite(ALL)
    result = bench.pytest("--monitorbench-limit", "0")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["--monitorbench-limit:1:1: the limit must be at least 1, got 0; write a larger number"]
    )


def test_an_unusable_checkpoint_fails_every_test_with_one_message(bench: Bench) -> None:
    (bench / "empty").mkdir()
    bench.suite(ALL)
    result = bench.pytest("--monitorbench-model", "empty", "-o", "console_output_style=classic")
    result.assert_outcomes(failed=4)
    messages = {line for line in result.outlines if line.startswith("empty: ")}
    assert len(messages) == 1
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("words", "selected"),
    [
        (["-k", "depth"], ["bottleneck", "depth"]),
        (["s.monitor.yaml::order"], ["order"]),
        (["--deselect", "s.monitor.yaml::disorder"], ["order", "bottleneck", "depth"]),
    ],
)
def test_only_selected_checks_run_and_what_they_rest_on(bench: Bench, words: list[str], selected: list[str]) -> None:
    bench.suite(ALL)
    bench.pytest(*words, "--monitorbench-report", "report.json")
    assert [check.id for check in read(bench / "report.json").checks] == selected


def test_evidence_for_a_selected_check_is_not_gated(bench: Bench) -> None:
    bench.suite(ALL)
    bench.pytest("-k", "depth", "--monitorbench-report", "report.json").assert_outcomes(passed=1, deselected=3)
    gated = {check.id: check.gated for check in read(bench / "report.json").checks}
    assert gated == {"bottleneck": False, "depth": True}


def test_last_failed_runs_only_what_failed(bench: Bench, pytester: pytest.Pytester) -> None:
    bench.suite(ALL)
    pytester.runpytest_inprocess().assert_outcomes(passed=2, failed=1, skipped=1)
    pytester.runpytest_inprocess("--lf", "--monitorbench-report", "report.json").assert_outcomes(failed=1)
    assert [check.id for check in read(bench / "report.json").checks] == ["disorder"]


def test_options_change_the_suite(bench: Bench) -> None:
    bench.suite(FAILS)
    changes = ("checks.disorder.min=0.9", "checks.disorder.max=1", "sampling.seed=3")
    words = [word for change in changes for word in ("--monitorbench-set", change)]
    words += ["--monitorbench-device", "cpu", "--monitorbench-report", "report.json", "--monitorbench-limit", "4"]
    bench.pytest(*words).assert_outcomes(passed=1)
    suite = read(bench / "report.json").suite
    assert (suite["sampling"]["seed"], suite["device"], suite["tasks"]["chain"]["n"]) == (3, "cpu", 4)


def test_options_choose_the_models(bench: Bench, ready: Path) -> None:
    bench.suite(DOES_NOT_APPLY + RESTS_ON_IT)
    diffusion = str(ready / "diffusion")
    words = [f"--monitorbench-model={diffusion}", f"--monitorbench-baseline={diffusion}"]
    bench.pytest("-k", "depth", *words, "--monitorbench-report", "r.json").assert_outcomes(failed=1, deselected=1)
    models = {model.role: model.source for model in read(bench / "r.json").models}
    assert models == {"candidate": diffusion, "baseline": diffusion}


def test_the_summary_has_one_line_for_each_check_and_the_report(bench: Bench) -> None:
    bench.suite(PASSES + FAILS)
    bench.pytest("--monitorbench-report", "out/report.json").stdout.fnmatch_lines(
        [
            "*= monitorbench =*",
            "s.monitor.yaml::order: pass, 1.000, bound >= 0.9, n 6",
            "s.monitor.yaml::disorder: fail, 1.000, bound <= 0.5, n 6: order.gamma is 1.000 *",
            "report: out/report.json",
        ],
        consecutive=True,
    )


def test_no_report_is_kept_unless_asked_for(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest()
    assert not list((bench / ".").rglob("*.json"))
    result.stdout.no_fnmatch_line("report: *")


def test_reports_of_several_suites_are_told_apart_by_name(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.suite(PASSES, file="t.monitor.yaml", name="an other")
    result = bench.pytest("--monitorbench-report", "out/r.json")
    result.stdout.fnmatch_lines(["report: out/r-an-other.json", "report: out/r-small.json"], consecutive=True)
    assert read(bench / "out/r-an-other.json").suite["name"] == "an other"


def test_suites_that_would_share_a_report_are_refused_before_anything_runs(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.suite(PASSES, file="t.monitor.yaml")
    result = bench.pytest("--monitorbench-report", "r.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: --monitorbench-report: s.monitor.yaml and t.monitor.yaml would both be written to r-small.json; "
            "give the suites different names"
        ]
    )


def test_a_report_that_could_not_be_written_is_refused_before_anything_runs(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest("--monitorbench-report", ".")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = "--monitorbench-report: .: is a folder, not a file; name another file for the report"
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_junit_files_carry_the_verdict(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.pytest("--junitxml", "junit.xml")
    (found,) = ElementTree.parse(bench / "junit.xml").iter("property")
    assert found.attrib == {"name": "monitorbench", "value": "order: pass, 1.000, bound >= 0.9, n 6"}


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_one_worker_runs_all_tests_of_a_suite(bench: Bench, pytester: pytest.Pytester) -> None:
    bench.suite(PASSES + FAILS)
    words = ["-n", "2", "--dist", "loadfile", "-v", "--monitorbench-report", "report.json"]
    result = pytester.runpytest_subprocess(*words)
    result.assert_outcomes(passed=1, failed=1)
    workers = {line.split("]")[0] for line in result.outlines if line.startswith("[gw") and "%]" in line}
    assert len(workers) == 1
    result.stdout.fnmatch_lines(["s.monitor.yaml::order: pass, *", "report: report.json"])


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_tests_of_a_suite_share_a_group(bench: Bench, pytester: pytest.Pytester) -> None:
    bench.suite(ALL)
    items, _ = pytester.inline_genitems()
    assert {mark.args for item in items for mark in item.iter_markers("xdist_group")} == {("s.monitor.yaml",)}


def test_a_session_without_a_suite_loads_nothing_because_of_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_modules():
            assert "monitorbench.pytest_plugin" in sys.modules
            heavy = {"torch", "transformers", "yaml", "jsonschema", "numpy", "rich", "scipy"}
            assert not heavy & set(sys.modules)
            assert {name for name in sys.modules if name.startswith("monitorbench.")} == {"monitorbench.pytest_plugin"}
        """
    )
    words = ["-m", "pytest", "-p", "monitorbench.pytest_plugin", "-W", "error", "-q"]
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, *words], cwd=pytester.path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_plugin_is_installed_as_one(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--help")
    result.stdout.fnmatch_lines(["*--monitorbench-model=MODEL*"])
