"""Recurrent and hybrid models carry a state from token to token, which can be watched, replaced and taken away."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from recurrent_models import RECURRENT

from monitorbench.adapters.base import ABSENT, Edit, Event, Limits
from monitorbench.adapters.conformance import Trial, findings
from monitorbench.adapters.recurrent_state import RECURRENT_STATE
from monitorbench.depth import trace_segment

MakeTrial = Callable[..., Trial]
SAMPLED = {"do_sample": True, "temperature": 0.7, "top_k": 20}
GREEDY = Limits(max_new_tokens=5, sampler={"do_sample": False})


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_recurrent_model_breaks_no_rule(trial_of: MakeTrial, kind: str) -> None:
    assert findings(trial_of(kind, **SAMPLED), trace=trace_segment) == ()


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_prompt_gives_the_same_alone_and_beside_a_longer_one(trial_of: MakeTrial, kind: str) -> None:
    """Alone and without padding, as the model's own `generate` runs it."""
    trial = trial_of(kind)
    model: Any = trial.adapter.model
    prompts = [trial.prompts[0][-6:], trial.prompts[1]]
    assert len(prompts[1]) > 6
    events: list[Event] = []
    output = trial.adapter.generate(prompts, [0, 1], events.append, GREEDY)
    for row, prompt in enumerate(prompts):
        ids = torch.tensor([list(prompt)])
        with torch.no_grad():
            alone = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=5,
                do_sample=False,
                output_logits=True,
                return_dict_in_generate=True,
                disable_compile=True,
            )
        observed = [e.logits[row, 0] for e in events if e.logits is not None and bool(e.live[row])]
        assert tuple(alone.sequences[0, ids.shape[1] :].tolist())[: len(output.tokens[row])] == output.tokens[row]
        for ours, theirs in zip(observed, alone.logits, strict=True):
            torch.testing.assert_close(ours, theirs[0], rtol=1e-4, atol=1e-4)
