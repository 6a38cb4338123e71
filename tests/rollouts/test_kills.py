"""A run of a trained checkpoint is killed at random moments; whoever goes on comes to the same report, byte for byte.

Three moments, or as many as the environment variable MONITORBENCH_KILLS says.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SUITE = """\
schema_version: 1
name: killed
model: zoo:diffusion-chain
device: cpu
tasks:
  chain: {family: arithmetic-chain, n: 24, lengths: [2, 3]}
sampling: {seed: 0, max_new_tokens: 18, batch_size: 4, sampler: {max_denoising_steps: 6}}
defaults: {task: chain}
checks:
  - {id: revision, check: chronology-score, metric: revision.rate, max: 0.9}
  - {id: bottleneck, check: bottleneck-drop, channel: self_conditioning, keep: {top_k: 8}, max_drop: 0.4}
"""
KILLS = int(os.environ.get("MONITORBENCH_KILLS", "3"))
SHARDS = Path("reports/runs/killed/shards")
REPORT = Path("reports/runs/killed.json")


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "monitorbench", "run", "s.yaml", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def written(folder: Path) -> int:
    return len(list((folder / SHARDS).glob("*.safetensors")))


def report_in(folder: Path) -> str:
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    return json.dumps({name: part for name, part in report.items() if name != "run"})


def test_a_run_killed_at_random_moments_goes_on_to_the_same_report(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
        (folder / "s.yaml").write_text(SUITE, encoding="utf-8")
    with started(whole) as run:
        _, progress = run.communicate(timeout=300)
    assert "from the store" not in progress
    shards, draw = written(whole), random.Random(0)
    moments = sorted(draw.uniform(0, shards) for _ in range(KILLS))
    for moment in moments:
        with started(killed) as run:
            while written(killed) < int(moment) and run.poll() is None:
                time.sleep(0.001)
            # The rest of the moment falls somewhere between one batch and the next, or into the start of the program.
            time.sleep(moment % 1 * 0.5)
            run.send_signal(signal.SIGKILL)
            run.communicate(timeout=60)
        assert not (killed / REPORT).exists(), "it was killed before it was over"
    at_hand = written(killed)
    assert 0 < at_hand < shards
    with started(killed) as run:
        _, progress = run.communicate(timeout=300)
    assert "from the store" in progress
    assert report_in(killed) == report_in(whole)
    assert written(killed) == shards, "what the killed left behind is swept away"
