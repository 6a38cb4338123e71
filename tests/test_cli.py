"""The command line as its users meet it: options, messages, exit codes, and what is left on disk."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

import monitorbench
from monitorbench.cli import main
from monitorbench.commands import schema
from monitorbench.report.write import read
from monitorbench.suite.yaml12 import parse

SUITE = """\
schema_version: 1
name: small
model: {folder}/causal
baseline: {folder}/causal
tasks:
  chain: {{family: arithmetic-chain, n: 6}}
sampling: {{max_new_tokens: 16, batch_size: 3}}
defaults: {{task: chain}}
checks:
  - id: order
    check: chronology-score
    metric: order.gamma
    min: 0.9
  - id: bottleneck
    check: bottleneck-drop
    channel: self_conditioning
    keep: {{top_k: 8}}
    max_drop: 0.05
  - id: depth
    check: opaque-depth-ratio
    context_length: 64
    interpretable_if: {{self_conditioning: bottleneck}}
    max_ratio: 1.5
"""
OVERRIDES = {"--model", "--baseline", "--device", "--dtype", "--seed", "--limit", "--only", "--set"}
OPTIONS = {
    "run": {"--help", *OVERRIDES, "--output", "--inconclusive", "--quiet", "--json"},
    "validate": {"--help", *OVERRIDES, "--json"},
    "list": {"--help", "--json"},
    "schema": {"--help"},
}
USUAL_REPORT = Path("reports/runs/small.json")
REPORT_ON_DEPTH, REPORT_ON_ORDER = (Path(f"reports/runs/small-{check}.json") for check in ("depth", "order"))
NO_REPORT = "no report was written\n"


@pytest.fixture
def folder(tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the suite `s.yaml` about the small checkpoints, and nothing else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SUITE.format(folder=checkpoints), encoding="utf-8")
    return tmp_path


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line; returns its exit code, stdout and stderr."""

    def command(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return (code, *capfd.readouterr())

    return command


Command = Callable[..., tuple[int, str, str]]


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- the line itself


@pytest.mark.parametrize("name", OPTIONS)
def test_every_command_has_exactly_these_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    usage = capsys.readouterr().out.split("\n\n")[0]
    assert ended.value.code == 0
    assert set(re.findall(r"--[a-z]+", usage.replace("[-h]", "--help"))) == OPTIONS[name]


def test_the_commands_are_exactly_these(command: Command) -> None:
    listed = "known: " + ", ".join(f"`{name}`" for name in OPTIONS)
    assert command("quux") == (2, "", f"error: COMMAND cannot be 'quux'; {listed}\n")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"monitorbench {monitorbench.__version__}\n"


def test_help_says_what_the_exit_codes_mean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert re.findall(r"^  (\d+) ", shown, re.MULTILINE) == ["0", "1", "2", "3", "130"]


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["run", "s.yaml", "--nonsense"]])
def test_nothing_heavy_is_loaded_before_there_is_work(words: list[str]) -> None:
    heavy = {"torch", "transformers", "rich", "jsonschema", "yaml", "numpy", "scipy"}
    script = (
        "import sys\nfrom monitorbench.cli import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        f"print('loaded:', *sorted(set(sys.modules) & {heavy!r}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: COMMAND; see `monitorbench --help`"),
        (["rnu"], "COMMAND cannot be 'rnu'; did you mean `run`?"),
        (["run"], "the following arguments are required: SUITE; see `monitorbench run --help`"),
        (["run", "s.yaml", "--modle=x"], "unknown option --modle; did you mean `--model`?"),
        (["run", "s.yaml", "--xyzzy"], "unknown option --xyzzy; see `monitorbench run --help`"),
        (["run", "s.yaml", "t.yaml"], "unknown argument t.yaml; see `monitorbench run --help`"),
        (["run", "s.yaml", "--out", "x"], "unknown option --out; did you mean `--output`?"),
        (
            ["run", "s.yaml", "--limit", "few"],
            "argument --limit: 'few' is not a whole number; see `monitorbench run --help`",
        ),
        (["run", "s.yaml", "--seed"], "argument --seed: expected one argument; see `monitorbench run --help`"),
        (["run", "s.yaml", "--inconclusive", "ok"], "--inconclusive cannot be 'ok'; known: `fail`, `warn`, `pass`"),
        (["list", "check"], "KIND cannot be 'check'; did you mean `checks`?"),
        (["schema", "verdict"], "SUBJECT cannot be 'verdict'; known: `suite`, `report`"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(words: list[str], message: str, command: Command) -> None:
    assert command(*words) == (2, "", f"error: {message}\n")


def test_a_fault_of_the_program_does_not_look_like_a_failed_check(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_options: object) -> int:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(schema, "execute", broken)
    code, out, err = command("schema", "suite")
    assert (code, out) == (2, "")
    assert err.startswith("Traceback")
    assert err.endswith("ZeroDivisionError: a fault\nerror: this is a fault of monitorbench, not of the suite\n")


# --- run


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
            "s.yaml:1:1: no adapter family has a sampler setting 'heat'; ",
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


def test_an_interrupted_run_leaves_no_file_behind(folder: Path) -> None:
    words = [sys.executable, "-m", "monitorbench", "run", "s.yaml", "--set", "tasks.chain.n=2000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        before = next((line for line in run.stderr if line.startswith("recording arm")), "")
        assert before
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted"
    assert files_in(folder) == ["s.yaml"]


# --- validate


def test_validate_says_what_a_run_would_do_and_runs_nothing(folder: Path, checkpoints: Path, command: Command) -> None:
    code, out, err = command("validate", "s.yaml", "--set", "sampling.seeds_per_prompt=2", "--set", "tasks.chain.n=600")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "s.yaml: valid",
        f"model     {checkpoints}/causal",
        f"baseline  {checkpoints}/causal",
        "task      chain: arithmetic-chain, 1,200 rollouts per arm (600 prompts x 2 seeds)",
        "check     order: chronology-score",
        "check     bottleneck: bottleneck-drop",
        "check     depth: opaque-depth-ratio",
    ]
    assert files_in(folder) == ["s.yaml"]


def test_validate_warns_when_so_few_prompts_can_hardly_decide(folder: Path, command: Command) -> None:
    code, _, err = command("validate", "s.yaml", "--only", "bottleneck")
    assert code == 0
    assert err == (
        "warning: s.yaml:14: check bottleneck will hardly be decided: showing a drop below 5 points takes about "
        "124 prompts, even if the bottleneck costs nothing and changes the outcome of only 5% of them (assumed); "
        "task chain has 6; raise its n or max_drop\n"
    )
    assert command("validate", "s.yaml", "--set", "tasks.chain.n=124")[2] == ""


def test_validate_refuses_what_a_run_would_refuse(folder: Path, command: Command) -> None:
    text = (folder / "s.yaml").read_text(encoding="utf-8")
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("baseline"))
    (folder / "s.yaml").write_text(text.replace("batch_size: 3", "sampler: {heat: 1}"), encoding="utf-8")
    what = "check depth compares with a baseline and the suite has none"
    code, out, err = command("validate", "s.yaml")
    assert (code, out) == (2, "")
    assert [line.split("; ")[0] for line in err.splitlines()] == [
        "s.yaml:1:1: no adapter family has a sampler setting 'heat'",
        f"s.yaml:18:1: {what}",
    ]
    code, out, err = command("validate", "s.yaml", "--json")
    assert (code, err) == (2, "")
    assert json.loads(out)["mistakes"][1]["what"] == what


def test_validate_as_json(folder: Path, command: Command) -> None:
    code, out, err = command("validate", "s.yaml", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["valid"] is True
    assert len(found["warnings"]) == 1
    assert found["suite"]["checks"][0]["id"] == "order"
    code, out, err = command("validate", "s.yaml", "--json", "--only", "dept")
    assert (code, err) == (2, "")
    mistake = {"file": "--only", "line": 1, "column": 1, "what": "no check `dept`", "fix": "did you mean `depth`?"}
    assert json.loads(out) == {"valid": False, "mistakes": [mistake]}


# --- list and schema


def test_list_names_everything_with_one_sentence(command: Command) -> None:
    code, out, err = command("list")
    assert (code, err) == (0, "")
    sections = {section.splitlines()[0]: section.splitlines()[1:] for section in out.split("\n\n")}
    assert list(sections) == ["checks", "adapters", "tasks", "zoo"]
    assert [row.split()[0] for row in sections["checks"]] == [
        "bottleneck-drop",
        "chronology-score",
        "opaque-depth-ratio",
    ]
    assert [row.split()[0] for row in sections["tasks"]] == ["arithmetic-chain"]
    for row in (*sections["checks"], *sections["adapters"], *sections["tasks"]):
        assert re.fullmatch(r"  \S+ +[A-Z].*\.", row)


def test_list_as_json_holds_the_same(command: Command) -> None:
    found = json.loads(command("list", "tasks", "--json")[1])
    summary = "Chains of additions over variables defined in shuffled order, with a known value graph."
    assert found == {"tasks": [{"name": "arithmetic-chain", "summary": summary}]}


def test_listing_loads_no_model_library() -> None:
    script = "import sys\nfrom monitorbench.cli import main\nmain(['list'])\nassert not {'torch', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)


def test_the_suite_schema_describes_a_valid_suite(folder: Path, command: Command) -> None:
    found = json.loads(command("schema", "suite")[1])
    Draft7Validator.check_schema(found)
    suite, mistakes = parse((folder / "s.yaml").read_text(encoding="utf-8"), "s.yaml")
    assert suite is not None
    assert not mistakes
    assert Draft7Validator(found).is_valid(suite.plain())
    assert not Draft7Validator(found).is_valid({**suite.plain(), "name": 3})


def test_the_report_schema_describes_a_report(folder: Path, command: Command) -> None:
    found = json.loads(command("schema", "report")[1])
    Draft7Validator.check_schema(found)
    report = json.loads(command("run", "s.yaml", "--only", "depth", "--json")[1])
    assert Draft7Validator(found).is_valid(report)
    assert not Draft7Validator(found).is_valid({**report, "exit_code": "0"})
