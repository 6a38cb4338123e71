"""A model that cannot be used as the suite says ends a run with one line and exit code 2; what can be, is reported."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from monitorbench.adapters.registry import DOES, SAYS
from monitorbench.report.write import read

Command = Callable[..., tuple[int, str, str]]

SUITE = """\
schema_version: 1
name: models
model: {source: ./model%s}
tasks:
  chain: {family: arithmetic-chain, n: 2}
sampling: {max_new_tokens: 8, batch_size: 2%s}
checks:
  - {id: order, check: chronology-score, metric: order.gamma, min: 0, task: chain}
"""
OWN = """\
from monitorbench.adapters.autoregressive import Autoregressive


class Own(Autoregressive):
    family = "own"


class Half:
    family, summary, channels, settings, left_to_right = "half", "Half.", (), (), True
"""


@pytest.fixture
def suite(tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a suite about a copy of a small model, with more said of the model and of the sampling."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_adapters.py").write_text(OWN, encoding="utf-8")
    monkeypatch.delitem(sys.modules, "own_adapters", raising=False)
    shutil.copytree(checkpoints / "causal", tmp_path / "model")

    def suite(model: str = "", sampling: str = "") -> Path:
        (tmp_path / "s.yaml").write_text(SUITE % (model, sampling), encoding="utf-8")
        return tmp_path / "model"

    return suite


def set_in(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def refusal(ended: tuple[int, str, str]) -> str:
    """The one line that a command is refused with."""
    code, out, err = ended
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    return line.removeprefix("error: ")


def test_a_class_of_ones_own_runs_without_being_registered(suite: Callable[..., Path], command: Command) -> None:
    suite(", adapter: own_adapters:Own, dtype: bfloat16", ', sampler: {own_setting: slow}, stop: ["answer"]')
    assert command("validate", "s.yaml")[0] == 0
    code, _, err = command("run", "s.yaml", "--output", "r.json")
    assert code in (0, 1, 3), err
    (model,) = read(Path("r.json")).models
    assert (model.family, model.dtype, model.remote_code, model.chat_template) == ("own", "bfloat16", False, False)
    assert "own_setting" in err


@pytest.mark.parametrize(
    ("adapter", "said"),
    [
        (
            "nowhere_at_all:Own",
            "the adapter family 'nowhere_at_all:Own' cannot be imported: No module named 'nowhere_at_all'; "
            "mend or install the package that it is in, or uninstall what registers it",
        ),
        (
            "own_adapters:Owm",
            "the adapter family 'own_adapters:Owm' cannot be imported: module 'own_adapters' has no attribute 'Owm'; "
            "mend or install the package that it is in, or uninstall what registers it",
        ),
        (
            "own_adapters:Half",
            f"the adapter family 'own_adapters:Half' has no {', '.join(DOES)}; a class needs "
            f"{', '.join((*SAYS, *DOES))}",
        ),
    ],
)
def test_a_class_that_is_no_adapter(suite: Callable[..., Path], command: Command, adapter: str, said: str) -> None:
    suite(f", adapter: {adapter}")
    assert command("validate", "s.yaml")[0] == 0, "the class is imported by a run only"
    line = refusal(command("run", "s.yaml"))
    assert line == said


def test_validating_imports_no_class_of_ones_own(suite: Callable[..., Path]) -> None:
    suite(", adapter: torch.nn:Linear")
    script = (
        "import sys\nfrom monitorbench.cli import main\n"
        "assert main(['validate', 's.yaml']) == 0\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)


@pytest.mark.parametrize("words", [("list",), ("list", "adapters"), ("validate", "s.yaml"), ("run", "s.yaml")])
def test_a_plugin_that_breaks_is_named(
    suite: Callable[..., Path], command: Command, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    suite()
    Path("unlicensed_adapters.py").write_text("raise OSError('the licence server is away')", encoding="utf-8")
    points = EntryPoints([EntryPoint(name="broken", value="unlicensed_adapters:Own", group="monitorbench.adapters")])
    monkeypatch.setattr("monitorbench.registry.entry_points", lambda group: points.select(group=group))
    assert refusal(command(*words)).endswith(
        "unlicensed_adapters:Own: the adapter family 'broken' cannot be imported: the licence server is away; "
        "mend or install the package that it is in, or uninstall what registers it"
    )


def test_a_chat_template_that_fails(suite: Callable[..., Path], command: Command) -> None:
    folder = suite()
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no system, no fun') }}", encoding="utf-8")
    line = refusal(command("run", "s.yaml"))
    assert "model: its chat template cannot be used: no system, no fun; mend chat_template" in line
    suite(", chat_template: false")
    assert command("run", "s.yaml", "--output", "r.json")[0] != 2
    assert read(Path("r.json")).models[0].chat_template is False


def test_a_tokenizer_without_a_token_to_fill_up_with(suite: Callable[..., Path], command: Command) -> None:
    folder = suite()
    set_in(folder / "tokenizer_config.json", pad_token=None, eos_token=None)
    for file in ("config.json", "generation_config.json"):
        set_in(folder / file, pad_token_id=None, eos_token_id=None)
    line = refusal(command("run", "s.yaml"))
    assert "model: its tokenizer has neither a padding nor an end token" in line


def test_a_map_without_accelerate(
    suite: Callable[..., Path], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite(", device_map: auto")
    monkeypatch.setattr("monitorbench.adapters.placement.find_spec", lambda _: None)
    line = refusal(command("run", "s.yaml"))
    assert line.endswith("not installed; pip install 'accelerate>=1.1'")


def test_a_prompt_that_leaves_no_room_for_thoughts(suite: Callable[..., Path], command: Command) -> None:
    suite(", adapter: thought-loop", ", sampler: {thoughts: 300}")
    line = refusal(command("run", "s.yaml"))
    assert "+ 8 tokens and 300 further positions, the model holds 256" in line
