"""What `init` writes can be used as it is: the suite of every family, its schema, and the workflow."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from monitorbench.adapters.registry import ADAPTERS
from monitorbench.api import load_suite
from monitorbench.cli import build_parser
from monitorbench.suite.yaml12 import Yaml12Loader

Command = Callable[..., tuple[int, str, str]]
FAMILIES = ("autoregressive", "block-diffusion", "depth-loop", "masked-diffusion", "thought-loop")
WORKFLOW = Path(".github/workflows/monitorbench.yml")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def the_suite(folder: Path) -> Path:
    (path,) = folder.glob("*.monitor.yaml")
    return path


def plain(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=Yaml12Loader)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_suite_of_every_family_has_no_mistake(family: str, here: Path, command: Command) -> None:
    code, out, err = command("init", "--adapter", family)
    path = the_suite(Path())
    assert (code, err) == (0, "")
    assert out == f"wrote {path}\nwrote .monitorbench/suite.schema.json\nnext: monitorbench run {path}\n"
    suite = load_suite(path)
    carried = {check.parameters["channel"] for check in suite.checks if check.type == "bottleneck-drop"}
    channels = {channel.name for channel in ADAPTERS.load(family).channels}
    assert carried == channels - {"recurrent_state", "loop_state"}, "those that its reference checkpoint has"
    assert {check.type for check in suite.checks} >= {"opaque-depth-ratio", "chronology-score"}


def test_every_family_of_this_package_is_known() -> None:
    assert set(ADAPTERS) == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_editor_accepts_it_by_the_schema_that_its_first_line_names(
    family: str, here: Path, command: Command
) -> None:
    command("init", "suites", "--adapter", family)
    path = the_suite(here / "suites")
    modeline = path.read_text(encoding="utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", modeline)
    assert named is not None
    schema = json.loads((path.parent / named[1]).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    assert list(jsonschema.Draft7Validator(schema).iter_errors(plain(path))) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_key_is_explained_where_it_comes_first(family: str, here: Path, command: Command) -> None:
    command("init", "--adapter", family)
    keys: dict[str, bool] = {}
    above = False
    for line in the_suite(here).read_text(encoding="utf-8").splitlines():
        if key := re.match(r"[\s-]*([A-Za-z_]+):", line):
            keys.setdefault(key[1], above or "  # " in line)
        above = line.lstrip().startswith("#")
    named = {"chain", "graph"}  # the task's own name, explained by the key above it
    assert [key for key, explained in keys.items() if not explained and key not in named] == []
    assert len(keys) > 20


def test_it_runs_and_passes_out_of_the_box(here: Path, command: Command) -> None:
    command("init", "--adapter", "autoregressive")
    code, out, _ = command("run", str(the_suite(Path())), "--limit", "24")
    assert code == 0, out
    assert re.findall(r"^(\w+) +(\w+) ", out, re.MULTILINE)[1:3] == [("depth", "pass"), ("reasoning", "pass")]


def test_without_a_word_it_is_about_the_checkpoint_that_shows_most(here: Path, command: Command) -> None:
    command("init")
    assert load_suite("diffusion-chain.monitor.yaml").model.source == "zoo:diffusion-chain"


def test_a_model_at_hand_says_itself_what_it_is(here: Path, checkpoints: Path, command: Command) -> None:
    code, _, err = command("init", "in/here", "--model", str(checkpoints / "diffusion"))
    assert (code, err) == (0, "")
    suite = load_suite(the_suite(here / "in/here"))
    assert (suite.model.source, suite.model.adapter) == (str(checkpoints / "diffusion"), None)
    assert suite.tasks.keys() == {"sums"}, "what reference checkpoints were trained for is nothing to others"
    assert suite.checks[0].parameters["channel"] == "self_conditioning"


def test_a_folder_is_named_as_the_suite_sees_it(here: Path, checkpoints: Path, command: Command) -> None:
    (here / "models").symlink_to(checkpoints)
    command("init", "suites", "--model", "models/causal", "--baseline", "models/causal")
    written = plain(the_suite(here / "suites"))
    assert (written["model"], written["baseline"]) == ("./../models/causal", "./../models/causal")
    assert load_suite(the_suite(here / "suites")).model.source == str(here / "models/causal")


def test_another_family_than_a_model_claims_stands_in_the_suite(
    here: Path, checkpoints: Path, command: Command
) -> None:
    command("init", "--model", str(checkpoints / "causal"), "--adapter", "thought-loop")
    suite = load_suite(the_suite(here))
    assert (suite.model.adapter, suite.baseline and suite.baseline.adapter) == ("thought-loop", "autoregressive")


def test_a_family_of_another_package_gets_a_check_for_each_of_its_channels(
    here: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = "monitorbench.adapters.depth_loop:DepthLoop"
    points = EntryPoints([EntryPoint("another", target, "monitorbench.adapters")])
    monkeypatch.setattr("monitorbench.registry.entry_points", lambda group: points.select(group=group))
    code, out, err = command("init", "--adapter", "another")
    assert (code, out) == (2, "")
    assert err == (
        "error: --adapter: the adapter family another has no reference checkpoint; name a model by --model\n"
    )
    assert command("init", "--adapter", "another", "--model", "org/name@v1")[0] == 0
    suite = load_suite("name.monitor.yaml")
    assert (suite.model.source, suite.model.revision, suite.model.adapter) == ("org/name", "v1", "another")
    ids = [check.id for check in suite.checks]
    assert ids == ["bottleneck-z_H", "bottleneck-z_L", "bottleneck-loop_state", "depth", "reasoning"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--model", "org/name"],
            "--model: the adapter family of org/name is not known without loading it; "
            "name it by --adapter (see `monitorbench list adapters`)",
        ),
        (["--adapter", "depth-lop"], "no adapter family is called 'depth-lop'; did you mean 'depth-loop'?"),
        (["--adapter", "depth-loop", "--model", "./none"], "--model: no such folder: `./none`; check the path"),
        (["--ci", "gitlab"], "--ci cannot be 'gitlab'; did you mean `github`?"),
        (["file"], "file: is not a folder; name a folder"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(
    words: list[str], message: str, here: Path, command: Command
) -> None:
    (here / "file").write_text("mine", encoding="utf-8")
    assert command("init", *words) == (2, "", f"error: {message}\n")
    assert [path.name for path in here.iterdir()] == ["file"]


def test_nothing_is_overwritten_unless_it_is_forced(here: Path, command: Command) -> None:
    command("init")
    assert command("init")[0] == 0, "what is there is the same"
    mine = here / "diffusion-chain.monitor.yaml"
    mine.write_text("mine", encoding="utf-8")
    code, out, err = command("init", "--ci", "github")
    assert (code, out) == (2, "")
    assert err == (
        "error: diffusion-chain.monitor.yaml: is there already; nothing was written; "
        "add --force, or name another folder\n"
    )
    assert mine.read_text(encoding="utf-8") == "mine"
    assert not (here / ".github").exists()
    assert command("init", "--force")[0] == 0
    assert load_suite(mine).name == "diffusion-chain"


def test_the_workflow_goes_to_the_root_of_the_repository(here: Path, command: Command) -> None:
    (here / ".git").mkdir()
    command("init", "deep/er", "--ci", "github")
    assert "run deep/er/diffusion-chain.monitor.yaml" in (here / WORKFLOW).read_text(encoding="utf-8")


def test_the_workflow_is_one_that_this_command_line_understands(here: Path, command: Command) -> None:
    command("init", "--ci", "github")
    job = plain(WORKFLOW)["jobs"]["monitorbench"]
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z/-]+@v\d+", action) for action in used), "pinned by major version"
    lines = [line for step in job["steps"] for line in step.get("run", "").splitlines()]
    ours = [shlex.split(line)[1:] for line in lines if line.startswith("monitorbench ")]
    assert [words[0] for words in ours] == ["run", "report", "report", "compare"]
    for words in ours:
        assert build_parser().parse_known_args(words)[1] == []
