"""Every family keeps every rule. Broken adapters are in `test_conformance_faults.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from monitorbench.adapters import conformance
from monitorbench.adapters.base import Event
from monitorbench.adapters.conformance import Trial, findings
from monitorbench.depth import trace_segment

MakeTrial = Callable[..., Trial]
SAMPLED = {"do_sample": True, "temperature": 0.7, "top_k": 20}


def mean_entropy(event: Event) -> torch.Tensor:
    """(B,) mean entropy of each row in nats, which the sampler compares with its confidence threshold."""
    return torch.distributions.Categorical(logits=event.logits).entropy().mean(-1)


def first_canvas(trial: Trial) -> list[Event]:
    """The observations of the first canvas."""
    events: list[Event] = []
    trial.adapter.generate(trial.prompts, trial.seeds, events.append, trial.limits)
    return [event for event in events if event.channel is None and event.index.block == 0]


FEW_STEPS = {"max_denoising_steps": 4}


@pytest.mark.parametrize(
    ("name", "sampler"),
    [
        ("diffusion", FEW_STEPS),
        ("diffusion with experts", FEW_STEPS),
        ("causal", SAMPLED),
        ("causal", {}),
        ("causal with experts", SAMPLED),
        ("dense", SAMPLED),
        ("gemma3", SAMPLED),
        ("gpt2", SAMPLED),
        ("llama", SAMPLED),
        ("qwen3", SAMPLED),
        ("mixtral", SAMPLED),
        ("masked", {"steps": 4, "temperature": 0.7}),
        ("masked", {"block_length": 4, "steps": 2, "remasking": "random", "revise": True}),
        ("bert", {"remasking": "margin"}),
        ("roberta", {"remasking": "entropy", "steps": 4}),
        ("thinking gpt2", {}),
        ("thinking gemma3", {"temperature": 0.7}),
        ("projecting gpt2", {}),
        ("projecting gemma3", {}),
        ("mixing gpt2", {}),
        ("mixing gemma3", {"stop_entropy": 4.8, "stop_after": 2}),
    ],
    ids=[
        *("diffusion-gemma", "diffusion-gemma-experts"),
        *("gemma4", "gemma4-greedy", "gemma4-experts", "gemma4-dense", "gemma3", "gpt2", "llama", "qwen3", "mixtral"),
        *("modernbert", "modernbert-revised", "bert", "roberta"),
        *("thoughts-gpt2", "thoughts-gemma3", "projected-gpt2", "projected-gemma3", "mixed-gpt2", "mixed-gemma3"),
    ],
)
def test_an_adapter_breaks_no_rule(trial_of: MakeTrial, name: str, sampler: dict[str, Any]) -> None:
    assert findings(trial_of(name, tokens=6, **sampler), trace=trace_segment) == ()


@pytest.mark.parametrize(("name", "seed"), [("diffusion", 0), ("diffusion with experts", 5)])
def test_rows_stay_independent_when_their_texts_end_in_different_canvases(
    trial_of: MakeTrial, name: str, seed: int
) -> None:
    trial = trial_of(name, seed=seed, canvases=3)
    output = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)
    assert set(output.finished) == {True, False}
    assert conformance.rows_are_independent(trial) == conformance.nothing_is_left_behind(trial) == ()


def test_rows_stay_independent_when_their_canvases_settle_at_different_steps(trial_of: MakeTrial) -> None:
    unsure_B = mean_entropy(first_canvas(trial_of("confident diffusion"))[4])
    settling = {"stability_threshold": 0, "confidence_threshold": float(unsure_B.min() + unsure_B.max()) / 2}
    trial = trial_of("confident diffusion", canvases=2, **settling)
    steps = [sum(column) for column in zip(*(event.live.tolist() for event in first_canvas(trial)), strict=True)]
    assert len(set(steps)) > 1
    assert conformance.rows_are_independent(trial) == conformance.edits_arrive(trial) == ()


def test_a_row_draws_the_same_in_batches_of_another_size(trial_of: MakeTrial) -> None:
    for name in ("diffusion", "causal"):
        trial = trial_of(name, canvases=2, **({} if name == "diffusion" else SAMPLED))
        together = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)
        for row, (prompt, seed) in enumerate(zip(trial.prompts, trial.seeds, strict=True)):
            alone = trial.adapter.generate([prompt], [seed], None, trial.limits)
            assert alone.tokens[0] == together.tokens[row]
