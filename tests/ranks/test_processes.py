"""Ranks as processes, started by torchrun or by hand: their report is that of one, and one that is killed ends the run.

One rank is killed; or as many as the environment variable MONITORBENCH_RANK_KILLS says, every other time rank 0.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.cli import main

SUITE = """\
schema_version: 1
name: dealt
model: {folder}/diffusion
device: cpu
tasks:
  chain: {{family: arithmetic-chain, n: 24, lengths: [2, 3]}}
sampling: {{seed: 0, max_new_tokens: 18, batch_size: 2, sampler: {{max_denoising_steps: 3}}}}
defaults: {{task: chain}}
checks:
  - {{id: order, check: chronology-score, metric: order.gamma, min: -0.9}}
  - {{id: b, check: bottleneck-drop, channel: self_conditioning, keep: {{top_k: 8}}, max_drop: 0.9}}
"""
KILLS = int(os.environ.get("MONITORBENCH_RANK_KILLS", "1"))
REPORT, SHARDS = Path("reports/runs/dealt.json"), Path("reports/runs/dealt/shards")
WORDS = ("-m", "monitorbench", "run", "s.yaml")
Command = Callable[..., tuple[int, str, str]]


def report_in(folder: Path) -> str:
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    return json.dumps({name: part for name, part in report.items() if name != "run"})


def written(folder: Path) -> int:
    return len(list((folder / SHARDS).glob("*.safetensors")))


@pytest.fixture(scope="module")
def suite(checkpoints: Path) -> str:
    return SUITE.format(folder=checkpoints)


@pytest.fixture
def make(tmp_path: Path, suite: str) -> Callable[[str], Path]:
    """Makes a working folder with the suite in it."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "s.yaml").write_text(suite, encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, suite: str) -> Path:
    """Where this process ran the suite."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "s.yaml").write_text(suite, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", "s.yaml", "--quiet"]) == 3
    return folder


def as_many_threads() -> dict[str, str]:
    """Rollouts are those of this process only where sums are split alike."""
    import torch

    return {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def started(folder: Path, size: int) -> list[subprocess.Popen[str]]:
    """All ranks, started without torchrun: the leading one keeps the messages."""
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(size)}
    return [
        subprocess.Popen(
            [sys.executable, *WORDS],
            cwd=folder,
            env={**as_many_threads(), **where, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]


def ended(ranks: list[subprocess.Popen[str]]) -> tuple[list[int], list[str], list[str]]:
    """Exit codes, what was said, and what was complained of, by rank."""
    said = [rank.communicate(timeout=300) for rank in ranks]
    return [rank.returncode for rank in ranks], [out for out, _ in said], [err for _, err in said]


def test_torchrun_comes_to_the_report_of_one_process(whole: Path, make: Callable[[str], Path]) -> None:
    folder = make("two")
    words = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *WORDS]
    done = subprocess.run(
        words, cwd=folder, env=as_many_threads(), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 1, "torchrun has no other code for a rank that ends with one"
    assert done.stdout.count(", exit 3") == 1, "only one rank speaks"
    assert report_in(folder) == report_in(whole)
    assert written(folder) == written(whole)


def test_ranks_that_are_killed_end_the_run_and_what_was_finished_is_kept(
    whole: Path, make: Callable[[str], Path], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, draw = make("killed"), random.Random(0)
    moments = sorted(draw.uniform(0.1, 0.8) * written(whole) for _ in range(KILLS))
    for number, moment in enumerate(moments):
        ranks = started(folder, 2)
        victim = ranks[1 - number % 2]
        while written(folder) < moment and victim.poll() is None:
            time.sleep(0.005)
        victim.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        codes, _, errors = ended(ranks)
        assert sorted(codes) == [-signal.SIGKILL, 2]
        assert time.monotonic() - killed < 20
        (said,) = [line for line in "".join(errors).splitlines() if line.startswith("error: ")]
        assert said.startswith(f"error: rank {1 - number % 2} (process {victim.pid} on ")
        assert "run it again, with any number of ranks or without torchrun" in said
        assert not (folder / REPORT).exists()
    at_hand = written(folder)
    assert 0 < at_hand < written(whole)
    alone = Path(shutil.copytree(folder, folder.with_name("alone")))
    codes, outputs, errors = ended(started(folder, 3))
    assert codes == [3, 0, 0], errors
    assert [bool(out) for out in outputs] == [True, False, False]
    assert "from the store" in errors[0]
    assert report_in(folder) == report_in(whole)
    assert written(folder) == written(whole)
    monkeypatch.chdir(alone)
    code, _, progress = command("run", "s.yaml")
    assert code == 3
    assert "from the store" in progress
    assert report_in(alone) == report_in(whole)
    assert written(alone) == written(whole)
