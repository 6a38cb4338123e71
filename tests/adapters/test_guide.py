"""The adapter in the guide runs, keeps every rule, and can be checked as the guide says."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import monitorbench.adapters
from monitorbench.adapters import conformance

GUIDE = Path(monitorbench.adapters.__file__).parent / "README.md"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the command calls the adapter of the guide, which lies in the working directory."""
    text = GUIDE.read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0]
    module = re.findall(r"Save it as `(\w+)\.py`", text)[0]
    (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, module, raising=False)
    return re.findall(rf"adapters check ({module}:\w+)", text)[0]


@pytest.mark.parametrize("checkpoint", ["gpt2", "causal", "gemma3"])
def test_the_example_keeps_every_rule(
    example: str, checkpoint: str, saved: Callable[[str], Path], command: Command
) -> None:
    code, out, _ = command("adapters", "check", example, "--model", str(saved(checkpoint)), "--max-new-tokens", "4")
    rules = len(conformance.CHECKS) + 1
    assert out.splitlines()[-1] == f"{rules} of {rules} rules kept; channels: memory"
    assert code == 0


def test_the_guide_names_every_rule() -> None:
    rows = re.findall(r"^\| (\w[\w ]+) \| .* \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    names = [check.__name__.replace("_", " ") for check in (*conformance.CHECKS, conformance.segments_trace)]
    assert [row for row in rows if row in names] == names
    assert rows[-len(names) :] == names
