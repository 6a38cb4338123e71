"""`run` as its users meet it: messages, exit codes, and what is left on disk."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.report.write import read

Command = Callable[..., tuple[int, str, str]]
USUAL_REPORT = Path("reports/runs/small.json")
REPORT_ON_DEPTH, REPORT_ON_ORDER = (Path(f"reports/runs/small-{check}.json") for check in ("depth", "order"))
NO_REPORT = "no report was written\n"


def files_in(folder: Path) -> list[str]:
    """All files but those of run stores."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    stores = [path.parent for path in files if path.name == "index.sqlite"]
    return sorted(str(path.relative_to(folder)) for path in files if not {*stores} & {*path.parents})


def test_run_shows_the_result_and_leaves_the_report(folder: Path, command: Command) -> None:
    code, out, err = command("run", "s.yaml")
    assert code == 0
    assert files_in(folder) == [str(USUAL_REPORT), "s.yaml"]
    report = read(USUAL_REPORT)
    assert [(check.id, str(check.verdict)) for check in report.checks] == [
        ("order", "pass"),
        ("bottleneck", "not_applicable"),
        ("depth", "pass"),
    ]
    assert out.splitlines()[0].split() == ["check", "verdict", "estimate", "bound", "n"]
    assert f"report: {USUAL_REPORT}" in out.splitlines()
    assert "recording arm 1 of" in err


def test_run_as_json_prints_the_report_and_nothing_else(folder: Path, command: Command) -> None:
    code, out, err = command("run", "s.yaml", "--json", "--only", "depth")
    assert code == 0
    assert out == REPORT_ON_DEPTH.read_text(encoding="utf-8")
    assert json.loads(out)["verdict"] == "pass"
    assert f"report: {REPORT_ON_DEPTH}" in err


def test_a_report_on_a_few_checks_takes_no_place_of_one_on_all(folder: Path, command: Command) -> None:
    USUAL_REPORT.parent.mkdir(parents=True)
    USUAL_REPORT.write_text("on all checks", encoding="utf-8")
    assert command("run", "s.yaml", "--only", "depth", "--only", "order")[0] == 0
    assert files_in(folder) == ["reports/runs/small-order-depth.json", str(USUAL_REPORT), "s.yaml"]
    assert USUAL_REPORT.read_text(encoding="utf-8") == "on all checks"


def test_output_is_the_exact_path(folder: Path, command: Command) -> None:
    code, out, _ = command("run", "s.yaml", "--only", "depth", "--output", "new/folder/result")
    assert code == 0
    assert files_in(folder) == ["new/folder/result", "s.yaml"]
    assert "report: new/folder/result" in out.splitlines()


def test_a_name_that_is_no_file_name_cannot_lead_the_report_astray(folder: Path, command: Command) -> None:
    text = (folder / "s.yaml").read_text(encoding="utf-8")
    (folder / "s.yaml").write_text(text.replace("name: small", "name: '../../a b: c?'"), encoding="utf-8")
    assert command("run", "s.yaml", "--only", "depth")[0] == 0
    assert files_in(folder) == ["reports/runs/a-b-c-depth.json", "s.yaml"]


def test_quiet_leaves_the_outcome(folder: Path, command: Command) -> None:
    code, out, err = command("run", "s.yaml", "--only", "depth", "--quiet")
    assert code == 0
    assert err == ""
    assert not out.startswith("check")
    assert "pass, exit 0: Every gated check passed" in out


def test_only_runs_what_a_check_rests_on_without_gating_it(folder: Path, command: Command) -> None:
    command("run", "s.yaml", "--only", "depth")
    assert [(check.id, check.gated) for check in read(REPORT_ON_DEPTH).checks] == [
        ("bottleneck", False),
        ("depth", True),
    ]


def test_a_failed_check_gives_exit_code_1_and_the_command_that_runs_it_again(folder: Path, command: Command) -> None:
    words = ["--set", "checks.order.min=-1", "--set", "checks.order.max=0.5", "--limit", "4"]
    code, out, _ = command("run", "s.yaml", *words)
    assert code == 1
    assert read(USUAL_REPORT).suite["tasks"]["chain"]["n"] == 4
    rerun = "monitorbench run s.yaml --only order --limit 4 --set checks.order.min=-1 --set checks.order.max=0.5"
    assert f"  rerun: {rerun}" in out.splitlines()
    again = command(*rerun.split()[1:])
    assert again[0] == 1
    assert [check.id for check in read(REPORT_ON_ORDER).checks] == ["order"]


@pytest.mark.parametrize(("policy", "code"), [("fail", 3), ("warn", 0), ("pass", 0)])
def test_the_policy_decides_what_an_inconclusive_check_ends_in(
    folder: Path, checkpoints: Path, command: Command, policy: str, code: int
) -> None:
    score = ["--set", "checks.order.metric=order.resolved", "--set", "checks.order.min=0.1"]
    words = ["--model", str(checkpoints / "diffusion"), "--only", "order", *score]
    ended, _, err = command("run", "s.yaml", *words, "--inconclusive", policy)
    report = read(REPORT_ON_ORDER)
    assert str(report.verdict) == "inconclusive"
    assert ended == report.exit_code == code
    assert ("warning: check order is inconclusive and was let through" in err.splitlines()) is (policy == "warn")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml:1:1: "),
        (["run", "s.yaml", "--only", "deptth"], "--only:1:1: no check `deptth`; did you mean `depth`?\n"),
        (
            ["run", "s.yaml", "--limit", "0"],
            "--limit:1:1: the limit must be at least 1, got 0; write a larger number\n",
        ),
        (["run", "s.yaml", "--set", "checks.depth.max_ratio=no"], "--set:1:1: "),
        (["run", "s.yaml", "--device", "gpu"], "--device:1:1: "),
        (
            ["run", "s.yaml", "--set", "sampling.sampler={heat: 1}"],
            "--set:1:1: unknown sampler setting 'heat'; known: ",
        ),
        (["run", "s.yaml", "--model", "./nowhere"], "--model:1:1: no such folder: `./nowhere`; check the path\n"),
    ],
)
def test_an_unusable_suite_is_refused_and_no_report_is_touched(
    folder: Path, command: Command, words: list[str], message: str
) -> None:
    USUAL_REPORT.parent.mkdir(parents=True)
    USUAL_REPORT.write_text("an earlier report", encoding="utf-8")
    code, out, err = command(*words)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert err.endswith(f"\n{NO_REPORT}")
    assert err.count("\n") == 2
    assert USUAL_REPORT.read_text(encoding="utf-8") == "an earlier report"


def test_every_mistake_of_a_suite_has_its_own_line(folder: Path, command: Command) -> None:
    text = (folder / "s.yaml").read_text(encoding="utf-8")
    text = text.replace("max_ratio: 1.5", "max_ratoi: 1.5").replace("metric: order.gamma", "metric: order.gama")
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    for name in ("run", "validate"):
        code, out, err = command(name, "s.yaml")
        assert (code, out) == (2, "")
        assert [line.split(": ")[0] for line in err.removesuffix(NO_REPORT).splitlines()] == [
            "s.yaml:12:13",
            "s.yaml:19:5",
            "s.yaml:23:5",
        ]
    assert files_in(folder) == ["s.yaml"]


def test_an_unusable_checkpoint_is_refused_in_one_line(folder: Path, command: Command) -> None:
    (folder / "empty").mkdir()
    code, out, err = command("run", "s.yaml", "--model", "empty", "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.endswith(f"\n{NO_REPORT}")
    assert err.count("\n") == 2
    assert files_in(folder) == ["s.yaml"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".", ".: is a folder, not a file; name another file for the report"),
        (
            "s.yaml/report.json",
            "s.yaml/report.json: the report cannot be written (not a directory); name a file in a writable folder",
        ),
        (
            "/proc/report.json",
            "/proc/report.json: the report cannot be written (no such file or directory); name a file in a writable folder",
        ),
        ("/dev/null", "/dev/null: is not a regular file; name another file for the report"),
        (
            "x" * 300,
            "x" * 300 + ": the report cannot be written (file name too long); name a file in a writable folder",
        ),
    ],
)
def test_a_report_that_could_not_be_written_is_refused_before_the_run(
    folder: Path, command: Command, path: str, message: str
) -> None:
    assert command("run", "s.yaml", "--output", path) == (2, "", f"error: {message}\n{NO_REPORT}")
    assert files_in(folder) == ["s.yaml"]


def test_rollouts_outlive_the_run_beside_its_report(folder: Path, command: Command) -> None:
    _, first, began = command("run", "s.yaml")
    assert "(6 rollouts)" in began
    assert (USUAL_REPORT.with_suffix("") / "index.sqlite").is_file()
    report = apart_from_the_run(USUAL_REPORT)
    _, second, again = command("run", "s.yaml")
    assert again.count("(6 rollouts, 6 from the store)") == again.count("recording arm") > 0
    assert second == first
    assert apart_from_the_run(USUAL_REPORT) == report


def test_fresh_generates_every_rollout_anew(folder: Path, command: Command) -> None:
    command("run", "s.yaml")
    report = apart_from_the_run(USUAL_REPORT)
    assert "from the store" not in command("run", "s.yaml", "--fresh")[2]
    assert apart_from_the_run(USUAL_REPORT) == report
    assert "(6 rollouts, 6 from the store)" in command("run", "s.yaml")[2]


def test_a_run_of_a_few_checks_shares_the_store(folder: Path, command: Command) -> None:
    command("run", "s.yaml")
    assert "(6 rollouts, 6 from the store)" in command("run", "s.yaml", "--only", "order")[2]


def test_a_report_elsewhere_has_its_store_beside_it(folder: Path, command: Command) -> None:
    command("run", "s.yaml", "--only", "order", "--output", "new/result.json")
    assert (folder / "new" / "small" / "index.sqlite").is_file()
    assert not (folder / "reports").exists()


def test_a_store_that_cannot_be_written_is_refused_in_one_line(folder: Path, command: Command) -> None:
    store = USUAL_REPORT.with_suffix("")
    store.parent.mkdir(parents=True)
    store.write_text("no folder", encoding="utf-8")
    code, out, err = command("run", "s.yaml", "--quiet")
    assert (code, out) == (2, "")
    assert err == (
        f"error: {store}: rollouts cannot be kept there (not a directory); make it a writable folder\n{NO_REPORT}"
    )


def apart_from_the_run(path: Path) -> str:
    report = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps({name: part for name, part in report.items() if name != "run"})
