"""A run of a trained checkpoint is killed at random moments; whoever goes on comes to the same report, byte for byte.

Three moments, or as many as the environment variable MONITORBENCH_KILLS says, which also has a sequential run killed.
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
  chain: {{family: arithmetic-chain, n: {n}, lengths: [2, 3]}}
sampling: {{seed: 0, max_new_tokens: 18, batch_size: 4, sampler: {{max_denoising_steps: 6}}{sequential}}}
defaults: {{task: chain}}
checks:
  - {{id: revision, check: chronology-score, metric: revision.rate, max: 0.9{causal}}}
  - {{id: b, check: bottleneck-drop, channel: self_conditioning, keep: [{{top_k: 8}}, {{top_k: 2}}], max_drop: 0.4}}
  - {{id: like, check: variable-transparency, channel: self_conditioning, min_readable_share: 0.1, neighbours: 2}}
"""
ASKED = os.environ.get("MONITORBENCH_KILLS")
N = 12 if ASKED else 6
SUITES = {
    # Arms that share batches, arms that rest on them, and experiments that rest on what those came to.
    "whole": SUITE.format(n=N, sequential="", causal=", causal: true"),
    "sequential": SUITE.format(n=N, sequential=", sequential: true", causal=""),
}
KILLS = int(ASKED or "3")
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


@pytest.mark.parametrize(
    "name", ["whole", pytest.param("sequential", marks=pytest.mark.skipif(not ASKED, reason="set MONITORBENCH_KILLS"))]
)
def test_a_run_killed_at_random_moments_goes_on_to_the_same_report(name: str, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
        (folder / "s.yaml").write_text(SUITES[name], encoding="utf-8")
    with started(whole) as run:
        run.communicate(timeout=600)
    due, shards, draw = report_in(whole), written(whole), random.Random(0)
    # The last moments fall into the judging of what is there, or into the writing of the report.
    moments = sorted(draw.uniform(0, shards + 2) for _ in range(KILLS))
    died = 0
    for moment in moments:
        with started(killed) as run:
            while written(killed) < min(int(moment), shards) and run.poll() is None:
                time.sleep(0.001)
            # The rest of the moment falls somewhere between one batch and the next, or into the start of the program.
            time.sleep(moment % 1 * 0.5 + max(0, int(moment) - shards))
            run.send_signal(signal.SIGKILL)
            run.communicate(timeout=60)
            died += run.returncode == -signal.SIGKILL
        assert not (killed / REPORT).exists() or report_in(killed) == due, "a report is whole, or not there"
    at_hand = written(killed)
    assert at_hand > 0
    with started(killed) as run:
        _, progress = run.communicate(timeout=600)
    assert "from the store)" in progress
    assert report_in(killed) == due
    assert written(killed) == shards, "what the killed left behind is swept away"
    assert died > KILLS // 2
