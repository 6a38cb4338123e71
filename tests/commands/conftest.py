"""A suite on disk to run commands on."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.fixture
def folder(tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the suite `s.yaml` about the small checkpoints, and nothing else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SUITE.format(folder=checkpoints), encoding="utf-8")
    return tmp_path
