"""What a run looks like in a terminal, in a narrow one, and where there is none."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitorbench.notices import (
    ArmStarted,
    BatchHalved,
    CheckJudged,
    CheckStarted,
    ModelLoaded,
    Notice,
    RolloutsDone,
    RolloutsLost,
    RolloutsRaised,
    RunDone,
    RunPlanned,
    SettingIgnored,
)
from monitorbench.report.exit_code import overall
from monitorbench.report.model import Bound, CheckReport, Interval, Report, RunFacts, Verdict
from monitorbench.terminal import Terminal


class Screen(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the surrounding terminal or CI asks for; terminals are 80 columns wide."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


def check(name: str, verdict: Verdict, reason: str, *, gated: bool = True, **numbers: object) -> CheckReport:
    return CheckReport(
        id=name,
        type="token-bottleneck",
        line=3,
        file="quickstart.yaml",
        gated=gated,
        verdict=verdict,
        reason=reason,
        **numbers,  # type: ignore[arg-type]  # each caller names fields of CheckReport
    )


def report_on(*checks: CheckReport) -> Report:
    verdict, exit_code = overall(checks)
    return Report(
        verdict=verdict,
        exit_code=exit_code,
        versions={},
        device={},
        suite_sha256="0" * 64,
        suite={},
        models=(),
        checks=checks,
        run=RunFacts(started="2026-01-02T03:04:05", seconds=1.0, host="", platform=""),
    )


def interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, level=0.9, method="cluster bootstrap")


CHECKS = (
    check(
        "bottleneck",
        Verdict.FAIL,
        "The accuracy drop of 8.1 pp is beyond the margin of 5 pp: the whole interval [5.9, 10.2] lies outside.",
        estimate=0.081,
        interval=interval(0.059, 0.102),
        unit="share",
        bound=Bound(max=0.05),
        n=1200,
    ),
    check("depth", Verdict.PASS, "Inside.", estimate=1.12, unit="ratio", bound=Bound(max=1.5)),
    check(
        "order",
        Verdict.INCONCLUSIVE,
        "The interval straddles the bound; about 300 more prompts would decide it.",
        estimate=0.412,
        interval=interval(0.31, 0.52),
        bound=Bound(min=0.4),
        n=100,
    ),
    check("revision", Verdict.NOT_APPLICABLE, "The model commits every token once and for all."),
)

NOTICES: tuple[Notice, ...] = (
    RunPlanned(suite="quickstart", arms=2, rollouts=400, checks=4),
    ModelLoaded(role="candidate", source="zoo:thought-loop", parameters=1_234_567, device="cpu"),
    ArmStarted(arm="candidate/arithmetic", rollouts=200),
    ArmStarted(arm="candidate/arithmetic/top_k=1", rollouts=200),
    RolloutsDone(arm="candidate/arithmetic", done=64, total=200),
    RolloutsDone(arm="candidate/arithmetic/top_k=1", done=64, total=200),
    RolloutsDone(arm="candidate/arithmetic", done=200, total=200),
    RolloutsDone(arm="candidate/arithmetic/top_k=1", done=200, total=200),
    *(
        notice
        for each in CHECKS
        for notice in (
            CheckStarted(check=each.id, type=each.type),
            CheckJudged(check=each.id, verdict=each.verdict, report=each),
        )
    ),
    RunDone(report=report_on(*CHECKS)),
)

PLAIN_RESULT = """\
check       verdict         estimate              bound        n
bottleneck  fail            8.1 pp [5.9, 10.2]    <= 5 pp  1,200
depth       pass            1.12x                 <= 1.5x      -
order       inconclusive    0.412 [0.310, 0.520]  >= 0.4     100
revision    not_applicable  -                     -            -

bottleneck: fail
  The accuracy drop of 8.1 pp is beyond the margin of 5 pp: the whole interval
  [5.9, 10.2] lies outside.
  rerun: monitorbench run quickstart.yaml --only bottleneck --model zoo:thought-loop

order: inconclusive
  The interval straddles the bound; about 300 more prompts would decide it.
  rerun: monitorbench run quickstart.yaml --only order --model zoo:thought-loop

revision: not_applicable
  The model commits every token once and for all.

report: reports/runs/quickstart.json
fail, exit 1: At least one gated check failed.
"""

PLAIN_PROGRESS = """\
candidate: zoo:thought-loop (1,234,567 parameters, cpu)
recording arm 1 of 2: candidate/arithmetic (200 rollouts)
recording arm 2 of 2: candidate/arithmetic/top_k=1 (200 rollouts)
"""


def rerun(name: str) -> str:
    return f"monitorbench run quickstart.yaml --only {name} --model zoo:thought-loop"


def show(
    *notices: Notice,
    stream: Callable[[], io.StringIO] = io.StringIO,
    quiet: bool = False,
    report_path: Path | None = Path("reports/runs/quickstart.json"),
) -> tuple[str, str]:
    """What is on `out` and `err` after the notices."""
    out, err = stream(), stream()
    with Terminal(out=out, err=err, quiet=quiet, report_path=report_path, rerun=rerun) as terminal:
        for notice in notices:
            terminal(notice)
    return out.getvalue(), err.getvalue()


def test_without_a_terminal_the_result_is_plain_text() -> None:
    out, err = show(*NOTICES)
    assert out == PLAIN_RESULT
    assert err == PLAIN_PROGRESS


def test_quiet_leaves_only_what_needs_a_reader() -> None:
    out, err = show(*NOTICES, quiet=True)
    assert err == ""
    assert out == PLAIN_RESULT.partition("\n\n")[2]


def test_what_comes_from_the_store_is_told() -> None:
    _, err = show(RunPlanned(suite="s", arms=1, rollouts=130, checks=1), ArmStarted(arm="a", rollouts=130, reused=1))
    assert err == "recording arm 1 of 1: a (130 rollouts, 1 from the store)\n"


def test_what_the_store_has_lost_is_told_even_if_quiet() -> None:
    _, err = show(RolloutsLost(file="store/x", rollouts=40, why="its content has changed"), quiet=True)
    what = "40 stored rollouts cannot be read (its content has changed) and are recorded again"
    assert err == f"note: store/x: {what}\n"


def test_what_did_not_fit_or_raised_is_told_even_if_quiet() -> None:
    _, err = show(
        BatchHalved(arm="a", rows=40, to=20),
        RolloutsRaised(arm="a", rollouts=1, why="ValueError: no"),
        RolloutsRaised(arm="b", rollouts=2, why="KeyError: 'x'"),
        quiet=True,
    )
    assert err == (
        "note: a: a batch of 40 rows does not fit into memory; it goes on with 20\n"
        "note: a: 1 rollout raises and counts as an error (ValueError: no)\n"
        "note: b: 2 rollouts raise and count as errors (KeyError: 'x')\n"
    )


def test_a_run_in_which_all_passed_is_a_table_and_a_line() -> None:
    out, _ = show(RunDone(report=report_on(CHECKS[1])), report_path=None)
    assert out == (
        "check  verdict  estimate  bound    n\n"
        "depth  pass     1.12x     <= 1.5x  -\n"
        "\n"
        "pass, exit 0: Every gated check passed, was not applicable, or was let through.\n"
    )


def test_a_suite_that_alerts_on_any_says_what_a_fail_means() -> None:
    alerting = replace(report_on(CHECKS[1]), suite={"alert": "any"})
    out, _ = show(RunDone(report=alerting), report_path=None)
    told = "alert: any: a fail counts only where it holds among all checks of its severity (Holm)."
    assert " ".join(out.splitlines()[3:5]) == told


def test_ungated_checks_are_explained_but_not_offered_for_a_rerun() -> None:
    ungated = check("bottleneck", Verdict.PASS, "Inside the margin.", gated=False)
    out, _ = show(RunDone(report=report_on(ungated, CHECKS[1])))
    assert "bottleneck: pass (not gated)\n  Inside the margin.\n\n" in out
    assert "rerun" not in out


@pytest.mark.parametrize("stream", [io.StringIO, Screen])
def test_sixty_columns_are_enough(stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    long = check("order-of-commitment-under-the-long-name", Verdict.PASS, "Inside.", estimate=1.0, n=1_000_000)
    out, _ = show(RunDone(report=report_on(long, *CHECKS)), stream=stream)
    lines = [line for line in out.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines() if "rerun:" not in line]
    assert max(map(len, lines)) <= 60
    assert "not_applicable" in out
    assert f"  rerun: {rerun('bottleneck')}\n" in out


def test_a_terminal_gets_colours_and_bars_that_vanish() -> None:
    out, err = show(*NOTICES, stream=Screen)
    assert "\x1b[1;31mfail" in out
    assert "\x1b[32mpass" in out
    assert "400/400" in err
    assert "4/4" in err
    assert err.endswith("\x1b[2K")


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out, _ = show(*NOTICES, stream=Screen)
    assert "\x1b[31m" not in out
    assert "\x1b[1;31m" not in out
    assert "bottleneck: fail" in out


def test_words_of_a_model_are_shown_as_they_are() -> None:
    tricky = check("tricky [red]", Verdict.FAIL, "It wrote [bold]x[/bold] :smile: \x1b[2J \N{SNOWMAN}.")
    out, _ = show(RunDone(report=report_on(tricky)))
    assert "tricky [red]  fail" in out
    assert "  It wrote [bold]x[/bold] :smile: \N{REPLACEMENT CHARACTER}[2J \N{SNOWMAN}.\n" in out


def test_characters_that_a_stream_lacks_are_spelled_out() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    with Terminal(out=out, err=io.StringIO()) as terminal:
        terminal(RunDone(report=report_on(check("\N{SNOWMAN}", Verdict.FAIL, "It wrote \N{SNOWMAN}."))))
    out.flush()
    assert b"\\u2603  fail " in raw.getvalue()
    assert b"  It wrote \\u2603.\n" in raw.getvalue()


def test_a_run_that_breaks_off_leaves_a_clean_screen() -> None:
    err = Screen()

    def interrupted() -> None:
        with Terminal(out=Screen(), err=err) as terminal:
            terminal(NOTICES[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert err.getvalue().endswith("\x1b[2K")


def test_progress_counts_arms_that_are_recorded_side_by_side() -> None:
    _, err = show(*NOTICES[:6], stream=Screen)
    assert "128/400" in err


def test_a_plan_without_rollouts_shows_no_bar_for_them() -> None:
    _, err = show(
        RunPlanned(suite="depth", arms=0, rollouts=0, checks=1), CheckStarted(check="d", type="t"), stream=Screen
    )
    assert "judging d" in err
    assert "recording" not in err


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("stream", [io.StringIO, Screen])
def test_settings_that_change_nothing_are_noted(stream: type[io.StringIO], quiet: bool) -> None:
    out, err = io.StringIO(), stream()
    with Terminal(out=out, err=err, quiet=quiet) as show:
        show(SettingIgnored(role="candidate", settings=("do_sample", "top_k")))
    note = "note: the candidate's adapter family has no sampler setting do_sample, top_k: it changes nothing\n"
    assert (out.getvalue(), err.getvalue()) == ("", note)
