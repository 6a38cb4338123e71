"""The command line itself: commands, options, and how a wrong line is refused."""

# a message is pinned as the one line that it is

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

import monitorbench
from monitorbench.cli import main
from monitorbench.commands import schema

Command = Callable[..., tuple[int, str, str]]
OVERRIDES = {"--model", "--baseline", "--device", "--dtype", "--seed", "--limit", "--only", "--set"}
OPTIONS = {
    "init": {"--help", "--adapter", "--model", "--baseline", "--ci", "--force"},
    "run": {
        *("--help", *OVERRIDES, "--output", "--inconclusive", "--strict", "--baseline-file", "--fresh"),
        *("--quiet", "--json"),
    },
    "rescore": {
        *("--help", *OVERRIDES, "--output", "--inconclusive", "--strict", "--baseline-file"),
        *("--quiet", "--json"),
    },
    "verify": {"--help", "--suite", "--json"},
    "report": {
        *("--help", "--quiet", "--format", "--output", "--section", "--inconclusive", "--strict", "--summary"),
        *("--run", "--traces"),
    },
    "compare": {
        *("--help", "--fail-on", "--tolerance", "--allow-differences", "--strict", "--format", "--json", "--output"),
    },
    "baseline": {"--help"},
    "baseline update": {"--help", "--baseline-file", "--only", "--reason", "--expires", "--dry-run"},
    "baseline show": {"--help", "--baseline-file", "--json"},
    "baseline prune": {"--help", "--baseline-file", "--dry-run"},
    "validate": {"--help", *OVERRIDES, "--json"},
    "plan": {"--help", "--quiet", *OVERRIDES, "--no-trial", "--json"},
    "calibrate": {"--help", "--quiet", *OVERRIDES, "--runs", "--output", "--json"},
    "depth": {
        *("--help", "--against", "--context", "--steps", "--canvas", "--dtype", "--trust-remote-code"),
        *("--convention", "--interpretable", "--no-cut", "--explain", "--view", "--quiet", "--json"),
    },
    "trace": {"--help"},
    "trace list": {"--help", "--json"},
    "trace show": {"--help", "--step", "--json"},
    "list": {"--help", "--json"},
    "schema": {"--help"},
    "adapters": {"--help"},
    "adapters check": {
        *("--help", "--model", "--trust-remote-code", "--prompt", "--max-new-tokens", "--set"),
        *("--device", "--dtype", "--quiet", "--json"),
    },
    "selftest": {"--help", "--quiet", "--device", "--dtype", "--quick", "--only", "--list", "--output", "--json"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_command_has_exactly_these_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])
    usage = capsys.readouterr().out.split("\n\n")[0]
    assert ended.value.code == 0
    assert set(re.findall(r"--[a-z-]+", usage.replace("[-h]", "--help"))) == OPTIONS[name]


def test_the_commands_are_exactly_these(command: Command) -> None:
    listed = "known: " + ", ".join(f"`{name}`" for name in OPTIONS if " " not in name)
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


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["run", "s.yaml", "--nonsense"],
        ["depth", "--help"],
        ["adapters", "check", "--help"],
        ["baseline", "update", "--help"],
        ["trace", "show", "--help"],
    ],
)
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
        (["adapters"], "the following arguments are required: ACTION; see `monitorbench adapters --help`"),
        (["adapters", "chekc"], "ACTION cannot be 'chekc'; did you mean `check`?"),
        (
            ["adapters", "check", "x"],
            "the following arguments are required: --model; see `monitorbench adapters check --help`",
        ),
        (["adapters", "check", "x", "--model", "y", "--promt=z"], "unknown option --promt; did you mean `--prompt`?"),
        (["baseline", "updaet"], "ACTION cannot be 'updaet'; did you mean `update`?"),
        (
            ["baseline", "update"],
            "the following arguments are required: REPORT; see `monitorbench baseline update --help`",
        ),
        (["trace", "sohw"], "ACTION cannot be 'sohw'; did you mean `show`?"),
        (["trace", "show", "r"], "the following arguments are required: ROLLOUT; see `monitorbench trace show --help`"),
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


def test_an_interrupt_that_an_import_turned_into_another_error(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python raises what happens while a class is made as a `RuntimeError`, also an interrupt."""

    def interrupted(_options: object) -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise RuntimeError("Error calling __set_name__") from error

    monkeypatch.setattr(schema, "execute", interrupted)
    assert command("schema", "suite") == (130, "", "interrupted; nothing was kept\n")
