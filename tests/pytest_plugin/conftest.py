"""Sessions in this process share the model libraries that were imported before."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from pathlib import Path

import pytest
from plugin_bench import ALL, HEAD, Bench

from monitorbench.api import run_suite


@pytest.fixture(scope="session")
def ready(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints, after one run of each: model libraries cannot be imported a second time in one process, and
    an inner session forgets what was imported during it."""
    importlib.import_module("hypothesis")  # its pytest plugin would import it at the end of every inner session
    for model in ("causal", "diffusion"):
        file = tmp_path_factory.mktemp("ready") / "s.yaml"
        file.write_text(HEAD.format(folder=checkpoints, model=model, name="ready") + ALL, encoding="utf-8")
        run_suite(file)
    return checkpoints


@pytest.fixture
def bench(pytester: pytest.Pytester, ready: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A folder of suites; warnings of the inner sessions are errors."""
    looked_up_once = cache(importlib.metadata.entry_points)
    monkeypatch.setattr("monitorbench.registry.entry_points", looked_up_once)
    return Bench(pytester, ready, monkeypatch)
