"""`plan` says what a run would record, how long that takes and what it can tell, and keeps nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Command = Callable[..., tuple[int, str, str]]


def on_diffusion(checkpoints: Path) -> tuple[str, ...]:
    return ("--model", f"{checkpoints}/diffusion", "--set", "sampling.sampler={max_denoising_steps: 2}")


def test_plan_lists_arms_and_says_what_the_prompts_can_tell(folder: Path, checkpoints: Path, command: Command) -> None:
    code, out, _ = command("plan", "s.yaml", *on_diffusion(checkpoints))
    assert code == 0
    assert "loading" not in out
    lines = out.splitlines()
    assert lines[0] == f"s.yaml: {checkpoints}/diffusion on cpu"
    assert lines[1] == "arm    candidate on chain, as it is: 6 rollouts in 2 batches"
    assert "in all 10 arms, 60 rollouts, about" in out
    assert "check  bottleneck: 6 prompts rule out drops above" in out
    assert "warning: check bottleneck will hardly be decided" in out
    assert lines[-1] == "check  depth: no forecast for opaque-depth-ratio"
    assert [path.name for path in folder.iterdir()] == ["s.yaml"], "nothing is kept"


def test_without_a_trial_no_model_runs_and_no_time_is_told(folder: Path, checkpoints: Path, command: Command) -> None:
    code, out, _ = command("plan", "s.yaml", "--no-trial", *on_diffusion(checkpoints))
    assert code == 0
    assert "time unknown without a trial" in out


def test_plan_as_json(folder: Path, checkpoints: Path, command: Command) -> None:
    code, out, _ = command("plan", "s.yaml", "--json", *on_diffusion(checkpoints))
    plan = json.loads(out)
    assert (code, plan["rollouts"], len(plan["arms"])) == (0, 60, 10)
    assert plan["seconds"] > 0
    assert plan["power"] == 1 - 0.1 / 3, "three checks have to pass together"
    assert plan["checks"]["bottleneck"]["figures"]["discordances"] == [0.05, 0.1, 0.2]


def test_plan_refuses_what_a_run_would_refuse(folder: Path, command: Command) -> None:
    code, out, err = command("plan", "s.yaml", "--model", "nowhere")
    assert (code, out) == (2, "")
    assert err.startswith("--model:1:1: `nowhere` is neither")
