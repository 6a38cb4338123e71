"""A folder of suites and pytest sessions in it, for tests of the plugin."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Any

import pytest

HEAD = """\
schema_version: 1
name: {name}
model: {folder}/{model}
baseline: {folder}/causal
tasks:
  chain: {{family: arithmetic-chain, n: 6}}
sampling: {{max_new_tokens: 16, batch_size: 3}}
defaults: {{task: chain}}
checks:
"""
PASSES = """\
  - id: order
    check: chronology-score
    metric: order.gamma
    min: 0.9
"""
FAILS = """\
  - id: disorder
    check: chronology-score
    metric: order.gamma
    max: 0.5
"""
DOES_NOT_APPLY = """\
  - id: bottleneck
    check: bottleneck-drop
    channel: self_conditioning
    keep: {top_k: 8}
    max_drop: 0.05
"""
RESTS_ON_IT = """\
  - id: depth
    check: opaque-depth-ratio
    context_length: 64
    interpretable_if: {self_conditioning: bottleneck}
    max_ratio: 1.5
"""
CANNOT_BE_DECIDED = """\
  - id: resolved
    check: chronology-score
    metric: order.resolved
    min: 0.1
"""
ALL = PASSES + FAILS + DOES_NOT_APPLY + RESTS_ON_IT


class Bench:
    """A folder of suites, and pytest sessions in it."""

    def __init__(self, pytester: pytest.Pytester, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester, self.checkpoints, self._monkeypatch = pytester, checkpoints, monkeypatch

    def suite(self, checks: str, *, file: str = "s.monitor.yaml", model: str = "causal", name: str = "small") -> str:
        """Write a suite; returns its text."""
        text = HEAD.format(folder=self.checkpoints, model=model, name=name) + checks
        (self.pytester.path / file).write_text(text, encoding="utf-8")
        return text

    def ini(self, **values: str) -> None:
        """Write an ini file; the prefix of our options is left out."""
        lines = [f"monitorbench_{key} = {value}" for key, value in values.items()]
        self.pytester.makeini("\n".join(["[pytest]", *lines]))

    def test(self, body: str, *, file: str = "test_own.py") -> None:
        """Write a test of one's own, in which MODEL is a checkpoint and TASK a task."""
        task, sampling = {"family": "arithmetic-chain", "n": 6}, {"max_new_tokens": 16, "batch_size": 3}
        head = f"MODEL, BASELINE = {str(self.checkpoints / 'diffusion')!r}, {str(self.checkpoints / 'causal')!r}\n"
        head += f"TASK, SAMPLING = {task!r}, {sampling!r}\n"
        lines = [f"    {line}\n" for line in body.strip().splitlines()]
        (self.pytester.path / file).write_text(head + "def test_it(monitorbench):\n" + "".join(lines), encoding="utf-8")

    def pytest(self, *words: str) -> pytest.RunResult:
        """A session in this process, in which every warning is an error as it is around it."""
        return self.pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error", *words)

    def collected(self, *words: str) -> list[Any]:
        """The tests of a session that runs none of them."""
        items, _ = self.pytester.inline_genitems("-p", "no:cacheprovider", *words)
        return items

    def counting(self, target: str, name: str) -> list[str]:
        """What grows by one entry whenever a function is called in a session of this process."""
        calls: list[str] = []
        owner = pkgutil.resolve_name(target)
        real = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return real(*args, **kwargs)

        self._monkeypatch.setattr(owner, name, counted)
        return calls

    def batches(self) -> list[str]:
        """What grows by one entry with every batch that the autoregressive model generates."""
        return self.counting("monitorbench.adapters.autoregressive:Autoregressive", "generate")

    def loads(self) -> list[str]:
        """What grows by one entry with every model that is loaded."""
        return self.counting("monitorbench.adapters.factory", "load_model")

    def __truediv__(self, name: str) -> Path:
        return self.pytester.path / name
