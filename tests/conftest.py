"""Two very small checkpoints with random weights, made once, and the command line, for tests that run whole suites."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.cli import main

LAYERS, HIDDEN = 1, 32

if "PYTEST_XDIST_WORKER" in os.environ:
    # As many workers as cores: more threads would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints `diffusion` and `causal`, which share one tokenizer."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch

    from monitorbench.tasks.arithmetic_chain import vocabulary
    from monitorbench.zoo.models import build_causal, build_diffusion, build_tokenizer

    folder = tmp_path_factory.mktemp("checkpoints")
    tokenizer = build_tokenizer(vocabulary())
    for name, build in (("diffusion", build_diffusion), ("causal", build_causal)):
        torch.manual_seed(0)
        build(len(tokenizer), layers=LAYERS, hidden=HIDDEN).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


@pytest.fixture
def own_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Code that a checkpoint brings is kept in a folder of this test, and what another test imported is forgotten."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers_modules"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line; returns its exit code, stdout and stderr."""

    def command(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return (code, *capfd.readouterr())

    return command
