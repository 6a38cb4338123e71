"""Warnings on a reference checkpoint: what is let through, what a strict run makes of it, and what stays undecided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.report.model import Policy, Report, Verdict
from monitorbench.report.write import read

Command = Callable[..., tuple[int, str, str]]
KEPT = Path("report.json")
# The model changes about a fifth of its answers.
SUITE = """\
schema_version: 1
name: strict
model: zoo:diffusion-chain
device: cpu
tasks:
  chain: {family: arithmetic-chain, n: 40, lengths: [2, 3]}
sampling: {max_new_tokens: 18, batch_size: 40, sampler: {max_denoising_steps: 8}}
defaults: {task: chain}
checks:
  - id: revised
    check: revision-rate
    fail_if: {max: 0.6}
    warn_if: {max: 0.02}
  - {id: lenient, check: revision-rate, severity: warn, max: 0.02}
  - {id: told, check: revision-rate, severity: info, max: 0.02}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory in which all runs share what was recorded once."""
    place = tmp_path_factory.mktemp("strict")
    (place / "s.yaml").write_text(SUITE, encoding="utf-8")
    return place


@pytest.fixture
def run(place: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Callable[..., tuple[Report, str]]:
    """The report and what is shown of a run of the suite, whose exit code is the report's."""
    monkeypatch.chdir(place)

    def run(*words: str) -> tuple[Report, str]:
        code, out, _ = command("run", "s.yaml", "--output", str(KEPT), *words)
        report = read(KEPT)
        assert code == report.exit_code
        return report, " ".join(out.split())

    return run


def test_warnings_are_let_through_by_name(run: Callable[..., tuple[Report, str]]) -> None:
    report, out = run()
    assert (report.verdict, report.exit_code, report.policy) == (Verdict.PASS, 0, Policy())
    assert [(check.verdict, check.severity) for check in report.checks] == [
        (Verdict.PASS, "fail"),
        (Verdict.FAIL, "warn"),
        (Verdict.FAIL, "info"),
    ]
    revised = report.checks[0]
    assert revised.interval is not None
    assert revised.bound is not None
    assert revised.warn_bound is not None
    assert (revised.warn_verdict, revised.bound.max, revised.warn_bound.max) == (Verdict.FAIL, 0.6, 0.02)
    assert revised.warn_bound.max < revised.interval.low < revised.interval.high < revised.bound.max
    assert revised.warning.startswith("By warn_if (max 0.02): fail, ")
    named = "revised: pass (warning), lenient: fail (severity warn), told: fail (severity info)"
    assert out.endswith(f" Let through: {named}.")


def test_a_strict_run_fails_on_them_from_the_same_rollouts(run: Callable[..., tuple[Report, str]]) -> None:
    usual, strict = run()[0], run("--strict")[0]
    assert (strict.verdict, strict.exit_code, strict.policy) == (Verdict.FAIL, 1, Policy(strict=True))
    assert strict.checks == usual.checks


def test_a_strict_run_of_one_check_fails_by_its_warning_alone(run: Callable[..., tuple[Report, str]]) -> None:
    assert run("--only", "revised")[0].exit_code == 0
    report, out = run("--only", "revised", "--strict")
    assert report.exit_code == 1
    assert "rerun: monitorbench run s.yaml --only revised --strict" in out


@pytest.mark.parametrize(("words", "code"), [((), 3), (("--strict",), 1)])
def test_a_run_of_warnings_alone_cannot_pass_unseen(
    run: Callable[..., tuple[Report, str]], words: tuple[str, ...], code: int
) -> None:
    report, out = run("--only", "lenient", *words)
    assert report.exit_code == code
    assert ("No check counts: none has severity fail; --strict counts" in out) is (code == 3)


def test_what_only_tells_never_fails(run: Callable[..., tuple[Report, str]]) -> None:
    report, out = run("--only", "told", "--strict")
    assert (report.verdict, report.exit_code) == (Verdict.NOT_APPLICABLE, 3)
    assert out.endswith("No check counts: none has severity fail.")


def test_a_kept_report_can_be_shown_strictly(run: Callable[..., tuple[Report, str]], command: Command) -> None:
    run()
    for form, usual, strict in (("junit", "<skipped", "<failure"), ("github", "::warning", "::error")):
        assert usual in command("report", str(KEPT), "--format", form)[1]
        assert strict not in command("report", str(KEPT), "--format", form)[1]
        assert strict in command("report", str(KEPT), "--format", form, "--strict")[1]
    code, _, err = command("report", str(KEPT), "--format", "markdown", "--strict")
    assert (code, "--strict: format markdown has no such option" in err) == (2, True)
