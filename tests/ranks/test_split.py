"""A model that ranks hold together, where that comes to the same; elsewhere it is refused.

With MONITORBENCH_SPLIT=1 in the environment, models are split over two processes and compared with whole ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitorbench.adapters.factory import load_model
from monitorbench.errors import CheckpointError, UsageError
from monitorbench.planning import make_plan, vocabulary
from monitorbench.suite.loader import load
from monitorbench.suite.model import ModelSpec

PROGRAM = """\
import os
from monitorbench.adapters.base import Limits
from monitorbench.adapters.factory import load_model
from monitorbench.suite.model import ModelSpec

PROMPTS = {"zoo:ar-chain": "f = 3 ; g = f + 2", "zoo:masked-chain": "f = 3", "zoo:thought-idle": "a b"}
for source, prompt in PROMPTS.items():
    split, whole = (
        load_model("candidate", ModelSpec(source=source, tp_plan=plan), device="cpu", dtype="float32")
        for plan in ("auto", None)
    )
    assert split.report.tensor_parallel == {"plan": "auto", "ranks": 2}
    assert split.report.parameters == whole.report.parameters
    tokens = [
        one.adapter.generate([one.adapter.encode(prompt)] * 2, [0, 1], None, Limits(max_new_tokens=12)).tokens
        for one in (split, whole)
    ]
    assert tokens[0] == tokens[1], source
print("same")
"""


def refusal(source: str) -> str:
    with pytest.raises(CheckpointError) as refused:
        load_model("candidate", ModelSpec(source=source, tp_plan="auto"), device="cpu", dtype="float32")
    return str(refused.value)


def test_there_are_no_ranks_to_split_it_over() -> None:
    assert refusal("zoo:ar-chain").startswith(
        "zoo:ar-chain: tp_plan splits it over ranks, and there is one; start with"
    )


def test_a_family_that_runs_whole_models_only() -> None:
    said = refusal("zoo:diffusion-chain")
    assert "the adapter family block-diffusion runs whole models only; leave tp_plan out" in said
    assert said.endswith("families that can be split are autoregressive, masked-diffusion, thought-loop")


def test_a_model_whose_plan_is_wrong() -> None:
    assert "for hrm_text, it comes to other logits" in refusal("zoo:loop-chain")


def test_the_depth_of_a_part_is_not_taken_for_that_of_the_whole(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        """\
schema_version: 1
name: split
model: {source: zoo:ar-chain, tp_plan: auto}
tasks: {}
checks:
  - {id: depth, check: opaque-depth-ratio, context_length: 64, max_depth: 9}
""",
        encoding="utf-8",
    )
    suite = load(tmp_path / "s.yaml", vocabulary())
    with pytest.raises(
        UsageError, match="zoo:ar-chain: the depth of a model that ranks hold together cannot be traced"
    ):
        make_plan(
            suite, load_model("candidate", ModelSpec(source="zoo:ar-chain"), device="cpu", dtype="float32").adapter
        )


@pytest.mark.skipif(
    "MONITORBENCH_SPLIT" not in os.environ, reason="MONITORBENCH_SPLIT=1 asks for it: it takes half a minute"
)
def test_a_split_model_says_what_the_whole_one_says(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout.count("same") == 2, done.stderr
