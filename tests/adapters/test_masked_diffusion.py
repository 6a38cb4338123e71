"""Masked models: a canvas of masks is filled step by step, and nothing else crosses steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from monitorbench.adapters.base import Edit, Event, Limits
from monitorbench.adapters.conformance import Trial
from monitorbench.adapters.factory import load_model
from monitorbench.errors import CheckpointError, UsageError
from monitorbench.suite.model import ModelSpec
from monitorbench.tasks.arithmetic_chain import vocabulary
from monitorbench.zoo.models import build_tokenizer

MakeTrial = Callable[..., Trial]


def observed(trial: Trial) -> list[Event]:
    events: list[Event] = []
    trial.adapter.generate(trial.prompts, trial.seeds, events.append, trial.limits)
    return events


@pytest.mark.parametrize("name", ["masked", "bert", "roberta"])
def test_a_first_step_fills_what_a_plain_forward_pass_is_surest_of(trial_of: MakeTrial, name: str) -> None:
    trial = trial_of(name, canvases=1)
    adapter = trial.adapter
    first = observed(trial)[0]
    for row, prompt in enumerate(trial.prompts):
        ids_1T = torch.tensor([[*prompt, *[adapter.mask_id] * trial.limits.max_new_tokens]])  # type: ignore[attr-defined]  # this adapter's own
        with torch.no_grad():
            logits_PV = adapter.model(input_ids=ids_1T).logits[0, len(prompt) :]
        logits_PV[:, adapter.mask_id] = -torch.inf  # type: ignore[attr-defined]  # as above
        assert first.logits is not None
        torch.testing.assert_close(first.logits[row], logits_PV, atol=1e-4, rtol=1e-4)
        surest = int(logits_PV.softmax(-1).amax(-1).argmax())
        assert first.committed is not None
        assert first.committed[row].nonzero()[:, 0].tolist() == [surest]
        assert int(first.tokens[row, surest]) == int(logits_PV[surest].argmax())


def test_each_step_fills_its_share_and_what_is_filled_stays(trial_of: MakeTrial) -> None:
    events = observed(trial_of("masked", steps=6))
    filled = [event.committed for event in events if event.committed is not None]
    assert [[int(n) for n in committed_BP.sum(-1)] for committed_BP in filled] == [[3 * i] * 3 for i in range(1, 7)]
    assert all(bool((before <= after).all()) for before, after in itertools.pairwise(filled))


def test_a_filled_position_may_become_a_mask_again_when_revised(trial_of: MakeTrial) -> None:
    events = observed(trial_of("masked", revise=True, remasking="random"))
    filled = [event.committed for event in events if event.committed is not None]
    assert any(bool((before > after).any()) for before, after in itertools.pairwise(filled))
    assert bool(filled[-1].all())


def test_left_to_right_with_one_position_a_step_is_text_order(trial_of: MakeTrial) -> None:
    events = observed(trial_of("bert", remasking="left-to-right"))
    for step, event in enumerate(events):
        assert event.committed is not None
        assert event.committed.tolist() == [[place <= step for place in range(18)]] * 3


def test_blocks_follow_each_other(trial_of: MakeTrial) -> None:
    events = observed(trial_of("masked", block_length=6, steps=2))
    assert [(event.index.block, event.index.step) for event in events] == [(b, s) for b in range(3) for s in range(2)]
    assert all(event.tokens.shape == (3, 6) for event in events)


def test_a_held_position_is_filled_later(trial_of: MakeTrial) -> None:
    trial = trial_of("masked")
    committed: list[torch.Tensor] = []

    def hold_the_first(event: Event) -> Edit:
        assert event.committed is not None
        committed.append(event.committed)
        hold_BC = torch.zeros_like(event.committed)
        hold_BC[:, 0] = event.index.step < 17
        return Edit(hold=hold_BC)

    output = trial.adapter.generate(trial.prompts, trial.seeds, hold_the_first, trial.limits)
    assert bool(committed[-1].all())
    assert not any(trial.adapter.mask_id in tokens for tokens in output.tokens)  # type: ignore[attr-defined]  # this adapter's own


def test_a_canvas_that_a_hook_puts_in_is_what_comes_out(trial_of: MakeTrial) -> None:
    trial = trial_of("masked")
    given_BC = torch.arange(10, 28).expand(3, 18)
    output = trial.adapter.generate(trial.prompts, trial.seeds, lambda _: Edit(tokens=given_BC), trial.limits)
    assert output.tokens == (tuple(range(10, 28)),) * 3


def test_events_tell_the_canvas_that_the_step_saw(trial_of: MakeTrial) -> None:
    trial = trial_of("masked", canvases=1)
    seen: list[torch.Tensor] = []

    def hook(event: Event) -> Edit | None:
        assert event.canvas is not None
        seen.append(event.canvas)
        return Edit(tokens=torch.full_like(event.tokens, 7)) if len(seen) == 2 else None

    trial.adapter.generate(trial.prompts, trial.seeds, hook, trial.limits)
    assert (seen[0] == trial.adapter.mask_id).all()  # type: ignore[attr-defined]  # this adapter's own
    assert (seen[2] == 7).all()


def test_a_value_cannot_be_edited_where_none_is_carried(trial_of: MakeTrial) -> None:
    trial = trial_of("masked")
    with pytest.raises(UsageError, match="masked-diffusion does not honour an edit of value"):
        trial.adapter.generate(trial.prompts, trial.seeds, lambda _: Edit(value=torch.zeros(1)), trial.limits)


def test_generation_ends_with_the_text(trial_of: MakeTrial) -> None:
    trial = trial_of("masked", block_length=6)
    ended_BC = torch.tensor([[7, 1, 7, 7, 7, 7]] * 3)
    events: list[Event] = []

    def end(event: Event) -> Edit:
        events.append(event)
        return Edit(tokens=ended_BC)

    output = trial.adapter.generate(
        trial.prompts, trial.seeds, end, Limits(max_new_tokens=18, sampler={"steps": 1, "block_length": 6})
    )
    assert output.tokens == ((7,),) * 3
    assert output.finished == (True,) * 3
    assert [event.index.block for event in events] == [0]


def test_a_model_without_a_mask_token_is_refused(saved: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "maskless"
    folder.mkdir()
    for file in saved("bert").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    build_tokenizer(vocabulary()).save_pretrained(folder)
    with pytest.raises(CheckpointError, match="its tokenizer has no mask token, which this family fills in; set"):
        load_model("candidate", ModelSpec(source=str(folder)), device="cpu", dtype="float32")
